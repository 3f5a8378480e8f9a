"""What a part of the rollup is: fresh rows in, rows to send out, and what it wants to remember."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from coral.store.api import Transaction
from coral.store.duckdb.segments import parquet_scan

FRESH_ROWS: Final = "fresh_span_rows"


@dataclass(frozen=True)
class Fresh:
    """The rows that one rollup takes: those with `low < ingest_seq <= high`.

    They are in the active tables; spans also in segments written at once (`store/duckdb/direct.py`).

    Attributes:
        low: The highest ingest sequence that was rolled up before.
        high: The highest one that is rolled up now.
        spans: How many of them are spans.
        now: When the rollup began, UTC.
        span_files: Segments of which all spans are fresh.
        span_rows: More fresh spans, of segments that are still in memory; the relation `FRESH_ROWS` in the
            snapshot's connection.
    """

    low: int
    high: int
    spans: int
    now: datetime
    span_files: tuple[Path, ...] = ()
    span_rows: pa.Table | None = None

    @property
    def span_source(self) -> str:
        """A SELECT in parentheses: the fresh spans."""
        active = f"SELECT * FROM main.spans WHERE ingest_seq > {self.low:d} AND ingest_seq <= {self.high:d}"
        parts = [active]
        if self.span_rows is not None:
            parts.append(f"SELECT * FROM {FRESH_ROWS}")
        if self.span_files:
            parts.append(parquet_scan(self.span_files))
        return f"({' UNION ALL BY NAME '.join(parts)})"


@dataclass(frozen=True)
class Made:
    """What a part made of fresh rows.

    Attributes:
        tables: Rows by batch table (`coral.wire.batches.BATCH_TABLES`), without `ingest_seq` and
            `agent_id`. Several parts may answer rows of the same table.
        commit: Writes what the part remembers, in the transaction that makes the rows durable. It may
            run twice, after a failure, so it changes nothing but the database.
        counters: How much to add to rows of the table `counters`.
    """

    tables: Mapping[str, pa.Table]
    commit: Callable[[Transaction], None] | None = None
    counters: Mapping[str, int] = field(default_factory=dict)


Part = Callable[[duckdb.DuckDBPyConnection, Fresh], Made]
"""Reads the fresh rows, and what it remembered, over a read-only snapshot beside the writer.

The snapshot holds all that earlier rollups committed. A failure fails this rollup as a whole, and it is
tried again with the same rows.
"""
