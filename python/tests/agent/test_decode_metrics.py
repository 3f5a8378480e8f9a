from __future__ import annotations

import datetime
import math
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
    Summary,
    SummaryDataPoint,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from coral.agent.decode.columns import METRIC_SCHEMA, Decoded
from coral.agent.decode.metrics import decode_metrics
from coral.limits import MAX_ATTRIBUTES, MAX_FUTURE_SECONDS, MAX_ITEMS_PER_REQUEST
from tests.agent.otlp import START_NS, text

DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
TIMES: Any = {"time_unix_nano": START_NS, "start_time_unix_nano": START_NS - 10**9}


def decode(*items: Metric, service: str = "payments") -> Decoded:
    scope = ScopeMetrics(scope=InstrumentationScope(name="meter"), metrics=items)
    resource = Resource(attributes=[text("service.name", service), text("service.instance.id", "p-1")])
    request = ExportMetricsServiceRequest(
        resource_metrics=[ResourceMetrics(resource=resource, scope_metrics=[scope])]
    )
    return decode_metrics(request, now_ns=START_NS)


def gauge(*points: NumberDataPoint, name: str = "g") -> Metric:
    return Metric(name=name, gauge=Gauge(data_points=points))


def row(decoded: Decoded) -> dict[str, Any]:
    """The only row, without what is NULL."""
    assert decoded.rows.schema == METRIC_SCHEMA
    (found,) = decoded.rows.to_pylist()
    return {name: value for name, value in found.items() if value is not None}


HEAD = {
    "service_name": "payments",
    "instance_id": "p-1",
    "scope_name": "meter",
    "temporality": "UNSPECIFIED",
    "unit": "",
    "time": datetime.datetime.fromtimestamp(START_NS // 10**9, datetime.UTC).replace(tzinfo=None),
    "start_time": datetime.datetime.fromtimestamp(START_NS // 10**9 - 1, datetime.UTC).replace(tzinfo=None),
    "attributes": "{}",
}


def test_a_gauge_is_stored_whole() -> None:
    point = NumberDataPoint(as_int=7, attributes=[text("a", "b")], **TIMES)
    assert row(decode(gauge(point))) == {
        **HEAD,
        "metric_name": "g",
        "metric_type": "GAUGE",
        "value": 7.0,
        "attributes": '{"a":"b"}',
    }


def test_a_sum_is_stored_whole() -> None:
    body = Sum(
        aggregation_temporality=DELTA,
        is_monotonic=True,
        data_points=[NumberDataPoint(as_double=1.5, **TIMES)],
    )
    assert row(decode(Metric(name="s", unit="1", sum=body))) == {
        **HEAD,
        "metric_name": "s",
        "metric_type": "SUM",
        "temporality": "DELTA",
        "unit": "1",
        "is_monotonic": True,
        "value": 1.5,
    }


def test_a_histogram_is_stored_whole() -> None:
    point = HistogramDataPoint(
        count=3, sum=6.0, min=0.5, max=4.0, explicit_bounds=[1.0], bucket_counts=[1, 2], **TIMES
    )
    body = Histogram(aggregation_temporality=CUMULATIVE, data_points=[point])
    assert row(decode(Metric(name="h", histogram=body))) == {
        **HEAD,
        "metric_name": "h",
        "metric_type": "HISTOGRAM",
        "temporality": "CUMULATIVE",
        "count": 3,
        "sum": 6.0,
        "min": 0.5,
        "max": 4.0,
        "bounds": [1.0],
        "bucket_counts": [1, 2],
    }


def test_an_exponential_histogram_is_stored_whole() -> None:
    point = ExponentialHistogramDataPoint(count=5, sum=9.0, scale=-1, zero_count=1, max=8.0, **TIMES)
    point.positive.offset = -3
    point.positive.bucket_counts.extend([2, 1])
    point.negative.offset = 4
    point.negative.bucket_counts.append(1)
    assert row(decode(Metric(name="e", exponential_histogram=ExponentialHistogram(data_points=[point])))) == {
        **HEAD,
        "metric_name": "e",
        "metric_type": "EXPONENTIAL_HISTOGRAM",
        "count": 5,
        "sum": 9.0,
        "max": 8.0,
        "scale": -1,
        "zero_count": 1,
        "positive_offset": -3,
        "positive_counts": [2, 1],
        "negative_offset": 4,
        "negative_counts": [1],
    }


def test_a_summary_is_stored_whole() -> None:
    point = SummaryDataPoint(count=2, sum=3.0, **TIMES)
    point.quantile_values.add(quantile=0.5, value=1.0)
    point.quantile_values.add(quantile=0.99, value=math.nan)
    assert row(decode(Metric(name="q", summary=Summary(data_points=[point])))) == {
        **HEAD,
        "metric_name": "q",
        "metric_type": "SUMMARY",
        "count": 2,
        "sum": 3.0,
        "quantiles": [0.5, 0.99],
        "quantile_values": [1.0, None],
    }


def test_all_kinds_of_one_request_share_a_table() -> None:
    decoded = decode(
        gauge(NumberDataPoint(as_int=1, **TIMES)),
        Metric(name="h", histogram=Histogram(data_points=[HistogramDataPoint(**TIMES)])),
        Metric(name="q", summary=Summary(data_points=[SummaryDataPoint(**TIMES)])),
    )
    assert decoded.rows.schema == METRIC_SCHEMA
    assert decoded.rows.column("metric_type").to_pylist() == ["GAUGE", "HISTOGRAM", "SUMMARY"]
    assert [(r.service_name, r.instance_id) for r in decoded.resources] == [("payments", "p-1")]


def test_a_point_without_a_recorded_value_is_kept_as_null() -> None:
    kept = row(decode(gauge(NumberDataPoint(flags=1, as_double=math.nan, **TIMES))))
    assert kept == {**HEAD, "metric_name": "g", "metric_type": "GAUGE"}


def test_a_histogram_with_a_spoilt_sum_keeps_its_counts() -> None:
    point = HistogramDataPoint(
        count=1, sum=math.nan, min=-math.inf, explicit_bounds=[1.0], bucket_counts=[1, 0], **TIMES
    )
    kept = row(decode(Metric(name="h", histogram=Histogram(data_points=[point]))))
    assert (kept["count"], "sum" in kept, "min" in kept) == (1, False, False)


def histogram(**values: Any) -> Metric:
    return Metric(name="h", histogram=Histogram(data_points=[HistogramDataPoint(**{**TIMES, **values})]))


def exponential(scale: int = 0, counts: tuple[int, ...] = (1,), **values: Any) -> Metric:
    point = ExponentialHistogramDataPoint(**{**TIMES, "scale": scale, **values})
    point.positive.bucket_counts.extend(counts)
    return Metric(name="e", exponential_histogram=ExponentialHistogram(data_points=[point]))


def quantile(at: float) -> Metric:
    point = SummaryDataPoint(**TIMES)
    point.quantile_values.add(quantile=at, value=1.0)
    return Metric(name="q", summary=Summary(data_points=[point]))


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        (Metric(name="m"), "metric 'm': no data of a known kind"),
        (gauge(NumberDataPoint(as_int=1)), "metric 'g': time_unix_nano is 0"),
        (gauge(NumberDataPoint(as_int=1, time_unix_nano=2**64 - 1)), "metric 'g': time_unix_nano is 18446744073709551615"),
        (gauge(NumberDataPoint(as_int=1, time_unix_nano=START_NS + (MAX_FUTURE_SECONDS + 1) * 10**9)), "metric 'g': time_unix_nano is 24 h in the future, the limit MAX_FUTURE_SECONDS is 86400 s"),
        (gauge(NumberDataPoint(**TIMES)), "metric 'g': a point has no value"),
        (gauge(NumberDataPoint(as_double=math.nan, **TIMES)), "metric 'g': a value is nan"),
        (gauge(NumberDataPoint(as_double=math.inf, **TIMES)), "metric 'g': a value is inf"),
        (gauge(NumberDataPoint(as_int=1, **TIMES), name=""), "metric '': its name is empty"),
        (gauge(NumberDataPoint(as_int=1, **TIMES), name="n" * 256), "its name has 256 characters, the limit MAX_NAME_LENGTH"),
        (gauge(NumberDataPoint(as_int=1, attributes=[text(str(n), "") for n in range(MAX_ATTRIBUTES + 1)], **TIMES)), "1001 attributes, the limit MAX_ATTRIBUTES"),
        (histogram(bucket_counts=[1, 2], explicit_bounds=[1.0, 2.0]), "metric 'h': a point has 2 bucket_counts and 2 explicit_bounds"),
        (histogram(explicit_bounds=[1.0]), "0 bucket_counts and 1 explicit_bounds"),
        (histogram(bucket_counts=[1, 2, 3], explicit_bounds=[2.0, 1.0]), "increasing order"),
        (histogram(bucket_counts=[1, 2], explicit_bounds=[math.nan]), "finite numbers"),
        (histogram(bucket_counts=[0] * 1025, explicit_bounds=range(1024)), "1025 bucket_counts, the limit MAX_METRIC_BUCKETS"),
        (histogram(count=2**64 - 1), "count is 18446744073709551615, the limit MAX_METRIC_COUNT"),
        (exponential(scale=-20), "metric 'e': the scale is -20"),
        (exponential(scale=2**31 - 1), "the scale is 2147483647"),
        (exponential(counts=(2**63,)), "the limit MAX_METRIC_COUNT"),
        (exponential(zero_count=2**60), "zero_count is"),
        (quantile(1.5), "metric 'q': a quantile"),
        (quantile(math.nan), "metric 'q': a quantile"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_refused_by_point(metric: Metric, reason: str) -> None:
    decoded = decode(metric, gauge(NumberDataPoint(as_int=1, **TIMES), name="good"))
    assert (decoded.refused, decoded.rows.column("metric_name").to_pylist()) == (1, ["good"])
    assert reason in decoded.reason


def test_a_service_name_without_end_is_refused() -> None:
    decoded = decode(gauge(NumberDataPoint(as_int=1, **TIMES)), service="s" * 300)
    assert (decoded.refused, decoded.rows.num_rows) == (1, 0)
    assert "service.name has 300 characters, the limit MAX_NAME_LENGTH is 255" in decoded.reason


def test_points_beyond_the_limit_of_a_request_are_refused_and_told() -> None:
    points = [NumberDataPoint(as_int=1, time_unix_nano=START_NS)] * (MAX_ITEMS_PER_REQUEST + 3)
    decoded = decode(gauge(*points))
    assert (decoded.refused, decoded.rows.num_rows) == (3, MAX_ITEMS_PER_REQUEST)
    assert "MAX_ITEMS_PER_REQUEST" in decoded.reason


def test_each_reason_is_told_once_and_their_number_is_bounded() -> None:
    metrics = [gauge(NumberDataPoint(**TIMES), name=f"g{n % 20}") for n in range(200)]
    decoded = decode(*metrics)
    assert decoded.refused == 200
    assert decoded.reason.count("has no value") == 5
    assert decoded.reason.endswith("and more")
