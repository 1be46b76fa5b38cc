"""A program that listens for others, as systemd does (systemd.socket(5)), and is called like it.

socket_holder.py PORT OTHER

It starts a service that answers on its socket of PORT, and one that listens on OTHER by itself.
"""

import http.server
import os
import shutil
import socket
import subprocess
import sys
import tempfile


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def serve(listener):
    server = http.server.HTTPServer(listener.getsockname(), Answer, bind_and_activate=False)
    server.socket = listener
    server.serve_forever()


def hold(port, other):
    listener = socket.create_server(("127.0.0.1", port))
    fd = listener.fileno()
    itself = ["/usr/bin/python3", os.path.abspath(__file__)]
    services = [
        subprocess.Popen([*itself, "serve", str(fd)], pass_fds=[fd]),
        subprocess.Popen([*itself, "listen", str(other)]),
    ]
    for service in services:
        service.wait()


def main():
    what = sys.argv[1]
    if what == "serve":
        serve(socket.socket(fileno=int(sys.argv[2])))
    elif what == "listen":
        serve(socket.create_server(("127.0.0.1", int(sys.argv[2]))))
    elif os.path.basename(sys.executable) == "systemd":
        shutil.rmtree(os.path.dirname(sys.executable))
        hold(int(what), int(sys.argv[2]))
    else:
        program = os.path.join(tempfile.mkdtemp(), "systemd")
        shutil.copy(os.path.realpath("/usr/bin/python3"), program)
        os.execv(program, [program, *sys.argv])


main()
