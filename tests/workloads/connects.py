"""Connects that come to nothing, of each kind.

connects.py PORT PORT_OF_BACKLOG DIRECTORY

Nobody listens on PORT. PORT_OF_BACKLOG is listened on here, and never accepted from.
"""

import ctypes
import errno
import select
import socket
import sys

CLOSED, FULL, DIRECTORY = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
CLONE_NEWNET = 0x40000000


def connect(family, address, expected):
    """A connect that blocks."""
    with socket.socket(family, socket.SOCK_STREAM) as end:
        assert end.connect_ex(address) == expected, address


def connect_later(address, expected):
    """One that does not, asked twice how it went."""
    with socket.socket() as end:
        end.setblocking(False)
        assert end.connect_ex(address) == errno.EINPROGRESS
        select.select([], [end], [])
        assert end.connect_ex(address) == expected
        assert end.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def give_up(address):
    """One that is closed before there was an answer."""
    with socket.socket() as end:
        end.setblocking(False)
        assert end.connect_ex(address) == errno.EINPROGRESS


# 3 refused over IPv4, 2 over IPv6.
connect(socket.AF_INET, ("127.0.0.1", CLOSED), errno.ECONNREFUSED)
connect(socket.AF_INET, ("127.0.0.1", CLOSED), errno.ECONNREFUSED)
connect_later(("127.0.0.1", CLOSED), errno.ECONNREFUSED)
connect(socket.AF_INET6, ("::1", CLOSED), errno.ECONNREFUSED)
connect(socket.AF_INET6, ("::1", CLOSED), errno.ECONNREFUSED)

# 1 to a path that is not there, 1 to one that nobody listens on, 1 to an abstract name.
connect(socket.AF_UNIX, f"{DIRECTORY}/missing", errno.ENOENT)
with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
    left.bind(f"{DIRECTORY}/left")
connect(socket.AF_UNIX, f"{DIRECTORY}/left", errno.ECONNREFUSED)
connect(socket.AF_UNIX, f"\0{DIRECTORY}/abstract", errno.ECONNREFUSED)

# One fills the backlog; then 1 is given up and 1 runs out of time (3 s).
with socket.socket() as full:
    full.bind(("127.0.0.1", FULL))
    full.listen(0)
    with socket.create_connection(("127.0.0.1", FULL)):
        give_up(("127.0.0.1", FULL))
        with socket.socket() as late:
            late.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 1)
            assert late.connect_ex(("127.0.0.1", FULL)) == errno.ETIMEDOUT

    # None of these is a failure.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.connect(("127.0.0.1", CLOSED))

# 1 without a route: a new network has none.
assert ctypes.CDLL(None).unshare(CLONE_NEWNET) == 0
connect(socket.AF_INET, ("127.0.0.1", CLOSED), errno.ENETUNREACH)
