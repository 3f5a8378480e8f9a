"""A service under load, with the OpenTelemetry SDK.

GET /load?agent=HOST:PORT&service=S&count=N&failed=F makes N requests of S, of which F fail, and answers how
many spans the agent has acknowledged of these. Every tenth request took 500 ms, the others 50 ms. Runs in a
container: imports nothing of Coral.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, StatusCode

_EXPORT_SECONDS = 60


class Counting(SpanExporter):
    """Counts what the agent has acknowledged."""

    def __init__(self, agent: str) -> None:
        self._exporter = OTLPSpanExporter(endpoint=agent, insecure=True, timeout=_EXPORT_SECONDS)
        self.acknowledged = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sends; the exporter repeats what fails for now."""
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self.acknowledged += len(spans)
        return result

    def shutdown(self) -> None:
        """Closes the connection."""
        self._exporter.shutdown()


def make_load(agent: str, service: str, count: int, failed: int) -> int:
    """Makes requests of a service; answers how many of them the agent has acknowledged."""
    exporter = Counting(agent)
    resource = Resource.create({"service.name": service})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(
        BatchSpanProcessor(exporter, max_queue_size=10_000, max_export_batch_size=100)
    )
    tracer = provider.get_tracer("load")
    for number in range(count):
        end = time.time_ns()
        duration = 500_000_000 if number % 10 == 9 else 50_000_000
        span = tracer.start_span("GET /pay", kind=SpanKind.SERVER, start_time=end - duration)
        if number < failed:
            span.set_status(StatusCode.ERROR)
        span.end(end_time=end)
    provider.force_flush(_EXPORT_SECONDS * 1000)
    provider.shutdown()
    return exporter.acknowledged


class Handler(BaseHTTPRequestHandler):
    """Answers requests for load."""

    def do_GET(self) -> None:
        """Makes it."""
        wanted = {name: values[0] for name, values in parse_qs(urlparse(self.path).query).items()}
        done = make_load(wanted["agent"], wanted["service"], int(wanted["count"]), int(wanted["failed"]))
        body = json.dumps({"acknowledged": done}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), Handler)
    print("ready", flush=True)
    server.serve_forever()
