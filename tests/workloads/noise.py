"""Answers each line with the same bytes, each turned over: a protocol that nobody knows.

noise.py PORT
"""

import socketserver
import sys


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(bytes(byte ^ 0xFF for byte in line))


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
