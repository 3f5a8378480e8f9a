"""What decoding answers: columns ready for the store, and what was refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

SPAN_SCHEMA: Final = pa.schema(
    [
        ("trace_id", pa.string()),
        ("span_id", pa.string()),
        ("parent_span_id", pa.string()),
        ("service_name", pa.string()),
        ("instance_id", pa.string()),
        ("span_name", pa.string()),
        ("kind", pa.string()),
        ("start_time", pa.timestamp("us")),
        ("duration_ns", pa.int64()),
        ("status_code", pa.string()),
        ("attributes", pa.string()),
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
        ("time", pa.timestamp("us")),
        ("value", pa.float64()),
        ("count", pa.int64()),
        ("sum", pa.float64()),
        ("bounds", pa.list_(pa.float64())),
        ("bucket_counts", pa.list_(pa.int64())),
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
        rows: Accepted rows, in `SPAN_SCHEMA` or `METRIC_SCHEMA`.
        resources: The instances that they came from.
        refused: How many items were refused.
        reason: Why the first of them was refused; empty when none was.
    """

    rows: pa.Table
    resources: tuple[Resource, ...]
    refused: int = 0
    reason: str = ""
