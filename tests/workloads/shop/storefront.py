"""The shop's front: a threaded Python service that asks the others.

storefront.py PORT CATALOG PRICING CART      (each host:port)
"""

import http.client
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = int(sys.argv[1])
CATALOG, PRICING, CART = sys.argv[2:5]


def ask(service, method, path):
    connection = http.client.HTTPConnection(service, timeout=10)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def product(number):
    status, item = ask(CATALOG, "GET", f"/item/{number}")
    if status != 200:
        return status, item
    status, price = ask(PRICING, "GET", f"/price/{number}")
    if status != 200:
        return status, price
    return 200, json.dumps({"item": json.loads(item), "price": json.loads(price)}).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self):
        self.answer(*product(self.path.rsplit("/", 1)[-1]))

    def do_POST(self):
        number = self.path.rsplit("/", 1)[-1]
        status, body = product(number)
        if status == 200:
            status, body = ask(CART, "POST", f"/order/{number}")
        self.answer(status, body)

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
