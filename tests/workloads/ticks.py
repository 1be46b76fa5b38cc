"""An asyncio service that answers after 50 milliseconds, and asks for /tick/N every 5 on its own account.

ticks.py PORT NEXT SELECTOR

NEXT is the host:port to ask. SELECTOR is what the loop waits with: poll, select or epoll.
"""

import asyncio
import selectors
import sys

PORT, SELECTOR = int(sys.argv[1]), sys.argv[3]
HOST, NEXT_PORT = sys.argv[2].split(":")
SELECTORS = {
    "poll": selectors.PollSelector,
    "select": selectors.SelectSelector,
    "epoll": selectors.EpollSelector,
}


async def read_message(reader):
    """The head and the body of a message with a Content-Length."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)
    return head + await reader.readexactly(length)


async def tick():
    reader, writer = await asyncio.open_connection(HOST, int(NEXT_PORT))
    number = 0
    while True:
        await asyncio.sleep(0.005)
        writer.write(b"GET /tick/%d HTTP/1.1\r\nHost: next\r\n\r\n" % number)
        await read_message(reader)
        number += 1


async def serve(reader, writer):
    try:
        while True:
            await read_message(reader)
            await asyncio.sleep(0.05)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", PORT)
    await asyncio.gather(server.serve_forever(), tick())


with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(SELECTORS[SELECTOR]())) as runner:
    runner.run(main())
