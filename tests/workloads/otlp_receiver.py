"""Receives traces over OTLP/gRPC and OTLP/HTTP and writes each request as one line of JSON.

otlp_receiver.py GRPC_PORT HTTP_PORT FILE

What is on the wire is read by grpcio and opentelemetry-proto, not by anything of ours. Bytes that
do not parse are answered as an error and written as {"error": …}.
"""

import base64
import gzip
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

GRPC_PORT, HTTP_PORT, PATH = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
LOCK = threading.Lock()


def record(transport, headers, request=None, error=None):
    entry = {"transport": transport, "headers": headers}
    if error is not None:
        entry["error"] = error
    else:
        entry["request"] = with_hex_ids(json_format.MessageToDict(request))
    with LOCK, open(PATH, "a") as file:
        file.write(json.dumps(entry) + "\n")


def with_hex_ids(message):
    """Protobuf's JSON has bytes as base64; OTLP's has ids as hexadecimal digits."""
    if isinstance(message, list):
        return [with_hex_ids(item) for item in message]
    if isinstance(message, dict):
        return {
            key: base64.b64decode(value).hex()
            if key in ("traceId", "spanId", "parentSpanId")
            else with_hex_ids(value)
            for key, value in message.items()
        }
    return message


def from_otlp_json(text):
    """OTLP's JSON has ids as hexadecimal digits; protobuf's parser wants base64."""

    def convert(message):
        if isinstance(message, list):
            return [convert(item) for item in message]
        if isinstance(message, dict):
            return {
                key: base64.b64encode(bytes.fromhex(value)).decode()
                if key in ("traceId", "spanId", "parentSpanId")
                else convert(value)
                for key, value in message.items()
            }
        return message

    request = trace_service_pb2.ExportTraceServiceRequest()
    return json_format.ParseDict(convert(json.loads(text)), request)


class Service(trace_service_pb2_grpc.TraceServiceServicer):
    def Export(self, request, context):
        record("grpc", dict(context.invocation_metadata()), request)
        return trace_service_pb2.ExportTraceServiceResponse()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {key.lower(): value for key, value in self.headers.items()}
        kind = headers.get("content-type", "")
        transport = "http/json" if kind == "application/json" else "http/protobuf"
        try:
            if self.path != "/v1/traces":
                raise ValueError("path " + self.path)
            if headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            if transport == "http/json":
                request = from_otlp_json(body)
            else:
                request = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
        except Exception as error:
            record(transport, headers, error=repr(error))
            return self.answer(400, "text/plain", repr(error).encode())
        record(transport, headers, request)
        self.answer(200, kind, b"{}" if transport == "http/json" else b"")

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = grpc.server(ThreadPoolExecutor(4))
trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Service(), server)
server.add_insecure_port(f"127.0.0.1:{GRPC_PORT}")
server.start()
ThreadingHTTPServer(("127.0.0.1", HTTP_PORT), Handler).serve_forever()
