"""The OpenTelemetry SDK of one service: what any user would set up in a service of their own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import grpc
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http import Compression as HttpCompression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.metrics import Histogram
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.semconv.attributes import service_attributes
from opentelemetry.util.types import Attributes

from coral.demo.shop.truth import TruthFile, TruthProcessor

SPAN_DELAY_MILLIS = 500
"""How long finished spans and log records wait to be sent together; short, since somebody is looking."""

METRIC_INTERVAL_MILLIS = 3000
"""How often metrics are sent."""

DURATION_BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Bucket bounds that the semantic conventions advise for http.server.request.duration."""

Protocol = Literal["grpc", "http/protobuf"]


@dataclass(frozen=True)
class OtlpAddresses:
    """Where an agent receives OTLP, each as HOST:PORT."""

    grpc: str
    http: str


@dataclass(frozen=True)
class Wire:
    """How a service sends its telemetry."""

    protocol: Protocol
    gzip: bool


class Telemetry:
    """Tracer, meter, logger and exporters of one service.

    Not a wrapper: `tracer`, `logger` and the histograms are the SDK's own objects. It only keeps them
    together, so that one process can hold several services without a global provider.
    """

    def __init__(
        self,
        service: str,
        *,
        span_processors: Sequence[SpanProcessor],
        metric_reader: MetricReader,
        log_processors: Sequence[LogRecordProcessor] = (),
    ) -> None:
        resource = Resource.create(
            {
                service_attributes.SERVICE_NAME: service,
                service_attributes.SERVICE_VERSION: "1.0.0",
                "service.instance.id": f"{service}-1",
                "deployment.environment.name": "demo",
                "process.pid": os.getpid(),
            }
        )
        self.service = service
        self._tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        for processor in span_processors:
            self._tracers.add_span_processor(processor)
        self._meters = MeterProvider(
            metric_readers=[metric_reader], resource=resource, shutdown_on_exit=False
        )
        self._loggers = LoggerProvider(resource=resource, shutdown_on_exit=False)
        for log_processor in log_processors:
            self._loggers.add_log_record_processor(log_processor)
        self.tracer = self._tracers.get_tracer("coral.demo", "1.0.0")
        self._meter = self._meters.get_meter("coral.demo", "1.0.0")
        self.logger = self._loggers.get_logger("coral.demo", "1.0.0")

    def duration_histogram(self, name: str, description: str) -> Histogram:
        """A histogram of seconds with the advised bucket bounds."""
        return self._meter.create_histogram(
            name,
            unit="s",
            description=description,
            explicit_bucket_boundaries_advisory=DURATION_BUCKETS_SECONDS,
        )

    def log(
        self,
        severity: SeverityNumber,
        body: str,
        attributes: Attributes = None,
        *,
        exception: BaseException | None = None,
    ) -> None:
        """Writes one log record, within the current span."""
        self.logger.emit(
            severity_number=severity,
            severity_text=severity.name,
            body=body,
            attributes=attributes,
            exception=exception,
        )

    def flush(self, timeout_seconds: float) -> bool:
        """Sends everything that is finished; false when not all was accepted in time."""
        millis = int(timeout_seconds * 1000)
        sent = [provider.force_flush(millis) for provider in (self._tracers, self._loggers, self._meters)]
        return all(sent)

    def shutdown(self) -> None:
        """Sends what is left and stops the exporters."""
        self._tracers.shutdown()
        self._loggers.shutdown()
        self._meters.shutdown()


def otlp_telemetry(
    service: str, addresses: OtlpAddresses, wire: Wire, truth: TruthFile | None = None
) -> Telemetry:
    """Telemetry that is sent to an agent, and whose SERVER spans go to the truth file, too."""
    batches = BatchSpanProcessor(_span_exporter(addresses, wire), schedule_delay_millis=SPAN_DELAY_MILLIS)
    return Telemetry(
        service,
        span_processors=[batches] if truth is None else [TruthProcessor(truth), batches],
        metric_reader=PeriodicExportingMetricReader(
            _metric_exporter(addresses, wire), export_interval_millis=METRIC_INTERVAL_MILLIS
        ),
        log_processors=[
            BatchLogRecordProcessor(_log_exporter(addresses, wire), schedule_delay_millis=SPAN_DELAY_MILLIS)
        ],
    )


def _span_exporter(addresses: OtlpAddresses, wire: Wire) -> SpanExporter:
    if wire.protocol == "grpc":
        return GrpcSpanExporter(
            endpoint=f"http://{addresses.grpc}", insecure=True, compression=_grpc_compression(wire)
        )
    return HttpSpanExporter(
        endpoint=f"http://{addresses.http}/v1/traces", compression=_http_compression(wire)
    )


def _metric_exporter(addresses: OtlpAddresses, wire: Wire) -> MetricExporter:
    if wire.protocol == "grpc":
        return GrpcMetricExporter(
            endpoint=f"http://{addresses.grpc}", insecure=True, compression=_grpc_compression(wire)
        )
    return HttpMetricExporter(
        endpoint=f"http://{addresses.http}/v1/metrics", compression=_http_compression(wire)
    )


def _log_exporter(addresses: OtlpAddresses, wire: Wire) -> LogRecordExporter:
    if wire.protocol == "grpc":
        return GrpcLogExporter(
            endpoint=f"http://{addresses.grpc}", insecure=True, compression=_grpc_compression(wire)
        )
    return HttpLogExporter(endpoint=f"http://{addresses.http}/v1/logs", compression=_http_compression(wire))


def _grpc_compression(wire: Wire) -> grpc.Compression:
    return grpc.Compression.Gzip if wire.gzip else grpc.Compression.NoCompression


def _http_compression(wire: Wire) -> HttpCompression:
    return HttpCompression.Gzip if wire.gzip else HttpCompression.NoCompression
