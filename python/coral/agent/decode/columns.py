"""What decoding answers: columns ready for the store, and what was refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

_WORD: Final = pa.dictionary(pa.int32(), pa.string())
"""Texts that repeat from row to row, so that a long one does not multiply a request's size in memory."""

SPAN_SCHEMA: Final = pa.schema(
    [
        ("trace_id", pa.string()),
        ("span_id", pa.string()),
        ("parent_span_id", pa.string()),
        ("service_name", _WORD),
        ("instance_id", _WORD),
        ("span_name", pa.string()),
        ("kind", _WORD),
        ("start_time", pa.timestamp("us")),
        ("duration_ns", pa.int64()),
        ("status_code", _WORD),
        ("status_message", pa.string()),
        ("scope_name", _WORD),
        ("attributes", pa.string()),
        ("events", pa.string()),
        ("links", pa.string()),
    ]
)

METRIC_SCHEMA: Final = pa.schema(
    [
        ("service_name", pa.string()),
        ("instance_id", pa.string()),
        ("metric_name", pa.string()),
        ("metric_type", pa.string()),
        ("temporality", pa.string()),
        ("unit", pa.string()),
        ("scope_name", pa.string()),
        ("is_monotonic", pa.bool_()),
        ("start_time", pa.timestamp("us")),
        ("time", pa.timestamp("us")),
        ("attributes", pa.string()),
        ("value", pa.float64()),
        ("count", pa.int64()),
        ("sum", pa.float64()),
        ("min", pa.float64()),
        ("max", pa.float64()),
        ("bounds", pa.list_(pa.float64())),
        ("bucket_counts", pa.list_(pa.int64())),
        ("scale", pa.int32()),
        ("zero_count", pa.int64()),
        ("positive_offset", pa.int32()),
        ("positive_counts", pa.list_(pa.int64())),
        ("negative_offset", pa.int32()),
        ("negative_counts", pa.list_(pa.int64())),
        ("quantiles", pa.list_(pa.float64())),
        ("quantile_values", pa.list_(pa.float64())),
    ]
)

LOG_SCHEMA: Final = pa.schema(
    [
        ("service_name", pa.string()),
        ("instance_id", pa.string()),
        ("time", pa.timestamp("us")),
        ("severity", pa.string()),
        ("severity_number", pa.int32()),
        ("body", pa.string()),
        ("event_name", pa.string()),
        ("trace_id", pa.string()),
        ("span_id", pa.string()),
        ("scope_name", pa.string()),
        ("attributes", pa.string()),
    ]
)


@dataclass(frozen=True)
class Resource:
    """Who sent something: one running instance of a service."""

    service_name: str
    instance_id: str
    attributes: str


@dataclass(frozen=True)
class Decoded:
    """The outcome of decoding one request.

    Attributes:
        rows: Accepted rows, in `SPAN_SCHEMA`, `METRIC_SCHEMA` or `LOG_SCHEMA`.
        resources: The instances that they came from.
        refused: How many items were refused.
        reason: Why the first of them was refused; empty when none was.
    """

    rows: pa.Table
    resources: tuple[Resource, ...]
    refused: int = 0
    reason: str = ""


EMPTY: Final = Decoded(pa.table({}), ())
"""Nothing, and nothing refused."""
