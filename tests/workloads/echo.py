"""An asyncio HTTP server that shows what it received and answers with bytes of its own.

echo.py PORT

The answer to METHOD /PATH?size=N is the request line, a checksum of the request's body and N bytes
that follow from the path: a response that differs shows that a byte differed on either way.
"""

import asyncio
import sys
import zlib
from urllib.parse import parse_qs, urlsplit

FILLER = bytes(range(256)) * 1024


async def read_body(reader, head):
    headers = dict(
        line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line
    )
    if headers.get(b"transfer-encoding") != b"chunked":
        return await reader.readexactly(int(headers.get(b"content-length", 0)))
    body = b""
    while length := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(length)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return body


async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            body = await read_body(reader, head)
            line = head.split(b"\r\n")[0]
            url = urlsplit(line.split(b" ")[1].decode())
            size = int(parse_qs(url.query).get("size", ["0"])[0])
            start = zlib.crc32(line) % 256
            answer = b"%s\n%d %08x\n" % (line, len(body), zlib.crc32(body))
            answer += FILLER[start : start + size]
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer))
            writer.write(answer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), limit=1 << 20)
    await server.serve_forever()


asyncio.run(main())
