#!/usr/bin/env python3
"""Records one client's connections to a server, for the tests of the SQL dissectors.

    record.py LISTEN_PORT SERVER_PORT FILE -- COMMAND [ARGUMENT …]

Runs COMMAND, which is to connect to 127.0.0.1:LISTEN_PORT, and writes what passed to FILE: records
of one byte (0 a new connection, 1 from the client, 2 from the server), the connection's number
(one byte), a length (four bytes, big endian) and that many bytes.
"""

import select
import socket
import struct
import subprocess
import sys


def main():
    listen, server, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    command = sys.argv[sys.argv.index("--") + 1 :]
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", listen))
    listener.listen()
    process = subprocess.Popen(command)
    pairs, number = {}, 0
    with open(path, "wb") as out:
        while process.poll() is None or pairs:
            ready, _, _ = select.select([listener, *pairs], [], [], 0.1)
            for source in ready:
                if source is listener:
                    client, _ = listener.accept()
                    upstream = socket.create_connection(("127.0.0.1", server))
                    for one in (client, upstream):
                        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    pairs[client] = (upstream, 1, number)
                    pairs[upstream] = (client, 2, number)
                    out.write(struct.pack(">BBI", 0, number, 0))
                    number += 1
                    continue
                if source not in pairs:
                    continue
                target, kind, connection = pairs[source]
                try:
                    data = source.recv(65536)
                except ConnectionError:
                    data = b""
                if data:
                    out.write(struct.pack(">BBI", kind, connection, len(data)) + data)
                    target.sendall(data)
                else:
                    for one in (source, target):
                        pairs.pop(one, None)
                        one.close()
    sys.exit(process.returncode)


main()
