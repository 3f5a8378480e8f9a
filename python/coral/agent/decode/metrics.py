"""`ExportMetricsServiceRequest` to metric point columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint, Metric

from coral.agent.decode.columns import METRIC_SCHEMA, Decoded, Resource
from coral.agent.decode.values import attributes_json, resource_of

_TEMPORALITY: Final = ("UNSPECIFIED", "DELTA", "CUMULATIVE")
_MAX_NS: Final = 2**63 - 1
_MAX_COUNT: Final = 2**63 - 1

_Values = tuple[float | None, int | None, float | None, list[float] | None, list[int] | None]


def decode_metrics(request: ExportMetricsServiceRequest) -> Decoded:
    """Turns a request into one row per data point.

    Exponential histograms become explicit bounds, summaries keep count and sum. A metric without
    data of a known kind, or a point without a time, is refused and counted.
    """
    rows: list[tuple[Any, ...]] = []
    resources: dict[tuple[str, str], Resource] = {}
    refused, reason = 0, ""
    for group in request.resource_metrics:
        resource = resource_of(group.resource)
        for scope in group.scope_metrics:
            for metric in scope.metrics:
                kind = metric.WhichOneof("data")
                if kind is None:
                    refused += 1
                    reason = reason or f"metric {metric.name!r}: no data of a known kind"
                    continue
                body = getattr(metric, kind)
                temporality = _TEMPORALITY[getattr(body, "aggregation_temporality", 0) % len(_TEMPORALITY)]
                for point in body.data_points:
                    if not 0 < point.time_unix_nano <= _MAX_NS:
                        refused += 1
                        reason = reason or f"metric {metric.name!r}: a point has no time"
                        continue
                    rows.append(
                        (
                            resource.service_name,
                            resource.instance_id,
                            metric.name,
                            kind.upper(),
                            temporality,
                            metric.unit,
                            point.time_unix_nano // 1000,
                            *_values(metric, point),
                            attributes_json(point.attributes),
                        )
                    )
                    resources[resource.service_name, resource.instance_id] = resource
    columns: Iterable[Iterable[Any]] = zip(*rows, strict=True) if rows else ([] for _ in METRIC_SCHEMA)
    arrays = [
        pa.array(list(values), field.type) for values, field in zip(columns, METRIC_SCHEMA, strict=True)
    ]
    table = pa.Table.from_arrays(arrays, schema=METRIC_SCHEMA)
    return Decoded(table, tuple(resources.values()), refused, reason)


def _values(metric: Metric, point: Any) -> _Values:
    if metric.HasField("gauge") or metric.HasField("sum"):
        value = float(point.as_int) if point.HasField("as_int") else point.as_double
        return value, None, None, None, None
    count = min(point.count, _MAX_COUNT)
    if metric.HasField("histogram"):
        total = point.sum if point.HasField("sum") else None
        return None, count, total, list(point.explicit_bounds), _clamped(point.bucket_counts)
    if metric.HasField("exponential_histogram"):
        total = point.sum if point.HasField("sum") else None
        bounds, counts = _explicit(point)
        return None, count, total, bounds, counts
    return None, count, point.sum, None, None


def _explicit(point: ExponentialHistogramDataPoint) -> tuple[list[float], list[int]]:
    """Bounds and counts of the positive buckets; zeros lie below the first bound."""
    step = 2.0 ** -min(max(point.scale, -10), 20)
    offset, counts = point.positive.offset, _clamped(point.positive.bucket_counts)
    (zeros,) = _clamped([point.zero_count])
    if not counts:
        return [], [zeros]
    bounds = [2.0 ** min(max((offset + i) * step, -1022.0), 1023.0) for i in range(len(counts) + 1)]
    return bounds, [zeros, *counts, 0]


def _clamped(counts: Iterable[int]) -> list[int]:
    """Counts as BIGINT holds them; OTLP's are unsigned."""
    return [min(count, _MAX_COUNT) for count in counts]
