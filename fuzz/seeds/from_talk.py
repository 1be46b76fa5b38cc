#!/usr/bin/env python3
"""Makes a seed of a recorded connection: from_talk.py FILE.talk SEED

The recording is one of protocol/tests/data/sql; the seed is as `dissect` in fuzz/src/lib.rs
describes it: read from the start, each turn in steps of up to 255 bytes.
"""

import struct
import sys

data = open(sys.argv[1], "rb").read()
seed, at = bytearray([1]), 0
while at < len(data):
    kind, connection, length = struct.unpack(">BBI", data[at : at + 6])
    turn = data[at + 6 : at + 6 + length]
    at += 6 + length
    if kind and connection == 0:
        for start in range(0, length, 255):
            piece = turn[start : start + 255]
            seed += bytes([kind - 1, len(piece)]) + piece
open(sys.argv[2], "wb").write(seed)
