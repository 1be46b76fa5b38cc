"""A WSGI application that passes each request on to the host:port in NEXT, with the same path.

It works for up to DELAY_MS milliseconds first, so that concurrent requests overlap.
"""

import http.client
import os
import random
import threading
import time

NEXT = os.environ["NEXT"]
DELAY = float(os.environ.get("DELAY_MS", "0")) / 1000
LOCAL = threading.local()


def app(environ, start_response):
    if DELAY:
        time.sleep(random.uniform(0, DELAY))
    if not hasattr(LOCAL, "connection"):
        LOCAL.connection = http.client.HTTPConnection(NEXT)
    LOCAL.connection.request("GET", environ["PATH_INFO"])
    body = LOCAL.connection.getresponse().read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
