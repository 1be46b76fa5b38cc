"""An HTTP server that reads and writes in every way that the system offers.

syscalls.py PORT

A connection says with its first bytes how it wants to be served: HOW, as in "recv-send", and a line
feed. After an answer of one line feed it carries HTTP, and every response says HOW.
"""

import array
import os
import select
import socket
import sys
import tempfile
import threading

BODY = bytes(range(32, 127)) * 11000
END = b"\r\n\r\n"


def recv(connection):
    return connection.recv(4096)


def recv_into(connection):
    buffer = bytearray(4096)
    return bytes(buffer[: connection.recv_into(buffer)])


def recvfrom(connection):
    return connection.recvfrom(4096)[0]


def recvmsg(connection):
    return connection.recvmsg(4096)[0]


def recvmsg_vectored(connection):
    buffers = [bytearray(7), bytearray(1), bytearray(4096)]
    length = connection.recvmsg_into(buffers)[0]
    return b"".join(buffers)[:length]


def read(connection):
    return os.read(connection.fileno(), 4096)


def readv(connection):
    buffers = [bytearray(5), bytearray(3), bytearray(4096)]
    length = os.readv(connection.fileno(), buffers)
    return b"".join(buffers)[:length]


def peek(connection):
    connection.recv(4096, socket.MSG_PEEK)
    connection.recv(10, socket.MSG_PEEK)
    return connection.recv(4096)


def byte(connection):
    return connection.recv(1)


def nonblocking(connection):
    """Tries before there is anything, as event loops do."""
    connection.setblocking(False)
    while True:
        try:
            return connection.recv(4096)
        except BlockingIOError:
            select.select([connection], [], [])
        finally:
            connection.setblocking(True)


def dup(connection):
    """The same socket under another number."""
    other = os.dup(connection.fileno())
    try:
        return os.read(other, 4096)
    finally:
        os.close(other)


def preadv2(connection):
    """Where there is no position, -1 is the one (preadv2(2))."""
    buffers = [bytearray(6), bytearray(4096)]
    length = os.preadv(connection.fileno(), buffers, -1)
    return b"".join(buffers)[:length]


def send(connection, head, body):
    connection.sendall(head + body)


def send_apart(connection, head, body):
    connection.sendall(head)
    connection.sendall(body)


def sendto(connection, head, body):
    data = head + body
    while data:
        data = data[connection.sendto(data, connection.getpeername()) :]


def sendmsg(connection, head, body):
    sent = connection.sendmsg([head[:9], head[9:], body])
    connection.sendall((head + body)[sent:])


def write(connection, head, body):
    data = head + body
    while data:
        data = data[os.write(connection.fileno(), data) :]


def writev(connection, head, body):
    sent = os.writev(connection.fileno(), [head[:3], head[3:], body])
    connection.sendall((head + body)[sent:])


def many_buffers(connection, head, body):
    """As gRPC's core writes the frames of many streams: each piece in a buffer of its own."""
    sent = connection.sendmsg([head[at : at + 1] for at in range(len(head))] + [body])
    connection.sendall((head + body)[sent:])


def sendfile(connection, head, body):
    connection.sendall(head, socket.MSG_MORE)
    with tempfile.TemporaryFile() as file:
        file.write(body)
        file.flush()
        offset = 0
        while offset < len(body):
            offset += os.sendfile(connection.fileno(), file.fileno(), offset, len(body) - offset)


def splice(connection, head, body):
    connection.sendall(head)
    reader, writer = os.pipe()
    try:
        left = body
        while left:
            length = os.write(writer, left[:60000])
            left = left[length:]
            while length:
                length -= os.splice(reader, connection.fileno(), length)
    finally:
        os.close(reader)
        os.close(writer)


def partial(connection, head, body):
    """Fills the socket until it takes no more, again and again."""
    connection.setblocking(False)
    data = head + body
    while data:
        try:
            data = data[connection.send(data) :]
        except BlockingIOError:
            select.select([], [connection], [])
    connection.setblocking(True)


def pwritev2(connection, head, body):
    sent = os.pwritev(connection.fileno(), [head[:3], head[3:], body], -1)
    connection.sendall((head + body)[sent:])


READERS = {
    function.__name__: function
    for function in (
        recv, recv_into, recvfrom, recvmsg, recvmsg_vectored, read, readv, peek, byte, nonblocking,
        dup, preadv2,
    )
}  # fmt: skip
WRITERS = {
    function.__name__: function
    for function in (
        send, send_apart, sendto, sendmsg, write, writev, many_buffers, sendfile, splice, partial,
        pwritev2,
    )
}  # fmt: skip


def hand_over(connection):
    """Has the connection served by a process that did not accept it."""
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        connection.close()
        _, ancillary, _, _ = theirs.recvmsg(1, socket.CMSG_LEN(4))
        descriptor = array.array("i", ancillary[0][2])[0]
        serve_as(socket.socket(fileno=descriptor), recv, send, b"passed")
        os._exit(0)
    theirs.close()
    descriptors = array.array("i", [connection.fileno()])
    ours.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
    connection.close()
    ours.recv(1)
    ours.close()


def serve_as(connection, reader, writer, how):
    buffer = b""
    while True:
        while END not in buffer:
            data = reader(connection)
            if not data:
                return
            buffer += data
        request, buffer = buffer.split(END, 1)
        body = BODY if b"/large/" in request.split(b"\r\n")[0] else b"small\n"
        head = b"HTTP/1.1 200 OK\r\nX-How: %s\r\nContent-Length: %d\r\n\r\n" % (how, len(body))
        writer(connection, head, body)


def serve(connection):
    how = b""
    while not how.endswith(b"\n"):
        how += connection.recv(1)
    how = how.strip()
    connection.sendall(b"\n")
    if how == b"passed":
        hand_over(connection)
        return
    reader, writer = how.decode().split("-")
    with connection:
        serve_as(connection, READERS[reader], WRITERS[writer], how)


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128)
while True:
    accepted, _ = listener.accept()
    threading.Thread(target=serve, args=(accepted,), daemon=True).start()
