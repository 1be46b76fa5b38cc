"""A Redis client that sends the commands on standard input, and prints "done" for each.

redis_session.py PORT
"""

import sys

import redis

client = redis.Redis(port=int(sys.argv[1]))
for line in sys.stdin:
    client.execute_command(*line.split())
    print("done", flush=True)
