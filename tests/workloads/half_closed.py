"""Answers on a Unix socket who has asked and said that nothing more will come, after SECONDS.

half_closed.py SOCKET SECONDS
"""

import socket
import sys
import time

listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
while True:
    connection, _ = listener.accept()
    with connection:
        if not connection.recv(4096):
            continue
        while connection.recv(4096):
            pass
        time.sleep(float(sys.argv[2]))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
