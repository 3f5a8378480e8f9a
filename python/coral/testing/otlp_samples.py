"""Valid OTLP requests that use everything of the protocol that an agent looks at."""

from __future__ import annotations

import time
from collections.abc import Sequence
from random import Random
from typing import Any, Final

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Status

SIGNALS: Final = ("traces", "metrics", "logs")
REQUEST_TYPES: Final[dict[str, type[Message]]] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def sample(signal: str, random: Random, *, service: str = "mutant") -> Any:
    """A valid request of a signal: a few items of one service."""
    build = {"traces": _traces, "metrics": _metrics, "logs": _logs}[signal]
    return build(random, [_text("service.name", service), _text("service.instance.id", f"{service}-1")])


def attributes(random: Random) -> list[KeyValue]:
    """Attributes of every type, some of them nested."""
    nested = AnyValue(kvlist_value=KeyValueList(values=[_text("k", "v"), KeyValue(key="none")]))
    found = [
        _text("http.request.method", random.choice(("GET", "POST"))),
        _text("http.route", random.choice(("/pay", "/list/{id}", "/ü"))),
        KeyValue(key="http.response.status_code", value=AnyValue(int_value=random.choice((200, 404, 503)))),
        KeyValue(key="sampled", value=AnyValue(bool_value=True)),
        KeyValue(key="ratio", value=AnyValue(double_value=0.25)),
        KeyValue(key="raw", value=AnyValue(bytes_value=b"\x00\xff")),
        KeyValue(key="list", value=AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1), nested]))),
        KeyValue(key="nothing"),
    ]
    return random.sample(found, random.randrange(len(found) + 1))


def _text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def _traces(random: Random, resource: Sequence[KeyValue]) -> Message:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.extend(resource)
    scope = group.scope_spans.add()
    scope.scope.name = "instrumentation"
    now = time.time_ns()
    for _ in range(random.randrange(1, 5)):
        span = scope.spans.add(
            trace_id=random.randbytes(15) + b"\x01",
            span_id=random.randbytes(7) + b"\x01",
            parent_span_id=random.choice((b"", random.randbytes(7) + b"\x02")),
            name=random.choice(("GET /pay", "SELECT", "ü")),
            kind=random.randrange(6),
            start_time_unix_nano=now - random.randrange(10**10),
            attributes=attributes(random),
        )
        span.end_time_unix_nano = span.start_time_unix_nano + random.randrange(10**9)
        span.status.code = random.choice((Status.STATUS_CODE_UNSET, Status.STATUS_CODE_ERROR))
        span.status.message = "asked to fail"
        if random.random() < 0.5:
            span.events.add(name="exception", time_unix_nano=now, attributes=attributes(random))
            span.links.add(trace_id=random.randbytes(16), span_id=random.randbytes(8))
    return request


def _metrics(random: Random, resource: Sequence[KeyValue]) -> Message:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    group.resource.attributes.extend(resource)
    scope = group.scope_metrics.add()
    scope.scope.name = "meter"
    now = time.time_ns()
    temporality: Any = random.randrange(1, 3)
    times: dict[str, Any] = {"time_unix_nano": now, "start_time_unix_nano": now - 10**9}
    for kind in random.sample(("gauge", "sum", "histogram", "exponential_histogram", "summary"), 2):
        metric = scope.metrics.add(
            name=random.choice(("http.server.request.duration", "queue.length")), unit="s"
        )
        body = getattr(metric, kind)
        if kind not in ("gauge", "summary"):
            body.aggregation_temporality = temporality
        point = body.data_points.add(attributes=attributes(random), **times)
        if kind in ("gauge", "sum"):
            point.as_double = random.random()
            continue
        point.count, point.sum = 4, 1.0
        if kind == "histogram":
            point.explicit_bounds.extend(_BOUNDS)
            point.bucket_counts.extend([0, 0, 1, 0, 2, 0, 0, 1, 0, 0, 0, 0])
            point.min, point.max = 0.01, 0.9
        elif kind == "exponential_histogram":
            point.scale, point.zero_count = random.choice((-3, 0, 6, 20)), 1
            point.positive.offset = random.choice((-40, 0, 7))
            point.positive.bucket_counts.extend([1, 0, 2])
        else:
            point.quantile_values.add(quantile=0.5, value=0.1)
    return request


def _logs(random: Random, resource: Sequence[KeyValue]) -> Message:
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.extend(resource)
    scope = group.scope_logs.add()
    scope.scope.name = "logger"
    now = time.time_ns()
    for _ in range(random.randrange(1, 5)):
        record = scope.log_records.add(
            time_unix_nano=random.choice((0, now)),
            observed_time_unix_nano=now,
            severity_number=random.randrange(25),
            severity_text=random.choice(("", "info", "FATAL")),
            attributes=attributes(random),
            trace_id=random.choice((b"", random.randbytes(16))),
            span_id=random.choice((b"", random.randbytes(8))),
            event_name=random.choice(("", "payment.declined")),
        )
        if random.random() < 0.7:
            record.body.string_value = "card declined"
        else:
            record.body.kvlist_value.values.extend(attributes(random))
    return request
