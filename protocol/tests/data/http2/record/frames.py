"""Conversations of hyper-h2's client and server in memory, with frames that programs seldom send.

usage: frames.py FILE TRUTH

Covered: padding, priority, CONTINUATION both ways, request and response trailers, informational
responses, an early response, RST_STREAM from either side, a push, GOAWAY, table sizes that
change, extension frames.
"""
import sys

import h2.config
import h2.connection
import h2.settings
from hyperframe.frame import PriorityFrame

out = []
truth = []
client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))


# A write of either side, at a time: `C`, microseconds, hex.
def say(side, data):
    out.append(f"{side} {len(out) * 1000} {data.hex()}")


def pump():
    """Carries what each side has to say to the other."""
    while True:
        asked, answered = client.data_to_send(), server.data_to_send()
        if not asked and not answered:
            return
        if asked:
            say("C", asked)
            server.receive_data(asked)
        if answered:
            say("S", answered)
            client.receive_data(answered)


def request(method, path, extra=(), **options):
    stream = client.get_next_available_stream_id()
    head = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "h2.test")]
    client.send_headers(stream, head + list(extra), **options)
    return stream


def respond(stream, status, extra=(), **options):
    server.send_headers(stream, [(":status", str(status)), *extra], **options)


client.initiate_connection()
server.initiate_connection()
pump()

# Padding and priority.
stream = request("POST", "/padded", priority_weight=16, priority_exclusive=False)
client.send_data(stream, b"body" * 10, pad_length=17, end_stream=True)
pump()
respond(stream, 200)
server.send_data(stream, b"", pad_length=0)
server.send_data(stream, b"answer", pad_length=255, end_stream=True)
pump()
truth.append("POST /padded 200")

# CONTINUATION frames both ways: blocks longer than a frame may be.
stream = request("GET", "/continued", [("x-long", "v" * 24_000)], end_stream=True)
pump()
respond(stream, 200, [("x-long", "w" * 24_000)], end_stream=True)
pump()
truth.append("GET /continued 200")

# Trailers both ways, behind an informational response.
stream = request("PUT", "/trailers", [("expect", "100-continue")])
pump()
respond(stream, 100)
pump()
client.send_data(stream, b"x")
client.send_headers(stream, [("x-checksum", "1")], end_stream=True)
pump()
respond(stream, 103, [("link", "</style.css>; rel=preload")])
respond(stream, 201)
server.send_data(stream, b"made")
server.send_headers(stream, [("x-checksum", "2")], end_stream=True)
pump()
truth.append("PUT /trailers 201")

# A response before the end of the request.
stream = request("POST", "/early")
client.send_data(stream, b"first")
pump()
respond(stream, 413, end_stream=True)
server.reset_stream(stream, 0)
pump()
truth.append("POST /early 413")

# Resets.
stream = request("GET", "/cancelled", end_stream=True)
pump()
client.reset_stream(stream, 8)
pump()
truth.append("GET /cancelled CANCEL")
stream = request("GET", "/refused", end_stream=True)
pump()
server.reset_stream(stream, 7)
pump()
truth.append("GET /refused REFUSED_STREAM")

# Table sizes that change, and entries that are evicted for it.
for size in (0, 200, 65536):
    server.update_settings({h2.settings.SettingCodes.HEADER_TABLE_SIZE: size})
    client.update_settings({h2.settings.SettingCodes.HEADER_TABLE_SIZE: size})
    pump()
    for index in range(8):
        stream = request("GET", f"/table/{size}/{index}", [("x-n", str(index))], end_stream=True)
        pump()
        respond(stream, 200 + index, [("x-n", str(index))], end_stream=True)
        pump()
        truth.append(f"GET /table/{size}/{index} {200 + index}")

# A push, whose promise goes through the same table.
stream = request("GET", "/page", end_stream=True)
pump()
server.push_stream(
    stream,
    2,
    [(":method", "GET"), (":path", "/pushed"), (":scheme", "http"), (":authority", "h2.test")],
)
respond(stream, 200, [("x-new", "page")])
respond(2, 200, [("x-new", "pushed")])
server.send_data(2, b"pushed", end_stream=True)
server.send_data(stream, b"page", end_stream=True)
pump()
truth.append("GET /page 200")

# Frames of no known type, a PRIORITY frame, and a CONNECT.
say("C", b"\0\0\x06\x4b\xff\0\0\0\0grease")
say("C", PriorityFrame(stream_id=99, depends_on=1, stream_weight=3).serialize())
stream = client.get_next_available_stream_id()
client.send_headers(stream, [(":method", "CONNECT"), (":authority", "far.test:443")])
pump()
respond(stream, 200)
client.send_data(stream, b"\x16\x03\x01")
server.send_data(stream, b"\x16\x03\x03", end_stream=True)
client.send_data(stream, b"", end_stream=True)
pump()
truth.append("CONNECT  200")

# A request that the server will not come to.
stream = request("GET", "/late", end_stream=True)
say("C", client.data_to_send())
server.close_connection(error_code=0, last_stream_id=stream - 2)
say("S", server.data_to_send())
truth.append("GET /late REFUSED_STREAM")

with open(sys.argv[1], "w", encoding="ascii") as file:
    file.write("\n".join(out) + "\n")
with open(sys.argv[2], "w", encoding="ascii") as file:
    file.write("\n".join(truth) + "\n")
