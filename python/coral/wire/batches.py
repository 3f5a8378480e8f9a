"""The tables that agents send to their colony: their columns, and chunks of them as Arrow streams.

This is the one home of these columns for both sides. They are the colony's tables of the same names
without `ingest_seq` and `agent_id`, which the colony fills in. A column that may be NULL may also be
missing (an older agent does not know it), and columns that the colony does not know are ignored (a
newer agent sends them), so that agents and colonies of different versions work together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import pyarrow as pa

from coral._proto.colony.v1 import fleet_pb2
from coral.errors import UsageError
from coral.limits import MAX_BATCH_BYTES
from coral.wire.arrow import conform, from_ipc, to_ipc

_INT, _TEXT, _REAL, _TIME = pa.int64(), pa.string(), pa.float64(), pa.timestamp("us")


def _schema(
    required: Mapping[str, pa.DataType], optional: Mapping[str, pa.DataType] | None = None
) -> pa.Schema:
    fields = [pa.field(name, kind, nullable=False) for name, kind in required.items()]
    fields += [pa.field(name, kind, nullable=True) for name, kind in (optional or {}).items()]
    return pa.schema(fields)


_HISTOGRAM: Final = {
    "request_count": _INT,
    "error_count": _INT,
    "sum_ns": _REAL,
    "min_ns": _INT,
    "max_ns": _INT,
    "bucket_index": pa.list_(pa.int32()),
    "bucket_count": pa.list_(_INT),
}

BATCH_TABLES: Final[Mapping[str, pa.Schema]] = {
    "rollups": _schema(
        {"bucket_time": _TIME, "service_name": _TEXT, "span_name": _TEXT, "kind": _TEXT, **_HISTOGRAM}
    ),
    "service_edges": _schema({"bucket_time": _TIME, "caller": _TEXT, "callee": _TEXT, **_HISTOGRAM}),
    "log_counts": _schema(
        {"bucket_time": _TIME, "service_name": _TEXT, "severity": _TEXT, "record_count": _INT}
    ),
    "system_metrics": _schema(
        {
            "bucket_time": _TIME,
            "sample_count": _INT,
            "cpu_pct_sum": _REAL,
            "mem_used_sum": _REAL,
            "mem_total": _INT,
            "last_sample_time": _TIME,
        },
        {
            "load1_sum": _REAL,
            "disk_read_bytes": _INT,
            "disk_write_bytes": _INT,
            "net_receive_bytes": _INT,
            "net_transmit_bytes": _INT,
        },
    ),
    "resources": _schema(
        {"service_name": _TEXT, "instance_id": _TEXT, "attributes": _TEXT, "last_seen": _TIME}
    ),
    "spans": _schema(
        {
            "trace_id": _TEXT,
            "span_id": _TEXT,
            "parent_span_id": _TEXT,
            "service_name": _TEXT,
            "instance_id": _TEXT,
            "span_name": _TEXT,
            "kind": _TEXT,
            "start_time": _TIME,
            "duration_ns": _INT,
            "status_code": _TEXT,
            "attributes": _TEXT,
            "sample_weight": _REAL,
        },
        {"status_message": _TEXT, "scope_name": _TEXT, "events": _TEXT, "links": _TEXT},
    ),
}
"""Columns of each table by name; one that is not nullable must be there and without NULLs."""


def read_chunk(chunk: fleet_pb2.TableChunk) -> pa.Table:
    """The rows of a chunk, with exactly the columns of `BATCH_TABLES`.

    Raises:
        UsageError: The table is unknown, the bytes are no Arrow stream, or a required column is
            missing, holds NULL or cannot be cast.
    """
    schema = BATCH_TABLES.get(chunk.table)
    if schema is None:
        raise UsageError(
            f"table {chunk.table!r} is unknown, expected one of {', '.join(sorted(BATCH_TABLES))}",
            hint="is the agent newer than the colony? Upgrade the colony first",
        )
    what = f"{chunk.table} rows"
    return conform(from_ipc(chunk.arrow_ipc, what=what), schema, what=what)


def chunk_groups(tables: Mapping[str, pa.Table]) -> Iterator[list[fleet_pb2.TableChunk]]:
    """Tables as chunks, in groups of at most about `MAX_BATCH_BYTES`, each to become one batch."""
    group: list[fleet_pb2.TableChunk] = []
    size = 0
    for name, rows in tables.items():
        for encoded in _encoded(conform(rows, BATCH_TABLES[name], what=f"{name} rows")):
            if group and size + len(encoded) > MAX_BATCH_BYTES:
                yield group
                group, size = [], 0
            group.append(fleet_pb2.TableChunk(table=name, arrow_ipc=encoded))
            size += len(encoded)
    if group:
        yield group


def _encoded(rows: pa.Table) -> Iterator[bytes]:
    """A table as Arrow streams, halved until each is small enough or a single row."""
    if rows.num_rows == 0:
        return
    encoded = to_ipc(rows)
    if len(encoded) <= MAX_BATCH_BYTES or rows.num_rows == 1:
        yield encoded
        return
    half = rows.num_rows // 2
    yield from _encoded(rows.slice(0, half))
    yield from _encoded(rows.slice(half))
