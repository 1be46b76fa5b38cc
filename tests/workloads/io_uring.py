"""Has an io_uring, through which it could read and send unseen."""

import ctypes
import os

IO_URING_SETUP = 425  # on x86-64 and arm64

libc = ctypes.CDLL(None, use_errno=True)
parameters = ctypes.create_string_buffer(120)
ring = libc.syscall(IO_URING_SETUP, 1, parameters)
input()
print("ring" if ring >= 0 else os.strerror(ctypes.get_errno()), flush=True)
input()
