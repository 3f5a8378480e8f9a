"""The shapes of OTLP/JSON: one class per message, with the protobuf message's field names.

msgspec reads JSON straight into these, which is some thirty times faster than protobuf's own JSON. What is
not listed here is not stored, so it is skipped unread. Integers may be numbers or strings, enums numbers or
names, and null is the same as absent.
"""

# ruff: noqa: D101 -- each class is the protobuf message of its name

from __future__ import annotations

import msgspec

Integer = int | float | str | None
"""A protobuf integer or enum."""

Real = int | float | str | None
"""A protobuf double; NaN and infinities are strings."""


class _Shape(msgspec.Struct, rename="camel"):
    """A message: all fields are optional, unknown ones are ignored."""


class AnyValue(_Shape):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: Integer = None
    double_value: Real = None
    array_value: ArrayValue | None = None
    kvlist_value: KeyValueList | None = None
    bytes_value: str | None = None


class ArrayValue(_Shape):
    values: list[AnyValue] | None = None


class KeyValue(_Shape):
    key: str | None = None
    value: AnyValue | None = None


class KeyValueList(_Shape):
    values: list[KeyValue] | None = None


class Resource(_Shape):
    attributes: list[KeyValue] | None = None


class InstrumentationScope(_Shape):
    name: str | None = None
    version: str | None = None


class Event(_Shape):
    time_unix_nano: Integer = None
    name: str | None = None
    attributes: list[KeyValue] | None = None


class Link(_Shape):
    trace_id: str | None = None
    span_id: str | None = None
    attributes: list[KeyValue] | None = None


class Status(_Shape):
    message: str | None = None
    code: Integer = None


class Span(_Shape):
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    name: str | None = None
    kind: Integer = None
    start_time_unix_nano: Integer = None
    end_time_unix_nano: Integer = None
    attributes: list[KeyValue] | None = None
    events: list[Event] | None = None
    links: list[Link] | None = None
    status: Status | None = None


class ScopeSpans(_Shape):
    scope: InstrumentationScope | None = None
    spans: list[Span] | None = None


class ResourceSpans(_Shape):
    resource: Resource | None = None
    scope_spans: list[ScopeSpans] | None = None


class ExportTraceServiceRequest(_Shape):
    resource_spans: list[ResourceSpans] | None = None


class NumberDataPoint(_Shape):
    attributes: list[KeyValue] | None = None
    start_time_unix_nano: Integer = None
    time_unix_nano: Integer = None
    as_double: Real = None
    as_int: Integer = None
    flags: Integer = None


class HistogramDataPoint(_Shape):
    attributes: list[KeyValue] | None = None
    start_time_unix_nano: Integer = None
    time_unix_nano: Integer = None
    count: Integer = None
    sum: Real = None
    bucket_counts: list[int | float | str] | None = None
    explicit_bounds: list[int | float | str] | None = None
    flags: Integer = None
    min: Real = None
    max: Real = None


class Buckets(_Shape):
    offset: Integer = None
    bucket_counts: list[int | float | str] | None = None


class ExponentialHistogramDataPoint(_Shape):
    attributes: list[KeyValue] | None = None
    start_time_unix_nano: Integer = None
    time_unix_nano: Integer = None
    count: Integer = None
    sum: Real = None
    scale: Integer = None
    zero_count: Integer = None
    positive: Buckets | None = None
    negative: Buckets | None = None
    flags: Integer = None
    min: Real = None
    max: Real = None


class ValueAtQuantile(_Shape):
    quantile: Real = None
    value: Real = None


class SummaryDataPoint(_Shape):
    attributes: list[KeyValue] | None = None
    start_time_unix_nano: Integer = None
    time_unix_nano: Integer = None
    count: Integer = None
    sum: Real = None
    quantile_values: list[ValueAtQuantile] | None = None
    flags: Integer = None


class Gauge(_Shape):
    data_points: list[NumberDataPoint] | None = None


class Sum(_Shape):
    data_points: list[NumberDataPoint] | None = None
    aggregation_temporality: Integer = None
    is_monotonic: bool | None = None


class Histogram(_Shape):
    data_points: list[HistogramDataPoint] | None = None
    aggregation_temporality: Integer = None


class ExponentialHistogram(_Shape):
    data_points: list[ExponentialHistogramDataPoint] | None = None
    aggregation_temporality: Integer = None


class Summary(_Shape):
    data_points: list[SummaryDataPoint] | None = None


class Metric(_Shape):
    name: str | None = None
    unit: str | None = None
    gauge: Gauge | None = None
    sum: Sum | None = None
    histogram: Histogram | None = None
    exponential_histogram: ExponentialHistogram | None = None
    summary: Summary | None = None


class ScopeMetrics(_Shape):
    scope: InstrumentationScope | None = None
    metrics: list[Metric] | None = None


class ResourceMetrics(_Shape):
    resource: Resource | None = None
    scope_metrics: list[ScopeMetrics] | None = None


class ExportMetricsServiceRequest(_Shape):
    resource_metrics: list[ResourceMetrics] | None = None


class LogRecord(_Shape):
    time_unix_nano: Integer = None
    observed_time_unix_nano: Integer = None
    severity_number: Integer = None
    severity_text: str | None = None
    body: AnyValue | None = None
    attributes: list[KeyValue] | None = None
    trace_id: str | None = None
    span_id: str | None = None
    event_name: str | None = None


class ScopeLogs(_Shape):
    scope: InstrumentationScope | None = None
    log_records: list[LogRecord] | None = None


class ResourceLogs(_Shape):
    resource: Resource | None = None
    scope_logs: list[ScopeLogs] | None = None


class ExportLogsServiceRequest(_Shape):
    resource_logs: list[ResourceLogs] | None = None
