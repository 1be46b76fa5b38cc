"""Writes before the agent knows that this program is no target, and to a socket from the same memory when told to.

no_target.py PORT: says "ready", waits for a line, and asks whoever listens on the port.
"""

import ctypes
import socket
import sys

REQUEST = b"GET /of/no/target HTTP/1.1\r\nHost: test.example\r\n\r\n"

libc = ctypes.CDLL(None)
memory = ctypes.create_string_buffer(b"ready\n", 512)
libc.write(1, memory, 6)
sys.stdin.readline()
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
    memory.value = REQUEST
    libc.write(connection.fileno(), memory, len(REQUEST))
    connection.recv(4096)
print("done", flush=True)
sys.stdin.readline()
