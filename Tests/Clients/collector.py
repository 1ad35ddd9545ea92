"""A collector of OpenTelemetry for tests, on loopback: what it takes goes through the real protobuf messages.

usage: collector.py [CONDUCT…]

Says "collector PORT", and then what comes as lines of JSON: each request ({"request": …}) and, of those that it takes,
each span ({"span": …}). The first request gets the first conduct, and so on; the last one stays. take is the default; later
says 503, refuse says 400, partial rejects three of the spans, redirect sends to another address, and slow never answers.
"""

import base64
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

conducts = sys.argv[1:] or ["take"]
lock = threading.Lock()


def value(any_value):
    kind = any_value.WhichOneof("value")
    content = getattr(any_value, kind)
    return [value(one) for one in content.values] if kind == "array_value" else content


def attributes(pairs):
    return {pair.key: value(pair.value) for pair in pairs}


def decode(body):
    document = json.loads(body)
    for resource in document["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                # What protobuf's own mapping would take as well, and OTLP does not allow.
                assert type(span["kind"]) is int and type(span["startTimeUnixNano"]) is str, span
                for name, digits in ("traceId", 32), ("spanId", 16), ("parentSpanId", 16):
                    if name in span:
                        assert len(span[name]) == digits, span
                        span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    message = json_format.ParseDict(document, ExportTraceServiceRequest())
    for resource in message.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield {
                    "resource": attributes(resource.resource.attributes), "scope": scope.scope.name,
                    "trace": span.trace_id.hex(), "id": span.span_id.hex(), "parent": span.parent_span_id.hex(),
                    "name": span.name, "kind": span.kind, "start": span.start_time_unix_nano,
                    "end": span.end_time_unix_nano, "attributes": attributes(span.attributes),
                    "status": span.status.code, "message": span.status.message,
                }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with lock:
            conduct = conducts.pop(0) if len(conducts) > 1 else conducts[0]
            spans = list(decode(body))
            print(json.dumps({"request": {
                "path": self.path, "conduct": conduct, "spans": len(spans), "headers": dict(self.headers)}}), flush=True)
            if conduct in ("take", "partial"):
                for span in spans:
                    print(json.dumps({"span": span}), flush=True)
        if conduct == "slow":
            self.rfile.read(1)
            return
        partial = {"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too old"}}
        status = {"take": 200, "partial": 200, "later": 503, "refuse": 400, "redirect": 307}[conduct]
        reply = json.dumps(partial if conduct == "partial" else {}).encode()
        self.send_response(status)
        if conduct == "later":
            self.send_header("Retry-After", "0")
        if conduct == "redirect":
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"collector {server.server_port}", flush=True)
server.serve_forever()
