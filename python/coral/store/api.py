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
import pyarrow as pa

T = TypeVar("T")


Append = Callable[[str, pa.Table, Mapping[str, str | float]], None]
"""Table, rows (columns but for `ingest_seq` and the constants), constants."""


@dataclass(frozen=True)
class Transaction:
    """An open write transaction.

    Attributes:
        connection: The writer's connection; only valid while the job runs.
        seq: The ingest sequence of this transaction; every inserted row carries it.
        append: Adds rows of a segmented table, and constants for columns that have one value in all rows,
            as a segment of its own: for thousands of rows, which this way cost a fraction of an INSERT.
            Later statements of the transaction do not see them.
    """

    connection: duckdb.DuckDBPyConnection
    seq: int
    append: Append


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
        created_at: When its newest row arrived, UTC, by this machine's clock; retention goes by it.
    """

    path: Path
    table: str
    first_seq: int
    last_seq: int
    row_count: int
    size_bytes: int
    min_time: datetime
    max_time: datetime
    created_at: datetime


@dataclass(frozen=True)
class StoreStatistics:
    """What a store has done and holds.

    Attributes:
        committed_transactions: Since it was opened.
        queued_jobs: Jobs that wait for the writer now.
        last_seq: Highest ingest sequence committed.
        segment_count: Sealed files listed.
        segment_bytes: Their size.
        disk_used_bytes: All files of the store; not counting what was put aside as damaged.
        disk_free_bytes: Free space on its disk.
        accepts_new_data: False while the disk is too full for new raw data.
        refused_writes: Writes that were refused for that reason, since it was opened.
        given_up_rows: Raw rows dropped before their time, for lack of room, since it was opened.
        problems: See `Store.problems`.
    """

    committed_transactions: int
    queued_jobs: int
    last_seq: int
    segment_count: int
    segment_bytes: int
    disk_used_bytes: int
    disk_free_bytes: int
    accepts_new_data: bool
    refused_writes: int
    given_up_rows: int
    problems: tuple[str, ...]


class SegmentEditor(Protocol):
    """What a job of `Store.maintain` works with; only valid while the job runs."""

    def segments(self, table: str | None = None) -> list[Segment]:
        """The sealed segments, of one table or all, by table and sequence."""
        ...

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Runs a SELECT, for example over the files of segments."""
        ...

    def replace(
        self,
        old: Sequence[Segment],
        new: Sequence[tuple[str, str]],
        *,
        created_at: datetime | None = None,
        also: Callable[[Transaction], None] | None = None,
    ) -> list[Segment]:
        """Replaces segments by the rows of SELECTs, in one transaction: readers see the old or the new.

        Crash-safe: afterwards either the old or the new is there, also when the database is lost and
        the list of segments has to be made again from the files.

        Args:
            old: Listed segments.
            new: Table, and a SELECT of its rows (all columns that must have a value, `ingest_seq`
                included, which must not exceed that of the rows they replace). It reads the files of `old`.
            created_at: Arrival of the new rows, for retention; default the newest of `old`.
            also: More writes in the same transaction.

        Returns:
            The new segments; a SELECT without rows makes none.

        Raises:
            StorageError: It failed, and nothing has changed.
        """
        ...


class QueriedStore(Protocol):
    """What questions need of a store."""

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
            StorageError: The store cannot be read. A damaged segment or database is put aside first
                (see `problems`) and the statement runs again on what is left.
        """
        ...

    def seal(self) -> None:
        """Seals what can be sealed now; returns when the segments are listed."""
        ...

    def segments(self) -> list[Segment]:
        """The sealed segments, by table and sequence."""
        ...


class Store(QueriedStore, Protocol):
    """A durable store with one writer."""

    @property
    def epoch(self) -> str:
        """Random id of the database, within which outbox sequences are counted.

        It changes, even while the store is open, when a damaged database had to be replaced and its
        identity could not be saved: ask at each connection.
        """
        ...

    def submit(
        self, job: Callable[[Transaction], T], *, essential: bool = False, size_bytes: int = 0
    ) -> Future[T]:
        """Queues a job for the writer.

        Several queued jobs may share one transaction. The future ends only after the commit, so a
        result means that the job's writes are durable; an exception means that none of them is.
        A job may run twice (alone, after another job of its group failed) but commits at most once.

        Args:
            job: Runs in the writer's thread.
            essential: For what must go on while the disk is too full for new raw data: summaries,
                progress, deletes. It may still end with `StorageFullError`.
            size_bytes: About how much memory the job holds while it waits.

        Raises:
            StorageFullError: The disk is too full for new data; nothing was queued. The future ends
                with it when the disk runs full at the commit. Retry later: the store recovers by itself.
            OverloadedError: The queue is full (`MAX_WRITER_QUEUE`, `MAX_WRITER_QUEUE_BYTES`); nothing
                was queued.
            StorageError: The store is closed, or its database cannot be opened at the moment.
        """
        ...

    def maintain(self, job: Callable[[SegmentEditor], T]) -> T:
        """Runs a job that changes whole segments, in the caller's thread; blocking.

        No seal, merge or other such job runs meanwhile; writing and reading go on beside it.
        """
        ...

    def check_segments(self, tables: Sequence[str] | None = None) -> int:
        """Reads all segments, or those of some tables, and puts aside those that cannot be read.

        Blocking, and as long as reading everything takes: for after an error. Returns how many.
        """
        ...

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the store, a sentence each; empty when all is well.

        A damage stays named, over restarts, until its note (`*.damaged-*.txt`) is deleted.
        """
        ...

    def statistics(self) -> StoreStatistics:
        """Figures as of now."""
        ...

    def close(self) -> None:
        """Finishes queued jobs, then releases the files. Idempotent."""
        ...
