"""Threads that have each sent and received on a socket, and then wait for the end.

idle_threads.py COUNT: says "ready" when all wait.
"""

import socket
import sys
import threading

COUNT = int(sys.argv[1])
USED = threading.Barrier(COUNT + 1)


def idle():
    one, other = socket.socketpair()
    one.send(b"x")
    other.recv(1)
    USED.wait()
    threading.Event().wait()


for _ in range(COUNT):
    threading.Thread(target=idle, daemon=True).start()
USED.wait()
print("ready", file=sys.stderr, flush=True)
threading.Event().wait()
