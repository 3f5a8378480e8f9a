"""OTLP metric requests for agent tests: HTTP server durations as Beyla, OBI and SDKs send them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Histogram,
    HistogramDataPoint,
    Metric,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from tests.agent.otlp import START_NS, text

DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
NEW = "http.server.request.duration"
OLD = "http.server.duration"
SECOND = 10**9

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""OpenTelemetry's advice for durations in seconds."""


def number(key: str, value: int) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(int_value=value))


def labels(route: str | None = "/pay", status: int = 200, *, old: bool = False) -> list[KeyValue]:
    """What a server's request is described by."""
    names = (
        ("http.method", "http.status_code") if old else ("http.request.method", "http.response.status_code")
    )
    found = [text(names[0], "GET"), number(names[1], status)]
    return found if route is None else [*found, text("http.route", route)]


def explicit(
    values: Sequence[float],
    *,
    bounds: Sequence[float] = BOUNDS_S,
    at: int = START_NS,
    extremes: bool = True,
    **more: Any,
) -> HistogramDataPoint:
    """A point of measured values, in the unit of the bounds."""
    counts = [0] * (len(bounds) + 1)
    for value in values:
        counts[sum(value > bound for bound in bounds)] += 1
    point = HistogramDataPoint(
        time_unix_nano=at, count=len(values), sum=sum(values), explicit_bounds=bounds, bucket_counts=counts
    )
    point.start_time_unix_nano = more.pop("start", START_NS - 60 * SECOND)
    point.attributes.extend(more.pop("attributes", labels()))
    if extremes and values:
        point.min, point.max = min(values), max(values)
    assert not more
    return point


def histogram(
    *points: HistogramDataPoint, name: str = NEW, unit: str = "s", temporality: Any = DELTA
) -> Metric:
    body = Histogram(aggregation_temporality=temporality, data_points=points)
    return Metric(name=name, unit=unit, histogram=body)


def exponential(
    indexes: Sequence[int], *, scale: int, zeros: int = 0, total: float = 0.0, at: int = START_NS, **more: Any
) -> ExponentialHistogramDataPoint:
    """A point with one value in each of the buckets."""
    point = ExponentialHistogramDataPoint(
        time_unix_nano=at, count=len(indexes) + zeros, sum=total, scale=scale, zero_count=zeros
    )
    point.start_time_unix_nano = more.pop("start", START_NS - 60 * SECOND)
    point.attributes.extend(more.pop("attributes", labels()))
    first, last = min(indexes, default=0), max(indexes, default=-1)
    point.positive.offset = first
    point.positive.bucket_counts.extend(list(indexes).count(index) for index in range(first, last + 1))
    assert not more
    return point


def exponentials(*points: ExponentialHistogramDataPoint, unit: str = "s", temporality: Any = DELTA) -> Metric:
    body = ExponentialHistogram(aggregation_temporality=temporality, data_points=points)
    return Metric(name=NEW, unit=unit, exponential_histogram=body)


def request(
    *metrics: Metric, service: str = "payments", sdk: str = "opentelemetry", scope: str = "http"
) -> ExportMetricsServiceRequest:
    resource = Resource(
        attributes=[
            text("service.name", service),
            text("service.instance.id", "p-1"),
            text("telemetry.sdk.name", sdk),
        ]
    )
    scopes = [ScopeMetrics(scope=InstrumentationScope(name=scope), metrics=metrics)]
    return ExportMetricsServiceRequest(
        resource_metrics=[ResourceMetrics(resource=resource, scope_metrics=scopes)]
    )
