"""What a part of the rollup is: fresh rows in, rows to send out, and what it wants to remember."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import duckdb
import pyarrow as pa

from coral.store.api import Transaction


@dataclass(frozen=True)
class Fresh:
    """The rows that one rollup takes: those with `low < ingest_seq <= high`, still in the active tables.

    Attributes:
        low: The highest ingest sequence that was rolled up before.
        high: The highest one that is rolled up now.
        spans: How many of them are spans.
        now: When the rollup began, UTC.
    """

    low: int
    high: int
    spans: int
    now: datetime


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
