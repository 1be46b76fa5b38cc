"""A threaded service that passes each request on and answers with what came back.

hop.py PORT NEXT [MODE] [DELAY_MS]

NEXT is the host:port to ask, with the same path; without one ("-") it answers by itself. Before
asking it works for up to DELAY_MS milliseconds, so that concurrent requests overlap. MODE says who
asks:

    inline   the thread that serves the request
    join     a thread started for it, which the serving thread waits for
    pool     a ThreadPoolExecutor shared by all requests
    fork     a process started for the connection, which serves it
    forget   a thread started for it, which nobody waits for: it asks after the answer is out
    drain    a thread that is started if none runs, asks for all requests there are, and ends
    lookup   the thread that serves the request, after it has asked the name server at the port
             that NAMESERVER says for "next.example"
"""

import http.client
import os
import random
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from socketserver import ForkingMixIn

PORT, NEXT = int(sys.argv[1]), sys.argv[2]
MODE = sys.argv[3] if len(sys.argv) > 3 else "inline"
DELAY = float(sys.argv[4]) / 1000 if len(sys.argv) > 4 else 0
POOL = ThreadPoolExecutor(64)
LOCAL = threading.local()


def look_up():
    """Asks for an address by a datagram, as resolvers do."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
        resolver.connect(("127.0.0.1", int(os.environ["NAMESERVER"])))
        question = b"\x04next\x07example\x00\x00\x01\x00\x01"
        resolver.send(random.randbytes(2) + b"\x01\x00\x00\x01" + bytes(6) + question)
        resolver.recv(512)


def ask(path):
    """Asks the next service on the calling thread's own connection."""
    if DELAY:
        time.sleep(random.uniform(0, DELAY))
    if MODE == "lookup":
        look_up()
    if NEXT == "-":
        return b"ok"
    if not hasattr(LOCAL, "connection"):
        LOCAL.connection = http.client.HTTPConnection(NEXT)
    LOCAL.connection.request("GET", path)
    return LOCAL.connection.getresponse().read()


def ask_once(path):
    """The same from a thread that ends with it."""
    answer = ask(path)
    if hasattr(LOCAL, "connection"):
        LOCAL.connection.close()
    return answer


LEFT, LOCK = [], threading.Lock()


def leave(path):
    """Leaves a request to the thread that asks for them, which is started if there is none."""
    with LOCK:
        LEFT.append(path)
        if len(LEFT) == 1:
            threading.Thread(target=drain).start()


def drain():
    """Asks until nothing is left."""
    while True:
        with LOCK:
            path = LEFT[0]
        ask(path)
        with LOCK:
            LEFT.pop(0)
            if not LEFT:
                return


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # The head and the body in one segment: no waiting for an acknowledgement.
    wbufsize = -1

    def do_GET(self):
        if MODE in ("inline", "fork", "lookup"):
            self.answer(ask(self.path))
        elif MODE == "pool":
            self.answer(POOL.submit(ask, self.path).result())
        elif MODE == "join":
            answers = []
            thread = threading.Thread(target=lambda: answers.append(ask_once(self.path)))
            thread.start()
            thread.join()
            self.answer(answers[0])
        elif MODE == "drain":
            leave(self.path)
            time.sleep(0.02)
            self.answer(b"later")
        elif MODE == "forget":
            self.answer(b"later")
            threading.Thread(target=ask_once, args=(self.path,)).start()

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *arguments):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True


class ForkingServer(ForkingMixIn, HTTPServer):
    request_queue_size = 1024
    max_children = 200


(ForkingServer if MODE == "fork" else Server)(("127.0.0.1", PORT), Handler).serve_forever()
