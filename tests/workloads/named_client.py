"""An HTTP client whose Unix socket has a name of its own, as a server's has.

named_client.py SOCKET, then a path on each line.
"""

import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as connection:
    connection.bind(f"\0client-{os.getpid()}")
    for number, line in enumerate(sys.stdin):
        if number == 0:
            connection.connect(sys.argv[1])
        connection.sendall(f"GET {line.strip()} HTTP/1.1\r\nHost: test.example\r\n\r\n".encode())
        print(connection.recv(4096).split()[1].decode(), flush=True)
