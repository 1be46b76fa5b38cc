"""A service that serves a request at a time and waits for the next, as prefork workers do.

worker.py PORT NEXT KIND

It passes each request on to NEXT (host:port) on a connection that it keeps, with a time limit on every
call, so that it polls before each of them. KIND says how it waits for requests:

    accept   it selects on its listener and a pipe, accepts, and serves one request (gunicorn's sync)
    keep     a thread a connection, which polls it and a pipe before each request (Thrift, CivetWeb)
    limit    a thread a connection, with a time limit on reads
"""

import http.client
import os
import select
import socket
import sys
import threading

PORT, NEXT, KIND = int(sys.argv[1]), sys.argv[2], sys.argv[3]
PIPE, _ = os.pipe()
LOCAL = threading.local()


def ask(path):
    if not hasattr(LOCAL, "connection"):
        LOCAL.connection = http.client.HTTPConnection(NEXT, timeout=5)
    LOCAL.connection.request("GET", path)
    return LOCAL.connection.getresponse().read()


def serve_one(end):
    """Whether there was a request."""
    if KIND == "keep":
        poll = select.poll()
        poll.register(end, select.POLLIN)
        poll.register(PIPE, select.POLLIN)
        poll.poll()
    head = b""
    while b"\r\n\r\n" not in head:
        more = end.recv(65536)
        if not more:
            return False
        head += more
    # Two calls: the second is made after the first's answer was waited for.
    path = head.split(b" ")[1].decode()
    ask(path + "/first")
    body = ask(path + "/second")
    end.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    return True


def serve(end):
    with end:
        if KIND == "limit":
            end.settimeout(5)
        while serve_one(end):
            pass


def main():
    listener = socket.create_server(("127.0.0.1", PORT))
    while True:
        if KIND == "accept":
            select.select([listener, PIPE], [], [], 5)
            end, _ = listener.accept()
            with end:
                serve_one(end)
        else:
            end, _ = listener.accept()
            threading.Thread(target=serve, args=(end,)).start()


main()
