"""A gRPC client with one connection that does what lines on standard input say, and prints a line
for each: how the call ended, and what came.

grpc_session.py PORT

    get KEY         a unary call
    deadline MS     a unary call that is not answered in time
    list COUNT      server streaming
    upload COUNT    client streaming
    chat COUNT      bidirectional: each message waits for the one before to come back
    hold COUNT      so many bidirectional calls at once, all open before the first ends
    fill COUNT      calls so many methods that the server does not have, one after the other
"""

import queue
import sys

import grpc

channel = grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}")


def name(error):
    return error.code().name


class Chat:
    """An open bidirectional call."""

    def __init__(self):
        self.requests = queue.SimpleQueue()
        requests = iter(self.requests.get, None)
        self.responses = channel.stream_stream("/shop.Orders/Chat")(requests)

    def say(self, text):
        self.requests.put(text)
        assert next(self.responses) == text

    def end(self):
        self.requests.put(None)
        assert list(self.responses) == []
        return name(self.responses)


def get(key, timeout=None):
    response = channel.unary_unary("/shop.Orders/Get")(key.encode(), timeout=timeout)
    return f"OK {response.decode()}"


def deadline(milliseconds):
    return get("slow", int(milliseconds) / 1000)


def list_(count):
    return f"OK {len(list(channel.unary_stream('/shop.Orders/List')(count.encode())))}"


def upload(count):
    requests = (b"item" for _ in range(int(count)))
    return f"OK {channel.stream_unary('/shop.Orders/Upload')(requests).decode()}"


def chat(count):
    call = Chat()
    for number in range(int(count)):
        call.say(str(number).encode())
    return f"{call.end()} {count}"


def hold(count):
    calls = [Chat() for _ in range(int(count))]
    for call in calls:
        call.say(b"hello")
    return f"{' '.join({call.end() for call in calls})} {count}"


def fill(count):
    for number in range(int(count)):
        try:
            channel.unary_unary(f"/shop.Orders/{'Absent' * 8}{number}")(b"")
        except grpc.RpcError as error:
            assert name(error) == "UNIMPLEMENTED"
    return "OK"


COMMANDS = {
    "get": get,
    "deadline": deadline,
    "list": list_,
    "upload": upload,
    "chat": chat,
    "hold": hold,
    "fill": fill,
}
for line in sys.stdin:
    command, argument = line.split()
    try:
        print(COMMANDS[command](argument), flush=True)
    except grpc.RpcError as error:
        print(name(error), flush=True)
