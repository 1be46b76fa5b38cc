"""Calls of every kind through a recorded connection, with grpcio, and their truth.

usage: grpc_calls.py sync|aio CLIENT_PORT SERVER_PORT TRUTH

Truth: a line a call, `method status sent received traceparent`; `-` where the client cannot know.
"""
import asyncio
import os
import sys
import threading
from concurrent import futures

import grpc
import grpc.aio

METHOD = "/shop.v1.Orders/"


def context(index):
    return f"00-{index + 1:032x}-{index + 1:016x}-01"


def unary(request, ctx):
    if request == b"missing":
        ctx.abort(grpc.StatusCode.NOT_FOUND, "no such order: café")
    return b"ok " + request


def slow(request, ctx):
    threading.Event().wait(1.5)
    return b""


def listing(request, ctx):
    for index in range(3):
        yield b"item %d" % index


def collect(requests, ctx):
    return b"%d" % sum(1 for _ in requests)


def chat(requests, ctx):
    for request in requests:
        yield request


def handlers():
    return grpc.method_handlers_generic_handler(
        "shop.v1.Orders",
        {
            "Get": grpc.unary_unary_rpc_method_handler(unary),
            "Slow": grpc.unary_unary_rpc_method_handler(slow),
            "List": grpc.unary_stream_rpc_method_handler(listing),
            "Collect": grpc.stream_unary_rpc_method_handler(collect),
            "Chat": grpc.stream_stream_rpc_method_handler(chat),
        },
    )


def plan():
    """Kind, method, request or requests, timeout, messages that come back."""
    calls = []
    for round_ in range(4):
        calls += [
            ("unary_unary", "Get", b"apple", 5, 1),
            ("unary_unary", "Get", b"x" * 3000, None, 1),
            ("unary_stream", "List", b"all", 5, 3),
            ("stream_unary", "Collect", [b"a", b"b", b"c"], None, 1),
            ("stream_stream", "Chat", [b"hello", b"bye"], 60, 2),
            ("unary_unary", "Get", b"missing", 5, 0),
            ("unary_unary", "Nothing", b"", 5, 0),
        ]
    calls.append(("unary_unary", "Slow", b"", 0.2, 0))
    return calls


def line(index, method, status, request, received):
    sent = len(request) if isinstance(request, list) else 1
    return f"shop.v1.Orders/{method} {status} {sent} {received} {context(index)}\n"


def run_sync(port):
    lines = []
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        for index, (kind, method, request, timeout, received) in enumerate(plan()):
            call = getattr(channel, kind)(METHOD + method)
            streams = isinstance(request, list)
            status = "OK"
            try:
                result = call(
                    iter(request) if streams else request,
                    timeout=timeout,
                    metadata=(("traceparent", context(index)),),
                )
                if kind.endswith("stream"):
                    assert len(list(result)) == received
            except grpc.RpcError as error:
                status = error.code().name
            lines.append(line(index, method, status, request, received))
    return lines


async def run_aio(port):
    async def one(channel, index, kind, method, request, timeout, received):
        call = getattr(channel, kind)(METHOD + method)
        streams = isinstance(request, list)
        status = "OK"
        try:
            result = call(
                iter(request) if streams else request,
                timeout=timeout,
                metadata=(("traceparent", context(index)),),
            )
            if kind.endswith("stream"):
                assert len([it async for it in result]) == received
            else:
                await result
        except grpc.RpcError as error:
            status = error.code().name
        return line(index, method, status, request, received)

    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        await channel.channel_ready()
        calls = enumerate(plan())
        return await asyncio.gather(*(one(channel, index, *call) for index, call in calls))


def main(kind, client_port, server_port, truth):
    server = grpc.server(futures.ThreadPoolExecutor(16))
    server.add_generic_rpc_handlers((handlers(),))
    server.add_insecure_port(f"127.0.0.1:{server_port}")
    server.start()
    lines = run_sync(client_port) if kind == "sync" else asyncio.run(run_aio(client_port))
    with open(truth, "w", encoding="utf-8") as out:
        out.writelines(lines)
    server.stop(None)
    os._exit(0)


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
