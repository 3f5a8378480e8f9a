"""What a part of the rollup is: fresh rows in, rows to send out, and what it wants to remember."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from coral.agent.rollup.kernel import Sums, rollup_kernel
from coral.agent.rollup.narrow import NARROW_SQL, is_compact, sampled_traces
from coral.limits import MOST_SLOWEST_PER_SERVICE
from coral.store.api import Transaction
from coral.store.duckdb.recent import Kept
from coral.store.duckdb.segments import parquet_scan

FRESH_ROWS: Final = "fresh_span_rows"
WHOLE_ROWS: Final = "fresh_whole_rows"


@dataclass(frozen=True)
class InMemory:
    """Fresh spans of segments that were written at once and are still in memory.

    Attributes:
        rows: All of them, as `Narrowing.narrowed` makes them; on the library path they are the relation
            `FRESH_ROWS` of the snapshot.
        whole: A sample of their traces in all columns; the relation `WHOLE_ROWS`.
        thinning: Of that sample.
        likely: Others in all columns that are probably wanted.
    """

    rows: pa.Table
    whole: pa.Table
    thinning: int
    likely: pa.Table

    @cached_property
    def sums(self) -> Sums | None:
        """The sums of all rows by the native kernel; None on the library path, SQL adds them up then."""
        kernel = rollup_kernel()
        if kernel is None or not is_compact(self.rows):
            return None
        return kernel.roll_up(self.rows, per_service=MOST_SLOWEST_PER_SERVICE)

    def sampled_traces(self, thinning: int) -> list[str]:
        """Ids of the traces in a sample."""
        return sampled_traces(self.whole if thinning >= self.thinning else self.rows, thinning)

    @staticmethod
    def of(kept: Sequence[Kept]) -> InMemory | None:
        """Puts together what is kept of files; None when that is nothing."""
        if not kept:
            return None
        return InMemory(
            pa.concat_tables([one.rows for one in kept]),
            pa.concat_tables([one.whole for one in kept]),
            max(one.thinning for one in kept),
            pa.concat_tables([one.likely for one in kept]),
        )


@dataclass(frozen=True)
class Fresh:
    """The rows that one rollup takes: those with `low < ingest_seq <= high`.

    They are in the active tables; spans also in segments written at once (`store/duckdb/direct.py`).

    Attributes:
        low: The highest ingest sequence that was rolled up before.
        high: The highest one that is rolled up now.
        spans: How many of them are spans.
        points: How many are metric points.
        records: How many are log records.
        now: When the rollup began, UTC.
        span_files: Segments of which all spans are fresh, and which are not in memory.
        in_memory: More fresh spans, of segments that still are.
    """

    low: int
    high: int
    spans: int
    points: int
    records: int
    now: datetime
    span_files: tuple[Path, ...] = ()
    in_memory: InMemory | None = None

    @property
    def relations(self) -> dict[str, pa.Table]:
        """The tables that the sources below name."""
        if self.in_memory is None:
            return {}
        found = {WHOLE_ROWS: self.in_memory.whole}
        return found if self.sums is not None else {**found, FRESH_ROWS: self.in_memory.rows}

    @property
    def thinning(self) -> int:
        """The least thinning of a sample that `sample_source` can give."""
        return self.in_memory.thinning if self.in_memory is not None else 0

    @property
    def sums(self) -> Sums | None:
        """Of the fresh spans in memory, when the native kernel adds them up."""
        return None if self.in_memory is None else self.in_memory.sums

    @property
    def has_stored(self) -> bool:
        """Whether there are fresh spans that are not in memory."""
        return self.in_memory is None or self.spans > self.in_memory.rows.num_rows

    @property
    def unsummed_source(self) -> str | None:
        """A SELECT in parentheses: the fresh spans that are not in `sums`, in the columns of `NARROW_SQL`.

        None when there are none.
        """
        if self.in_memory is not None and self.sums is None:
            return f"({self.stored_source} UNION ALL BY NAME SELECT * FROM {FRESH_ROWS})"
        return f"({self.stored_source})" if self.has_stored else None

    @property
    def stored_source(self) -> str:
        """A SELECT: the fresh spans that are not in memory, in the columns of `NARROW_SQL`."""
        return f"SELECT {NARROW_SQL} FROM {self._stored(self.span_files)}"

    @property
    def sample_source(self) -> str:
        """A SELECT in parentheses: spans in all columns, all of a sample of `thinning` and some others."""
        stored = self._stored(self.span_files)
        if self.in_memory is None:
            return stored
        return f"(SELECT * FROM {stored} UNION ALL BY NAME SELECT * FROM {WHOLE_ROWS})"

    def _stored(self, files: Sequence[Path]) -> str:
        active = f"SELECT * FROM main.spans WHERE ingest_seq > {self.low:d} AND ingest_seq <= {self.high:d}"
        return f"({' UNION ALL BY NAME '.join([active, *([parquet_scan(files)] if files else [])])})"


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
