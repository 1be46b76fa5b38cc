"""Asks with the packet that opens the connection (TCP Fast Open, RFC 7413), in a network namespace of its own.

fast_open.py, then a path on each line; the first fetches the cookie that the next ones need. The network is slow: the
opening packet takes what it may send at once, so that the answer to it comes when the call is over.
"""

import select
import socket
import subprocess
import sys
import threading

TCP_FASTOPEN = 23
MSG_FASTOPEN = 0x20000000
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

try:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    slow = ["rate", "16kbit", "burst", "150", "latency", "10s"]
    subprocess.run(["tc", "qdisc", "add", "dev", "lo", "root", "tbf", *slow], check=True)
except (OSError, subprocess.CalledProcessError) as error:
    sys.stdin.readline()
    sys.exit(print(error, flush=True))
with open("/proc/sys/net/ipv4/tcp_fastopen", "w") as setting:
    setting.write("3")
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN, 16)
listener.listen()


def serve():
    while True:
        connection, _ = listener.accept()
        with connection:
            while connection.recv(4096):
                connection.sendall(RESPONSE)


threading.Thread(target=serve, daemon=True).start()
for line in sys.stdin:
    request = f"GET {line.strip()} HTTP/1.1\r\nHost: test.example\r\n\r\n".encode()
    with socket.socket() as connection:
        connection.setblocking(False)
        try:
            connection.sendto(request, MSG_FASTOPEN, listener.getsockname())
            how = "fast"
        except BlockingIOError:
            select.select([], [connection], [])
            connection.sendall(request)
            how = "slow"
        select.select([connection], [], [])
        connection.recv(4096)
        print(how, flush=True)
