"""A service as any user would write it: OpenTelemetry for Python, OTLP over gRPC or HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import grpc
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from coral.testing.processes import Agent

FLUSH_MILLIS = 20_000


@dataclass(frozen=True)
class Sending:
    """How the client sends."""

    protocol: Literal["grpc", "http"]
    gzip: bool

    @property
    def name(self) -> str:
        """A service name that says it."""
        return f"python-{self.protocol}-{'gzip' if self.gzip else 'plain'}"


def send_traces(service: str, agent: Agent, sending: Sending, *, requests: int, errors: int) -> list[str]:
    """Sends one trace of three spans per request; the first `errors` fail. Answers their trace ids.

    Raises:
        AssertionError: The agent did not accept them all.
    """
    provider = TracerProvider(resource=_resource(service), shutdown_on_exit=False)
    # Every export must succeed for force_flush to answer true, so this is the agent's acknowledgement.
    provider.add_span_processor(BatchSpanProcessor(_span_exporter(agent, sending), max_export_batch_size=64))
    tracer = provider.get_tracer("integration-test", "1.0")
    trace_ids = []
    for number in range(requests):
        attributes: dict[str, str | int] = {
            "http.request.method": "GET",
            "http.route": "/things/{id}",
            "test.number": number,
        }
        with tracer.start_as_current_span(
            "GET /things/{id}", kind=SpanKind.SERVER, attributes=attributes
        ) as span:
            trace_ids.append(format(span.get_span_context().trace_id, "032x"))
            with tracer.start_as_current_span("work"), tracer.start_as_current_span("SELECT things") as leaf:
                leaf.set_attribute("db.system.name", "sqlite")
            if number < errors:
                span.set_status(StatusCode.ERROR, "asked to fail")
    assert provider.force_flush(FLUSH_MILLIS), "the agent did not take all spans"
    provider.shutdown()
    return trace_ids


def send_metrics(service: str, agent: Agent, sending: Sending) -> None:
    """Sends a counter, a gauge and a histogram once.

    Raises:
        AssertionError: The agent did not accept them.
    """
    reader = PeriodicExportingMetricReader(_metric_exporter(agent, sending), export_interval_millis=3_600_000)
    provider = MeterProvider(metric_readers=[reader], resource=_resource(service), shutdown_on_exit=False)
    meter = provider.get_meter("integration-test", "1.0")
    meter.create_counter("test.things", unit="{thing}").add(3, {"colour": "red"})
    meter.create_up_down_counter("test.queue", unit="{thing}").add(-2)
    histogram = meter.create_histogram("http.server.request.duration", unit="s")
    for seconds in (0.01, 0.02, 0.04):
        histogram.record(seconds, {"http.request.method": "GET", "http.route": "/things/{id}"})
    assert provider.force_flush(FLUSH_MILLIS), "the agent did not take the metrics"
    provider.shutdown()


def _resource(service: str) -> Resource:
    return Resource.create({"service.name": service, "service.instance.id": f"{service}-1"})


def _span_exporter(agent: Agent, sending: Sending) -> SpanExporter:
    if sending.protocol == "grpc":
        compression = grpc.Compression.Gzip if sending.gzip else grpc.Compression.NoCompression
        return GrpcSpanExporter(endpoint=f"http://{agent.otlp_grpc}", insecure=True, compression=compression)
    return HttpSpanExporter(endpoint=f"http://{agent.otlp_http}/v1/traces", compression=_http(sending))


def _metric_exporter(agent: Agent, sending: Sending) -> MetricExporter:
    if sending.protocol == "grpc":
        compression = grpc.Compression.Gzip if sending.gzip else grpc.Compression.NoCompression
        return GrpcMetricExporter(
            endpoint=f"http://{agent.otlp_grpc}", insecure=True, compression=compression
        )
    return HttpMetricExporter(endpoint=f"http://{agent.otlp_http}/v1/metrics", compression=_http(sending))


def _http(sending: Sending) -> Compression:
    return Compression.Gzip if sending.gzip else Compression.NoCompression
