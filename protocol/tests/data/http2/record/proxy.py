"""Records one TCP connection: a line a read, `C` or `S`, microseconds since the start, hex.

usage: proxy.py LISTEN_PORT SERVER_PORT FILE
"""
import selectors
import socket
import sys
import time


def main(listen, target, path):
    listener = socket.create_server(("127.0.0.1", listen))
    client, _ = listener.accept()
    server = socket.create_connection(("127.0.0.1", target))
    for end in (client, server):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    selector = selectors.DefaultSelector()
    selector.register(client, selectors.EVENT_READ, ("C", server))
    selector.register(server, selectors.EVENT_READ, ("S", client))
    start = time.monotonic()
    with open(path, "w", encoding="ascii") as out:
        while len(selector.get_map()) == 2:
            for key, _ in selector.select():
                side, other = key.data
                data = key.fileobj.recv(65536)
                if not data:
                    selector.unregister(key.fileobj)
                    break
                at = int((time.monotonic() - start) * 1e6)
                out.write(f"{side} {at} {data.hex()}\n")
                other.sendall(data)


main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
