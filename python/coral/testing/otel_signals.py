"""HTTP server durations and log records by OpenTelemetry for Python, as instrumentation records them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import grpc
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetricExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetricExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

from coral.testing.otel_client import FLUSH_MILLIS, Sending
from coral.testing.processes import Agent

Convention = Literal["new", "old"]
_NEVER_MILLIS: Final = 3_600_000


@dataclass(frozen=True)
class Durations:
    """How an HTTP server's durations are measured and sent.

    Attributes:
        convention: `new` is `http.server.request.duration` in seconds, `old` is `http.server.duration` in
            milliseconds.
        delta: Send what came since the last time instead of sums since the start.
        exponential: Exponential histograms instead of explicit bounds.
    """

    convention: Convention
    delta: bool = False
    exponential: bool = False

    @property
    def name(self) -> str:
        """A service name that says it."""
        kind = "exponential" if self.exponential else "explicit"
        return f"durations-{self.convention}-{'delta' if self.delta else 'cumulative'}-{kind}"


class DurationMeter:
    """A server that measures its requests and sends the measurements when told to."""

    def __init__(self, agent: Agent, sending: Sending, durations: Durations) -> None:
        temporality = AggregationTemporality.DELTA if durations.delta else AggregationTemporality.CUMULATIVE
        preferred: dict[type, AggregationTemporality] = {Histogram: temporality}
        exporter: GrpcMetricExporter | HttpMetricExporter
        if sending.protocol == "grpc":
            exporter = GrpcMetricExporter(
                endpoint=f"http://{agent.otlp_grpc}", insecure=True, preferred_temporality=preferred
            )
        else:
            exporter = HttpMetricExporter(
                endpoint=f"http://{agent.otlp_http}/v1/metrics",
                compression=Compression.Gzip if sending.gzip else Compression.NoCompression,
                preferred_temporality=preferred,
            )
        views = (
            [View(instrument_type=Histogram, aggregation=ExponentialBucketHistogramAggregation())]
            if durations.exponential
            else []
        )
        self._provider = MeterProvider(
            metric_readers=[PeriodicExportingMetricReader(exporter, export_interval_millis=_NEVER_MILLIS)],
            resource=Resource.create({"service.name": durations.name}),
            shutdown_on_exit=False,
            views=views,
        )
        meter = self._provider.get_meter("integration-test", "1.0")
        self._is_old = durations.convention == "old"
        if self._is_old:
            self._histogram = meter.create_histogram("http.server.duration", unit="ms")
        else:
            self._histogram = meter.create_histogram(
                "http.server.request.duration",
                unit="s",
                explicit_bucket_boundaries_advisory=[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
            )

    def record(self, seconds: float, *, route: str, status: int) -> None:
        """Measures one request."""
        method, code = (
            ("method", "status_code") if self._is_old else ("request.method", "response.status_code")
        )
        attributes: dict[str, str | int] = {
            f"http.{method}": "GET",
            f"http.{code}": status,
            "http.route": route,
        }
        self._histogram.record(seconds * 1000 if self._is_old else seconds, attributes)

    def send(self) -> None:
        """Sends the measurements.

        Raises:
            AssertionError: The agent did not accept them.
        """
        assert self._provider.force_flush(FLUSH_MILLIS), "the agent did not take the metrics"

    def close(self) -> None:
        """Ends the program; what was measured since the last `send` is sent as well."""
        self._provider.shutdown()


def send_logs(
    service: str, agent: Agent, sending: Sending, records: Sequence[tuple[SeverityNumber, str]]
) -> None:
    """Sends log records.

    Raises:
        AssertionError: The agent did not accept them.
    """
    exporter: GrpcLogExporter | HttpLogExporter
    if sending.protocol == "grpc":
        compression = grpc.Compression.Gzip if sending.gzip else grpc.Compression.NoCompression
        exporter = GrpcLogExporter(
            endpoint=f"http://{agent.otlp_grpc}", insecure=True, compression=compression
        )
    else:
        exporter = HttpLogExporter(
            endpoint=f"http://{agent.otlp_http}/v1/logs",
            compression=Compression.Gzip if sending.gzip else Compression.NoCompression,
        )
    provider = LoggerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = provider.get_logger("integration-test", "1.0")
    for severity, body in records:
        logger.emit(
            LogRecord(severity_number=severity, severity_text=severity.name, body=body, attributes={"n": 1})
        )
    assert provider.force_flush(FLUSH_MILLIS), "the agent did not take the log records"
    provider.shutdown()
