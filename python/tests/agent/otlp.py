"""OTLP requests for agent tests, made with the real protobuf messages."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

START_NS = 1_790_000_000_000_000_000


def text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def span(
    number: int,
    *,
    duration_ns: int = 1_000_000,
    kind: Span.SpanKind.ValueType = Span.SPAN_KIND_SERVER,
    failed: bool = False,
    start_ns: int = START_NS,
    trace: int | None = None,
) -> Span:
    return Span(
        trace_id=(trace if trace is not None else number + 1).to_bytes(16, "big"),
        span_id=(number + 1).to_bytes(8, "big"),
        name="GET /pay",
        kind=kind,
        start_time_unix_nano=start_ns,
        end_time_unix_nano=start_ns + duration_ns,
        status=Status(code=Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_UNSET),
        attributes=[text("http.route", "/pay")],
    )


def traces(
    spans: Sequence[Span], *, service: str = "payments", instance: str = "p-1"
) -> ExportTraceServiceRequest:
    resource = Resource(attributes=[text("service.name", service), text("service.instance.id", instance)])
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=spans)])]
    )
