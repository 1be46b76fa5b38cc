#!/usr/bin/env python3
"""Derives the golden results of the captures from tshark's dissection.

    replay/tests/oracle/tshark.py CORPUS [FOLDER ...]

CORPUS is a folder that holds folders of captures (`../shared/data/pcap`). For each folder of
captures one file is written to `replay/tests/golden`, or to the folder that the variable
`ONLOOKER_GOLDEN` names, a line per exchange that tshark sees, its fields separated by tabs:

    capture  protocol  asker  answerer  what was asked  result

The result is `-` if tshark sees no answer, `?` if it sees one but not what it says. Captures without lines hold no exchange: any that we
find there is a false one. Nothing of our own code takes part in this.

Pairing is by what each protocol pairs by, and done here: tshark's own links between requests and
responses are not used, so that a fault in them cannot hide one of ours.
"""

import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

GOLDEN = pathlib.Path(
    os.environ.get("ONLOOKER_GOLDEN")
    or pathlib.Path(__file__).resolve().parent.parent / "golden"
)

# Ports on which tshark would not look for the protocol by itself: the folder or file, and what is
# spoken on the port.
DECODE_AS = [
    ("deepflow/mysql/", ["20130", "30130", "30120", "2883", "6033"], "mysql"),
    ("deepflow/postgre/", ["8000"], "pgsql"),
    ("deepflow/kafka/", ["36333"], "kafka"),
    (
        "deepflow/http/",
        ["20035", "9001", "38888", "30035", "7000", "7070", "3550", "11800"],
        "http2",
    ),
    ("deepflow/fastcgi/", ["9000"], "fcgi"),
    ("zeek/postgresql/http-on-port-5432", ["5432"], "http"),
    ("zeek/postgresql/mysql-on-port-5432", ["5432"], "mysql"),
    ("zeek/postgresql/psql-aws-ssl-disable-15432", ["15432"], "pgsql"),
    ("zeek/http/http-single-conn-22", ["22"], "http"),
    ("zeek/http/zeek-image-post-1080-8000-x", ["1080", "8000"], "http"),
    ("zeek/redis/django-cloud", ["10625"], "resp"),
]

# More than one of these in a frame: a tunnel, of which the innermost packet counts, or an error that
# quotes a packet.
NETWORK = {"ip", "ipv6"}
TRANSPORT = {"tcp", "udp"}
ERRORS = {"icmp", "icmpv6"}

# IANA's registry of resource record types.
DNS_TYPES = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 10: "NULL", 11: "WKS", 12: "PTR", 13: "HINFO",
    15: "MX", 16: "TXT", 17: "RP", 18: "AFSDB", 24: "SIG", 25: "KEY", 28: "AAAA", 29: "LOC",
    33: "SRV", 35: "NAPTR", 36: "KX", 37: "CERT", 39: "DNAME", 41: "OPT", 43: "DS", 44: "SSHFP",
    46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 50: "NSEC3", 51: "NSEC3PARAM", 52: "TLSA",
    64: "SVCB", 65: "HTTPS", 99: "SPF", 249: "TKEY", 250: "TSIG", 251: "IXFR", 252: "AXFR",
    255: "ANY", 256: "URI", 257: "CAA",
}


class Exchange:
    """A request that waits for its answer, or has got it."""

    def __init__(self, protocol, asker, answerer, what):
        self.protocol = protocol
        self.asker = asker
        self.answerer = answerer
        self.what = what
        self.result = "-"

    def line(self, capture):
        fields = [capture, self.protocol, self.asker, self.answerer, self.what, self.result]
        return "\t".join(escape(field) for field in fields)


class Conversation:
    """What is known of one connection or flow."""

    def __init__(self):
        self.waiting = []
        self.unmatched = []
        self.streams = {}
        self.statements = {}
        self.portals = {}
        self.last_parsed = "?"
        self.connecting = False
        self.commanded = False
        self.from_start = False


class Reader:
    """Turns the messages of one capture into exchanges."""

    def __init__(self):
        self.exchanges = []
        self.conversations = {}

    def packet(self, packet):
        protos = packet.findall("proto")
        names = [proto.get("name") for proto in protos]
        if any(name in ERRORS for name in names) or not any(name in NETWORK for name in names):
            return
        innermost = max(at for at, name in enumerate(names) if name in NETWORK)
        protos = protos[innermost:]
        network = protos[0]
        transports = [proto for proto in protos if proto.get("name") in TRANSPORT]
        if len(transports) != 1:
            return
        transport = transports[0]
        kind, layer = network.get("name"), transport.get("name")
        if value(transport, f"{layer}.srcport") is None:
            return
        ends = []
        for end in ("src", "dst"):
            address = value(network, f"{kind}.{end}")
            port = value(transport, f"{layer}.{end}port")
            ends.append(f"[{address}]:{port}" if ":" in address else f"{address}:{port}")
        source, destination = ends
        key = (layer, value(transport, f"{layer}.stream"))
        conversation = self.conversations.setdefault(key, Conversation())
        if layer == "tcp" and truth(transport, "tcp.flags.syn"):
            conversation.from_start = True
        for proto in protos:
            read = getattr(self, "read_" + (proto.get("name") or "").replace("-", "_"), None)
            if read:
                read(proto, conversation, source, destination)

    def ask(self, protocol, source, destination, what):
        exchange = Exchange(protocol, source, destination, what)
        self.exchanges.append(exchange)
        return exchange

    def queue(self, conversation, exchange):
        """The exchange waits behind those asked before."""
        if conversation.unmatched and conversation.from_start:
            exchange.result = conversation.unmatched.pop(0)
        else:
            conversation.waiting.append(exchange)

    def answer(self, conversation, result):
        """The answer to the exchange that waits longest."""
        if conversation.waiting:
            conversation.waiting.pop(0).result = result
        elif conversation.from_start:
            # tshark shows a message in the frame of its last byte: an early answer comes before.
            conversation.unmatched.append(result)

    # HTTP/1 (RFC 9112): by order; interim responses are none.

    def read_http(self, proto, conversation, source, destination):
        method = value(proto, "http.request.method")
        status = value(proto, "http.response.code")
        if method:
            target = value(proto, "http.request.uri") or ""
            what = f"{method} {target}"
            self.queue(conversation, self.ask("http", source, destination, what))
        elif status and (not status.startswith("1") or status == "101"):
            self.answer(conversation, status)

    # HTTP/2 (RFC 9113) and gRPC: by stream.

    def read_http2(self, proto, conversation, source, destination):
        number = value(proto, "http2.streamid")
        if number in (None, "0"):
            return
        headers = {}
        for header in fields(proto, "http2.header"):
            name = value(header, "http2.header.name")
            headers[name] = value(header, "http2.header.value") or ""
        stream = conversation.streams.get(number)
        if ":method" in headers:
            kind = headers.get("content-type", "")
            if kind.startswith("application/grpc") and not kind.startswith("application/grpc-web"):
                exchange = self.ask("grpc", source, destination, headers.get(":path", "?"))
            else:
                what = f"{headers[':method']} {headers.get(':path', '?')}"
                exchange = self.ask("http", source, destination, what)
            conversation.streams[number] = exchange
        elif stream and stream.protocol == "http" and ":status" in headers:
            if headers.get("content-type", "").startswith("application/grpc"):
                # The request's own content type was not seen.
                stream.protocol, stream.what = "grpc", stream.what.split(" ", 1)[1]
                stream.result = headers.get("grpc-status", "-")
            elif not headers[":status"].startswith("1"):
                stream.result = headers[":status"]
        elif stream and "grpc-status" in headers:
            stream.result = headers["grpc-status"]

    # PostgreSQL: by order. An exchange is a simple query, the execution of a portal, a statement
    # that could not be prepared, a refused connection or a request to cancel.

    def read_pgsql(self, proto, conversation, source, destination):
        kind = value(proto, "pgsql.type")
        waiting = conversation.waiting
        if truth(proto, "pgsql.frontend"):
            statement = value(proto, "pgsql.statement") or ""
            portal = value(proto, "pgsql.portal") or ""
            query = text(proto, "pgsql.query")
            if kind == "Simple query":
                exchange = self.ask("postgresql", source, destination, query)
                exchange.ends_with_ready = True
                waiting.append(exchange)
            elif kind == "Parse":
                conversation.statements[statement] = query
                conversation.last_parsed = query
            elif kind == "Bind":
                conversation.portals[portal] = conversation.statements.get(statement, "?")
            elif kind == "Execute":
                what = conversation.portals.get(portal, "?")
                exchange = self.ask("postgresql", source, destination, what)
                exchange.ends_with_ready = False
                waiting.append(exchange)
            elif kind == "Sync":
                waiting.append(None)
            elif kind == "Startup message":
                conversation.connecting = True
            elif kind == "Cancel request":
                self.ask("postgresql", source, destination, "cancel")
            return
        head = waiting[0] if waiting else None
        if kind in ("Command completion", "Empty query", "Portal suspended") and head:
            if not head.ends_with_ready:
                waiting.pop(0).result = "ok"
            elif head.result == "-":
                head.result = "ok"
        elif kind == "Error":
            code = value(proto, "pgsql.code") or "?"
            if head:
                head.result = code
                if not head.ends_with_ready:
                    waiting.pop(0)
            elif waiting:
                what = conversation.last_parsed
                self.ask("postgresql", destination, source, what).result = code
            elif conversation.connecting:
                self.ask("postgresql", destination, source, "connect").result = code
        elif kind == "Ready for query":
            conversation.connecting = False
            # What was asked before the Sync and not answered was skipped by the server.
            while waiting:
                exchange = waiting.pop(0)
                if exchange is None or exchange.ends_with_ready:
                    break

    # MySQL: by order. Only a first packet of an answer counts.

    def read_mysql(self, proto, conversation, source, destination):
        command = value(proto, "mysql.command")
        number = value(proto, "mysql.packet_number")
        if command is not None:
            conversation.commanded = True
            what = text(proto, "mysql.query") or text(proto, "mysql.schema")
            if command == "23":
                what = conversation.statements.get(value(proto, "mysql.stmt_id"), "?")
            exchange = self.ask("mysql", source, destination, f"{command} {what}")
            exchange.command = command
            exchange.text = what
            conversation.waiting = []
            if command not in ("1", "24", "25"):  # quit, send long data, close: no answer
                conversation.waiting.append(exchange)
        elif conversation.waiting and number == "1":
            exchange = conversation.waiting[0]
            error = value(proto, "mysql.error_code")
            exchange.result = error or "ok"
            if exchange.command == "22" and value(proto, "mysql.stmt_id"):
                conversation.statements[value(proto, "mysql.stmt_id")] = exchange.text
        elif conversation.waiting and value(proto, "mysql.error_code"):
            conversation.waiting[0].result = value(proto, "mysql.error_code")
        elif not conversation.commanded and value(proto, "mysql.error_code"):
            refused = self.ask("mysql", destination, source, "connect")
            refused.result = value(proto, "mysql.error_code")

    # Redis: by order. tshark names no roles: the server's port is the lower one.

    def read_resp(self, proto, conversation, source, destination):
        from_client = port_of(source) > port_of(destination)
        for field in proto:
            name = field.get("name")
            if from_client and name == "resp.array":
                words = [octets(value) for value in fields(field, "resp.bulk_string.value")]
                what = " ".join(words)
                self.queue(conversation, self.ask("redis", source, destination, what))
            elif not from_client and name == "resp.error":
                self.answer(conversation, field.get("show").split(" ")[0])
            elif not from_client and name and name.startswith("resp."):
                self.answer(conversation, "ok")

    # Kafka: by correlation id.

    def read_kafka(self, proto, conversation, source, destination):
        correlation = value(proto, "kafka.correlation_id")
        error = next(
            (field.get("show") for field in fields(proto, "kafka.error")
             if field.get("show") != "0"),
            "ok",
        )
        if value(proto, "kafka.request_key") is not None:
            api = value(proto, "kafka.api_key")
            version = value(proto, "kafka.api_version")
            topics = {field.get("show") for field in fields(proto, "kafka.topic_name")}
            # tshark 4.0 shows `[ Null ]` for a topic that is asked for by its id.
            topics = sorted(topic for topic in topics if " " not in topic)
            what = f"{api} {version} {correlation} {','.join(topics)}"
            exchange = self.ask("kafka", source, destination, what)
            conversation.streams[correlation] = exchange
        elif correlation in conversation.streams:
            conversation.streams.pop(correlation).result = error

    # AMQP 0-9-1: what carries messages (class 60). A publish is answered by a return if it cannot
    # be routed; nothing else is an answer that tells more than that the message came.

    def read_amqp(self, proto, conversation, source, destination):
        if value(proto, "amqp.method.class") != "60":
            return
        method = value(proto, "amqp.method.method")
        channel = value(proto, "amqp.channel")
        exchange = value(proto, "amqp.method.arguments.exchange") or ""
        key = value(proto, "amqp.method.arguments.routing_key") or ""
        if method in ("40", "60"):
            name = "publish" if method == "40" else "deliver"
            asked = self.ask("amqp", source, destination, f"{name} {exchange} {key}")
            asked.result = "ok"
            if method == "40":
                conversation.streams[(channel, exchange, key)] = asked
        elif method == "50":
            published = conversation.streams.get((channel, exchange, key))
            if published:
                published.result = value(proto, "amqp.method.arguments.reply_code")
        elif method == "70":
            conversation.streams[channel] = self.ask("amqp", source, destination, "get")
        elif method in ("71", "72") and channel in conversation.streams:
            asked = conversation.streams.pop(channel)
            asked.what = f"get {exchange} {key}"
            asked.result = "ok"

    # DNS (RFC 1035): standard queries, by id and question.

    def read_dns(self, proto, conversation, source, destination):
        identifier = value(proto, "dns.id")
        name = value(proto, "dns.qry.name")
        kind = value(proto, "dns.qry.type")
        if name is None or kind is None or value(proto, "dns.flags.opcode") != "0":
            return
        kind = DNS_TYPES.get(int(kind), f"TYPE{kind}")
        name = name.rstrip(".").replace("<Root>", ".")
        what = f"{kind} {name}"
        if not truth(proto, "dns.flags.response"):
            exchange = self.ask("dns", source, destination, what)
            conversation.streams[(identifier, what)] = exchange
        else:
            exchange = conversation.streams.pop((identifier, what), None)
            if exchange:
                # RFC 6891: the upper bits of the code are in the OPT record.
                upper = int(value(proto, "dns.resp.ext_rcode") or "0", 0)
                lower = int(value(proto, "dns.flags.rcode") or "0", 0)
                exchange.result = str(upper << 4 | lower)

    # FastCGI: by request id.

    def read_fcgi(self, proto, conversation, source, destination):
        number = value(proto, "fcgi.id")
        kind = value(proto, "fcgi.type")
        if kind == "4":
            pairs = [field.get("showname") for field in fields(proto, "fcgi.nv_name")]
            parameters = dict(pair.split(" = ", 1) for pair in pairs if " = " in pair)
            if "REQUEST_METHOD" in parameters:
                what = f"{parameters['REQUEST_METHOD']} {parameters.get('REQUEST_URI', '')}"
                conversation.streams[number] = self.ask("http", source, destination, what)
        elif kind == "3" and number in conversation.streams:
            # The status is in the answer's text, which tshark does not read.
            conversation.streams.pop(number).result = "?"


def fields(element, name):
    return (field for field in element.iter("field") if field.get("name") == name)


def value(element, name):
    field = next(fields(element, name), None)
    return None if field is None else field.get("show")


def truth(element, name):
    return value(element, name) in ("1", "True")


def text(element, name):
    """Text as it was sent, not as tshark shows it (which escapes)."""
    field = next(fields(element, name), None)
    return "" if field is None else octets(field).rstrip("\0")


def octets(field):
    """The text of a field's octets."""
    return bytes.fromhex(field.get("value") or "").decode("utf-8", "replace")


def port_of(end):
    return int(end.rsplit(":", 1)[1])


def escape(text):
    text = text.replace("\\", "\\\\").replace("\t", "\\t")
    text = text.replace("\n", "\\n").replace("\r", "\\r")
    return re.sub(r"[\x00-\x1f\x7f]", "\N{REPLACEMENT CHARACTER}", text)


def dissect(path, name):
    """The exchanges of one capture, as lines."""
    command = ["tshark", "-n", "-r", str(path), "-T", "pdml"]
    for prefix, ports, protocol in DECODE_AS:
        if name.startswith(prefix):
            for port in ports:
                command += ["-d", f"tcp.port=={port},{protocol}"]
    reader = Reader()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        for _, element in ElementTree.iterparse(process.stdout):
            if element.tag == "packet":
                reader.packet(element)
                element.clear()
    except ElementTree.ParseError as error:
        print(f"{name}: tshark's output breaks off: {error}", file=sys.stderr)
    process.stdout.close()
    process.wait()
    return [exchange.line(path.name) for exchange in reader.exchanges]


def main():
    corpus = pathlib.Path(sys.argv[1])
    wanted = sys.argv[2:]
    captures = sorted(p for p in corpus.rglob("*") if p.suffix in (".pcap", ".pcapng"))
    for folder in sorted({path.parent for path in captures}):
        name = folder.relative_to(corpus).as_posix()
        if wanted and name not in wanted:
            continue
        lines = []
        for path in captures:
            if path.parent == folder:
                lines += dissect(path, path.relative_to(corpus).as_posix())
        GOLDEN.mkdir(parents=True, exist_ok=True)
        golden = GOLDEN / (name.replace("/", "-") + ".tsv")
        if lines:
            golden.write_text("\n".join(lines) + "\n", encoding="utf-8")
        else:
            golden.unlink(missing_ok=True)
        print(f"{name}: {len(lines)} exchanges", file=sys.stderr)


main()
