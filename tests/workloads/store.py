"""A threaded service over PostgreSQL and Redis.

store.py PORT POSTGRES_URL REDIS_PORT

    /item/ID    one from Redis, else from PostgreSQL and then into Redis
    /broken     a statement that PostgreSQL refuses
    /           nothing but an answer
"""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import redis

PORT, URL, REDIS_PORT = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
LOCAL = threading.local()
CACHE = redis.Redis(port=REDIS_PORT)


def database():
    if not hasattr(LOCAL, "connection"):
        LOCAL.connection = psycopg.connect(URL, autocommit=True)
    return LOCAL.connection


def item(number):
    name = CACHE.get(f"item:{number}")
    if name is None:
        row = database().execute("SELECT name FROM items WHERE id = %s", (int(number),)).fetchone()
        name = row[0].encode() if row else b"nothing"
        CACHE.set(f"item:{number}", name)
    return 200, name


def broken():
    try:
        database().execute("SELECT * FROM no_such_table")
    except psycopg.Error as error:
        return 500, str(error).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self):
        if self.path.startswith("/item/"):
            status, body = item(self.path.removeprefix("/item/"))
        elif self.path == "/broken":
            status, body = broken()
        else:
            status, body = 200, b"ok"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
