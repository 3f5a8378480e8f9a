"""`ExportMetricsServiceRequest` to metric point columns: all five kinds with all their numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

import pyarrow as pa
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import DataPointFlags, Metric

from coral.agent.decode.columns import METRIC_SCHEMA, Decoded, Resource
from coral.agent.decode.refusals import Refusals, shown
from coral.agent.decode.values import (
    attributes_json,
    name_problem,
    resource_of,
    resource_problem,
    time_problem,
)
from coral.limits import (
    MAX_ATTRIBUTES,
    MAX_ITEMS_PER_REQUEST,
    MAX_METRIC_BUCKETS,
    MAX_METRIC_COUNT,
)

_TEMPORALITY: Final = {1: "DELTA", 2: "CUMULATIVE"}
_NO_VALUE: Final = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK
_SCALES: Final = range(-10, 21)
"""Scales of exponential histograms that OpenTelemetry's SDKs make."""

_COMMON: Final = METRIC_SCHEMA.names[: METRIC_SCHEMA.names.index("value")]
_NUMBER: Final = ("value",)
_HISTOGRAM: Final = ("count", "sum", "min", "max", "bounds", "bucket_counts")
_EXPONENTIAL: Final = (
    *("count", "sum", "min", "max", "scale", "zero_count"),
    *("positive_offset", "positive_counts", "negative_offset", "negative_counts"),
)
_SUMMARY: Final = ("count", "sum", "quantiles", "quantile_values")


class _PointError(Exception):
    """This point is refused; the text says why."""


def decode_metrics(request: ExportMetricsServiceRequest, *, now_ns: int) -> Decoded:
    """Turns a request into one row per data point.

    A point that cannot be right (no time or value, a value that is no finite number, buckets that do not
    fit their bounds, a limit exceeded) is refused with its metric's name and the reason; the others are
    kept. A point that says that it has no recorded value is kept with NULL values. A sum, minimum or maximum
    of a histogram that is no finite number becomes NULL, since one bad measurement spoils it for good.

    Args:
        request: The message.
        now_ns: The time now, nanoseconds since 1970: points far in the future are refused.
    """
    refusals = Refusals()
    rows: dict[str, list[tuple[Any, ...]]] = {kind: [] for kind in _KINDS}
    resources: dict[Resource, None] = {}
    room = MAX_ITEMS_PER_REQUEST
    for group in request.resource_metrics:
        resource = resource_of(group.resource)
        kept_before = room
        for scope, metric in _metrics(group):
            kind = metric.WhichOneof("data")
            if kind is None:
                refusals.refuse(f"metric {shown(metric.name)}: no data of a known kind")
                continue
            body = getattr(metric, kind)
            problem = resource_problem(resource) or _metric_problem(metric, scope)
            points = body.data_points
            if problem:
                refusals.refuse(f"metric {shown(metric.name)}: {problem}", len(points))
                continue
            if len(points) > room:
                refusals.refuse(
                    f"metric {shown(metric.name)}: the request has more points than the limit"
                    f" MAX_ITEMS_PER_REQUEST ({MAX_ITEMS_PER_REQUEST})",
                    len(points) - room,
                )
                points = points[:room]
            head = (
                *(resource.service_name, resource.instance_id, metric.name, kind.upper()),
                *(_TEMPORALITY.get(getattr(body, "aggregation_temporality", 0), "UNSPECIFIED"), metric.unit),
                *(scope, body.is_monotonic if kind == "sum" else None),
            )
            columns, values = _KINDS[kind]
            kept = rows[kind]
            nothing = (None,) * len(columns)
            for point in points:
                problem = _point_problem(point, now_ns)
                try:
                    numbers = nothing if problem or point.flags & _NO_VALUE else values(point)
                except _PointError as error:
                    problem = str(error)
                if problem:
                    refusals.refuse(f"metric {shown(metric.name)}: {problem}")
                    continue
                start = point.start_time_unix_nano // 1000
                times = (start if 0 < start < 2**53 else None, point.time_unix_nano // 1000)
                kept.append((*head, *times, attributes_json(point.attributes), *numbers))
                room -= 1
        if room < kept_before:
            resources[resource] = None
    tables = [_table((*_COMMON, *_KINDS[kind][0]), kept) for kind, kept in rows.items() if kept]
    table = pa.concat_tables([METRIC_SCHEMA.empty_table(), *tables], promote_options="default")
    return Decoded(table, tuple(resources), refusals.count, refusals.reason)


def _metrics(group: Any) -> Iterator[tuple[str, Metric]]:
    for scope in group.scope_metrics:
        for metric in scope.metrics:
            yield scope.scope.name, metric


def _metric_problem(metric: Metric, scope: str) -> str:
    if not metric.name:
        return "its name is empty"
    return (
        name_problem("its name", metric.name)
        or name_problem("its unit", metric.unit)
        or name_problem("its scope's name", scope)
    )


def _point_problem(point: Any, now_ns: int) -> str:
    problem = time_problem("time_unix_nano", point.time_unix_nano, now_ns)
    if not problem and len(point.attributes) > MAX_ATTRIBUTES:
        # Dropping some would make one series of several.
        problem = (
            f"a point has {len(point.attributes)} attributes, the limit MAX_ATTRIBUTES is {MAX_ATTRIBUTES}"
        )
    return problem


def _table(names: Sequence[str], rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = zip(*rows, strict=True)
    fields = [METRIC_SCHEMA.field(name) for name in names]
    arrays = [pa.array(list(column), field.type) for column, field in zip(columns, fields, strict=True)]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _number(point: Any) -> tuple[Any, ...]:
    kind = point.WhichOneof("value")
    if kind is None:
        raise _PointError("a point has no value")
    value = float(getattr(point, kind))
    if not math.isfinite(value):
        raise _PointError(f"a value is {value}, expected a finite number")
    return (value,)


def _histogram(point: Any) -> tuple[Any, ...]:
    bounds, counts = list(point.explicit_bounds), _counts("bucket_counts", point.bucket_counts)
    if len(counts) != (len(bounds) + 1 if counts or bounds else 0):
        raise _PointError(
            f"a point has {len(counts)} bucket_counts and {len(bounds)} explicit_bounds,"
            " expected one count more"
        )
    if not all(map(math.isfinite, bounds)) or any(a >= b for a, b in pairwise(bounds)):
        raise _PointError("explicit_bounds are not finite numbers in increasing order")
    return (*_totals(point), bounds, counts)


def _exponential(point: Any) -> tuple[Any, ...]:
    if point.scale not in _SCALES:
        raise _PointError(f"the scale is {point.scale}, expected {_SCALES[0]} to {_SCALES[-1]}")
    positive, negative = point.positive, point.negative
    positives = _counts("positive bucket_counts", positive.bucket_counts)
    negatives = _counts("negative bucket_counts", negative.bucket_counts)
    (zeros,) = _counts("zero_count", [point.zero_count])
    return (
        *(*_totals(point), point.scale, zeros),
        *(positive.offset, positives, negative.offset, negatives),
    )


def _summary(point: Any) -> tuple[Any, ...]:
    items = point.quantile_values
    if len(items) > MAX_METRIC_BUCKETS:
        raise _PointError(
            f"a point has {len(items)} quantiles, the limit MAX_METRIC_BUCKETS is {MAX_METRIC_BUCKETS}"
        )
    quantiles = [item.quantile for item in items]
    if not all(0.0 <= quantile <= 1.0 for quantile in quantiles):
        raise _PointError("a quantile is not within 0 to 1")
    (count,) = _counts("count", [point.count])
    # Prometheus' clients say NaN where nothing was measured.
    return (count, _finite(point.sum), quantiles, [_finite(item.value) for item in items])


def _totals(point: Any) -> tuple[int, float | None, float | None, float | None]:
    (count,) = _counts("count", [point.count])
    total, least, most = (
        _finite(getattr(point, name)) if point.HasField(name) else None for name in ("sum", "min", "max")
    )
    return count, total, least, most


def _counts(what: str, counts: Sequence[int]) -> list[int]:
    if len(counts) > MAX_METRIC_BUCKETS:
        raise _PointError(
            f"a point has {len(counts)} {what}, the limit MAX_METRIC_BUCKETS is {MAX_METRIC_BUCKETS}"
        )
    if any(count > MAX_METRIC_COUNT for count in counts):
        raise _PointError(f"{what} is {max(counts)}, the limit MAX_METRIC_COUNT is {MAX_METRIC_COUNT}")
    return list(counts)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


_KINDS: Final[dict[str, tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]]] = {
    "gauge": (_NUMBER, _number),
    "sum": (_NUMBER, _number),
    "histogram": (_HISTOGRAM, _histogram),
    "exponential_histogram": (_EXPONENTIAL, _exponential),
    "summary": (_SUMMARY, _summary),
}
