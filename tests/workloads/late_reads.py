"""Reads what had come on connections that the kernel has taken for over since, then ends.

Each side is told apart by the path of its request:

    /half         the client had sent its FIN, and the server's came before the answer was read
    /refused      the server refuses without reading the body, which resets the connection
    /gone         the client resets the connection before the server reads the request
    /then-gone    the same of the second request of a connection
"""

import contextlib
import socket
import struct
import threading

TCP_CLOSE = 7
ANSWER = b"HTTP/1.1 %s\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def until_over(end):
    """Waits until the kernel's state of a connection is CLOSE."""
    while end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[0] != TCP_CLOSE:
        pass


def request(method, path, more=b""):
    return b"%s %s HTTP/1.1\r\nHost: late\r\n%s\r\n" % (method, path, more)


def pair():
    """Both ends of a new connection, the client's first."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        return client, listener.accept()[0]


def reset(end):
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


def rest(end):
    """All that can still be read."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while more := end.recv(4096):
            got += more
    return got


def half():
    client, server = pair()
    client.sendall(request(b"GET", b"/half"))
    client.shutdown(socket.SHUT_WR)
    server.recv(4096)
    server.sendall(ANSWER % b"200 OK")
    server.close()
    until_over(client)
    assert rest(client).endswith(b"ok")
    client.close()


def refused():
    client, server = pair()
    head = request(b"POST", b"/refused", b"Content-Length: 20000\r\n")
    client.sendall(head + bytes(20000))
    server.recv(len(head))
    server.sendall(ANSWER % b"413 Too Large")
    server.close()
    until_over(client)
    assert rest(client).endswith(b"ok")
    client.close()


def answer_nobody(server, path):
    """Reads a request whose client is gone, and finds that out."""
    until_over(server)
    assert path in server.recv(4096)
    with contextlib.suppress(ConnectionResetError):
        server.sendall(ANSWER % b"200 OK")
    server.close()


def gone():
    client, server = pair()
    client.sendall(request(b"GET", b"/gone"))
    reset(client)
    answer_nobody(server, b"/gone")


def then_gone():
    client, server = pair()
    client.sendall(request(b"GET", b"/first"))
    server.recv(4096)
    server.sendall((ANSWER % b"200 OK").replace(b"Connection: close\r\n", b""))
    client.recv(4096)
    client.sendall(request(b"GET", b"/then-gone"))
    reset(client)
    answer_nobody(server, b"/then-gone")


for case in (half, refused, gone, then_gone):
    thread = threading.Thread(target=case)
    thread.start()
    thread.join()
