"""An asyncio service that passes each request on and answers with what came back.

hop_asyncio.py PORT NEXT [DELAY_MS]

All requests are served by one thread. Connections to NEXT (host:port) are pooled. Before asking, a
request waits for up to DELAY_MS milliseconds on a timer, so that requests overlap.
"""

import asyncio
import random
import sys

PORT = int(sys.argv[1])
HOST, NEXT_PORT = sys.argv[2].split(":")
DELAY = float(sys.argv[3]) / 1000 if len(sys.argv) > 3 else 0
IDLE = []


async def read_message(reader):
    """The first line and the body of a message with a Content-Length; None at the end."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:")), 0
    )
    return lines[0], await reader.readexactly(length)


async def ask(path):
    if DELAY:
        await asyncio.sleep(random.uniform(0, DELAY))
    reader, writer = IDLE.pop() if IDLE else await asyncio.open_connection(HOST, int(NEXT_PORT))
    writer.write(b"GET " + path + b" HTTP/1.1\r\nHost: next\r\n\r\n")
    _, body = await read_message(reader)
    IDLE.append((reader, writer))
    return body


async def serve(reader, writer):
    try:
        while True:
            line, _ = await read_message(reader)
            body = await ask(line.split(b" ")[1])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", PORT, backlog=1024)
    await server.serve_forever()


asyncio.run(main())
