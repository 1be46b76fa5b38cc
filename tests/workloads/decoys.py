"""Receives with calls whose buffers hold something else than what passed: requests that nobody sent.

decoys.py PORT

A path of "/then/HOW" says how the next request of the connection is received. "/then/names" has two queries over DNS
received by two calls of recvmmsg(2), and a third with room for its head alone.
"""

import ctypes
import mmap
import os
import socket
import struct
import sys
import threading

PORT = int(sys.argv[1])
REQUEST = b"GET /never/sent HTTP/1.1\r\nHost: test.example\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
# Asks for the address of never.sent.
QUERY = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05never\x04sent\x00\x00\x01\x00\x01"

libc = ctypes.CDLL(None, use_errno=True)


def discard(connection):
    """Looks at what has come, and has the kernel throw it away."""
    length = len(connection.recv(4096, socket.MSG_PEEK))
    decoy = ctypes.create_string_buffer(REQUEST, 4096)
    assert libc.recv(connection.fileno(), decoy, length, socket.MSG_TRUNC) == length


class Ring:
    """An io_uring of one entry (io_uring_setup(2), and `include/uapi/linux/io_uring.h`)."""

    SETUP, ENTER, RECV = 425, 426, 27

    def __init__(self):
        parameters = bytearray(120)
        buffer = (ctypes.c_char * 120).from_buffer(parameters)
        self.fd = libc.syscall(self.SETUP, 1, buffer)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "io_uring_setup")
        sq_tail, sq_array = (struct.unpack_from("I", parameters, 40 + 4 * at)[0] for at in (1, 6))
        self.cq_tail = struct.unpack_from("I", parameters, 80 + 4)[0]
        self.rings = mmap.mmap(self.fd, 4096, mmap.MAP_SHARED | mmap.MAP_POPULATE)
        self.entries = mmap.mmap(self.fd, 4096, mmap.MAP_SHARED | mmap.MAP_POPULATE, offset=0x10000000)
        struct.pack_into("I", self.rings, sq_array, 0)
        struct.pack_into("I", self.rings, sq_tail, 1)

    def receive(self, connection, buffer):
        address = ctypes.addressof(buffer)
        entry = struct.pack("=BBHiQQI", self.RECV, 0, 0, connection.fileno(), 0, address, len(buffer))
        self.entries[: len(entry)] = entry
        assert libc.syscall(self.ENTER, self.fd, 1, 0, 0, None, 0) == 1

    def is_done(self):
        return struct.unpack_from("I", self.rings, self.cq_tail)[0] == 1


def ring(connection):
    """Has a ring receive, which it does while the thread is in a read(2) of something else."""
    ring, buffer = Ring(), ctypes.create_string_buffer(4096)
    decoy = ctypes.create_string_buffer(REQUEST, 4096)
    reader, writer = os.pipe()
    reading = f"/proc/self/task/{threading.get_native_id()}/syscall"

    def helper():
        while not open(reading).read().startswith(f"0 {reader:#x} "):
            pass
        connection.sendall(RESPONSE)
        while not ring.is_done():
            pass
        os.write(writer, b"x")

    ring.receive(connection, buffer)
    other = threading.Thread(target=helper)
    other.start()
    assert libc.read(reader, decoy, 4096) == 1
    other.join()
    for fd in (ring.fd, reader, writer):
        os.close(fd)


def serve(connection):
    with connection:
        while data := connection.recv(4096):
            path = data.split()[1]
            if path == b"/then/names":
                threading.Thread(target=names, daemon=True).start()
            if path == b"/then/discard":
                connection.sendall(RESPONSE)
                discard(connection)
            elif path == b"/then/ring":
                try:
                    ring(connection)
                except OSError as error:
                    print(error, file=sys.stderr, flush=True)
                    connection.sendall(RESPONSE.replace(b"200 OK", b"501 No"))
                    connection.recv(4096)
            connection.sendall(RESPONSE)


class Buffer(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Message(ctypes.Structure):
    """struct msghdr"""

    _fields_ = [
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("buffers", ctypes.POINTER(Buffer)),
        ("buffer_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    ]


class Header(ctypes.Structure):
    """struct mmsghdr"""

    _fields_ = [("message", Message), ("received", ctypes.c_uint)]


def answer(server, query, client):
    # The query's id and question; one answer: the name of the question, type A, class IN, a minute.
    record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x7f\x00\x00\x01"
    head = query[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"
    server.sendto(head + query[12:] + record, client)


def names():
    memory = [ctypes.create_string_buffer(QUERY, 512) for _ in range(4)]
    addresses = [ctypes.create_string_buffer(16) for _ in range(4)]
    buffers = [Buffer(ctypes.addressof(buffer), 512) for buffer in memory]
    headers = (Header * 4)(*(
        Header(Message(ctypes.addressof(address), 16, ctypes.pointer(buffer), 1))
        for address, buffer in zip(addresses, buffers)
    ))  # fmt: skip
    queries = []
    for _ in range(2):
        assert libc.recvmmsg(server.fileno(), headers, 1, 0, None) == 1
        port, host = struct.unpack_from(">H4s", addresses[0], 2)
        client = (socket.inet_ntoa(host), port)
        queries.append((memory[0].raw[: headers[0].received], client))
    for query, client in queries:
        answer(server, query, client)
    # What is behind the room for a head is somebody else's.
    query = server.recvfrom(512, socket.MSG_PEEK)
    decoy = ctypes.create_string_buffer(QUERY, 512)
    assert libc.recv(server.fileno(), decoy, 12, socket.MSG_TRUNC) == len(query[0])
    answer(server, *query)


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", PORT))
listener = socket.create_server(("127.0.0.1", PORT))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
