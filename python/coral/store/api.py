"""What the rest of Coral programs against: writing in transactions, reading snapshots.

Ownership and threads: one `Store` owns one data directory (a lock file holds it). `submit` and
`query` may be called from any thread; jobs run in the order of submission on the one writer thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

import duckdb

T = TypeVar("T")


@dataclass(frozen=True)
class Transaction:
    """An open write transaction.

    Attributes:
        connection: The writer's connection; only valid while the job runs.
        seq: The ingest sequence of this transaction; every inserted row carries it.
    """

    connection: duckdb.DuckDBPyConnection
    seq: int


@dataclass(frozen=True)
class Segment:
    """A sealed, immutable file of rows of one table.

    Attributes:
        path: Absolute path of the Parquet file.
        table: The segmented table that it belongs to.
        first_seq: Lowest ingest sequence inside.
        last_seq: Highest ingest sequence inside.
        row_count: Rows inside, at least 1.
        size_bytes: Size of the file.
        min_time: Lowest value of the table's time column, UTC.
        max_time: Highest value of it.
    """

    path: Path
    table: str
    first_seq: int
    last_seq: int
    row_count: int
    size_bytes: int
    min_time: datetime
    max_time: datetime


@dataclass(frozen=True)
class StoreStatistics:
    """What a store has done and holds.

    Attributes:
        committed_transactions: Since it was opened.
        queued_jobs: Jobs that wait for the writer now.
        last_seq: Highest ingest sequence committed.
        segment_count: Sealed files listed.
        segment_bytes: Their size.
    """

    committed_transactions: int
    queued_jobs: int
    last_seq: int
    segment_count: int
    segment_bytes: int


class Store(Protocol):
    """A durable store with one writer."""

    epoch: str

    def submit(self, job: Callable[[Transaction], T]) -> Future[T]:
        """Queues a job for the writer.

        Several queued jobs may share one transaction. The future ends only after the commit, so a
        result means that the job's writes are durable; an exception means that none of them is.
        A job may run twice (alone, after another job of its group failed) but commits at most once.

        Raises:
            OverloadedError: The queue is full (`MAX_WRITER_QUEUE`); nothing was queued.
            StorageError: The store is closed.
        """
        ...

    def query(
        self,
        sql: str,
        parameters: Sequence[Any] | Mapping[str, Any] = (),
        *,
        since: Mapping[str, datetime | None],
    ) -> list[tuple[Any, ...]]:
        """Runs one of our own SELECTs over one snapshot of everything committed.

        Args:
            sql: The statement; it sees the base tables named in `since`, and all public views on them.
            parameters: Values of `$name` or `?`.
            since: The base tables that the statement needs. A time limits a table to segments that
                reach beyond it (a pruning aid, the statement still needs its own condition).

        Returns:
            All rows.

        Raises:
            StorageError: The store cannot be read.
        """
        ...

    def seal(self) -> None:
        """Seals what can be sealed now; returns when the segments are listed."""
        ...

    def segments(self) -> list[Segment]:
        """The sealed segments, by table and sequence."""
        ...

    def statistics(self) -> StoreStatistics:
        """Figures as of now."""
        ...

    def close(self) -> None:
        """Finishes queued jobs, then releases the files. Idempotent."""
        ...
