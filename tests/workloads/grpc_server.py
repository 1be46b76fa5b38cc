"""A gRPC server. Messages are plain text: what is traced does not depend on their encoding.

grpc_server.py PORT

    shop.Orders/Get     unary: the key comes back; "missing" is NOT_FOUND, "broken" INTERNAL, and
                        "slow" is not answered before the deadline
    shop.Orders/List    server streaming: as many messages as the request says
    shop.Orders/Upload  client streaming: how many messages came
    shop.Orders/Chat    bidirectional: every message comes back at once
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

# More than any test has calls under way at once: each has a thread.
THREADS = 128


def get(request, context):
    if request == b"missing":
        context.abort(grpc.StatusCode.NOT_FOUND, "no such order")
    if request == b"broken":
        context.abort(grpc.StatusCode.INTERNAL, "out of order")
    if request == b"slow":
        over = threading.Event()
        context.add_callback(over.set)
        over.wait(30)
    return request


def list_(request, context):
    for number in range(int(request)):
        yield str(number).encode()


def upload(requests, context):
    return str(sum(1 for _ in requests)).encode()


def chat(requests, context):
    yield from requests


orders = grpc.method_handlers_generic_handler(
    "shop.Orders",
    {
        "Get": grpc.unary_unary_rpc_method_handler(get),
        "List": grpc.unary_stream_rpc_method_handler(list_),
        "Upload": grpc.stream_unary_rpc_method_handler(upload),
        "Chat": grpc.stream_stream_rpc_method_handler(chat),
    },
)
server = grpc.server(ThreadPoolExecutor(THREADS))
server.add_generic_rpc_handlers([orders])
assert server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
server.wait_for_termination()
