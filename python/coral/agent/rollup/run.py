"""Reduction at the edge: what was ingested since the last time becomes outbox batches.

What is heavy, the reading and adding up, happens beside the writer over a snapshot. What came out of
it is committed in one transaction: deltas are stored, the batches that carry them (with trace
exemplars, host metrics and resources) are put into the outbox, what the parts remember is written,
and the progress moves on. So each row is rolled up exactly once, whatever is killed when.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from coral._proto.colony.v1 import fleet_pb2
from coral.agent.rollup.cardinality import Cardinality, NameLimits
from coral.agent.rollup.edges import Edges
from coral.agent.rollup.exemplars import Exemplars
from coral.agent.rollup.kernel import rollup_kernel
from coral.agent.rollup.logs import log_counts
from coral.agent.rollup.metrics import MetricRollup
from coral.agent.rollup.narrow import Narrowing
from coral.agent.rollup.outbox import Outbox, Waiting
from coral.agent.rollup.part import Fresh, InMemory, Made, Part
from coral.agent.rollup.plain import plain_tables
from coral.agent.rollup.relations import relations
from coral.agent.rollup.spans import span_rollups
from coral.clock import Clock
from coral.errors import OverloadedError, StorageError
from coral.limits import DEFAULT_MAX_BUFFER_BYTES, MAX_ROLLUP_ROWS
from coral.store.api import Transaction
from coral.store.duckdb.rows import insert_rows, one_row
from coral.store.duckdb.store import DuckDBStore
from coral.store.duckdb.tables import segmented_tables
from coral.wire.arrow import conform
from coral.wire.batches import BATCH_TABLES, chunk_groups
from coral.wire.times import to_timestamp

_KEPT: Final = ("rollups", "log_counts", "service_edges")  # made here, and kept here as well
_COUNTED: Final = ("spans", "metrics", "logs")  # the rows that a rollup is bounded by, as `Fresh` has them
_REST: Final = 1.25  # of the limit of rows: up to here all of them are taken at once
_BUSY_PAUSE_SECONDS: Final = 0.1


@dataclass(frozen=True)
class _Prepared:
    """What one rollup will commit."""

    low: int
    high: int
    kept: Mapping[str, pa.Table]
    made: Sequence[Made]
    waiting: Sequence[Waiting]
    sequence: int


class Rollup:
    """Rolls up what is committed and not rolled up yet. One at a time, from any thread but the writer's."""

    def __init__(
        self,
        store: DuckDBStore,
        *,
        agent_id: str,
        clock: Clock,
        max_buffer_bytes: int = DEFAULT_MAX_BUFFER_BYTES,
        max_rows: int = MAX_ROLLUP_ROWS,
        names: NameLimits | None = None,
    ) -> None:
        """Binds the parts.

        Args:
            store: The agent's store.
            agent_id: Goes into the rows that are kept here.
            clock: Source of time.
            max_buffer_bytes: What may wait in the outbox.
            max_rows: About how many fresh rows one transaction takes.
            names: How many names the summaries hold; None is the limits of `coral/limits.py`.
        """
        self._store = store
        self._agent_id = agent_id
        self._clock = clock
        self._max_rows = max_rows
        self._outbox = Outbox(max_bytes=max_buffer_bytes)
        narrowing = Narrowing(rollup_kernel())
        store.recent.keep(narrowing)
        self._edges, exemplars = Edges(), Exemplars(store, narrowing)
        self._parts: Sequence[Part] = (
            span_rollups,
            MetricRollup().make,
            log_counts,
            self._edges.make,
            exemplars.make,
            plain_tables,
        )
        self._cardinality = Cardinality(store, names)
        self._one = threading.Lock()
        self._stopped = False

    def run(self) -> int | None:
        """Rolls up everything that was committed before the call, in as many steps as it takes.

        Returns:
            The sequence of the last outbox batch written, or None when there was nothing to send.

        Raises:
            StorageError: Reading or writing failed, or the rollup was stopped. What was committed
                by then stays; the rest is taken by the next call.
        """
        last: int | None = None
        with self._one:
            upto = self._store.statistics().last_seq
            while True:
                if self._stopped:
                    raise StorageError("the rollup was stopped")
                prepared = self._prepare(upto)
                if prepared is None:
                    return last
                self._commit(prepared)
                self._store.recent.taken(prepared.high)
                if prepared.waiting:
                    last = prepared.sequence

    def stop(self) -> None:
        """Lets a step under way end, and refuses more of them: the store may be closed then."""
        self._stopped = True
        with self._one:
            pass

    def _prepare(self, upto: int) -> _Prepared | None:
        with self._store.snapshot() as connection:
            low, sequence = one_row(connection, "SELECT last_seq, last_sequence FROM main.rollup_progress")
            fresh = self._fresh(connection, low, upto)
            if fresh is None:
                return None
            with relations(connection, **fresh.relations):
                made = [part(connection, fresh) for part in self._parts]
            self._store.recent.relax(self._edges.thinning)
            tables, overflow = self._cardinality.limit(connection, _together(made), fresh.now)
        made.append(Made({}, counters=overflow))
        kept = {name: rows for name, rows in tables.items() if name in _KEPT and rows.num_rows}
        waiting = []
        for chunks in chunk_groups(tables):
            sequence += 1
            batch = fleet_pb2.Batch(sequence=sequence, created_at=to_timestamp(fresh.now), chunks=chunks)
            waiting.append(Waiting.of(batch, created_at=fresh.now))
        return _Prepared(low, fresh.high, kept, made, waiting, sequence)

    def _fresh(self, connection: duckdb.DuckDBPyConnection, low: int, upto: int) -> Fresh | None:
        """The next rows to take: whole transactions, at least one, at most about the limit."""
        union = " UNION ALL ".join(
            f"SELECT ingest_seq, '{table.name}' AS name FROM main.{table.name}"
            f" WHERE ingest_seq > {low:d} AND ingest_seq <= {upto:d}"
            for table in segmented_tables("agent")
            if table.name not in _KEPT
        )
        files = self._fresh_files(connection, low, upto)
        union += "".join(
            f" UNION ALL SELECT {seq:d}, 'spans' FROM range({count:d})" for seq, count, _ in files
        )
        counts = ", ".join(f"count(*) FILTER (name = '{name}')" for name in _COUNTED)
        found = connection.execute(
            f"SELECT ingest_seq, {counts} FROM ({union}) GROUP BY ingest_seq ORDER BY ingest_seq"
        ).fetchall()
        waiting = sum(sum(counted) for _, *counted in found)
        # A rest of a few groups would cost as much as a rollup of all.
        most = waiting if waiting <= _REST * self._max_rows else self._max_rows
        high, taken = low, [0] * len(_COUNTED)
        for seq, *counted in found:
            if high > low and sum(taken) + sum(counted) > most:
                break
            high, taken = seq, [before + more for before, more in zip(taken, counted, strict=True)]
        if high == low:
            return None
        spans, points, records = taken
        paths = [path for seq, _, path in files if seq <= high]
        in_memory = {path: kept for path in paths if (kept := self._store.recent.get(path)) is not None}
        return Fresh(
            low,
            high,
            spans=spans,
            points=points,
            records=records,
            now=self._clock.now(),
            span_files=tuple(path for path in paths if path not in in_memory),
            in_memory=InMemory.of(list(in_memory.values())),
        )

    def _fresh_files(
        self, connection: duckdb.DuckDBPyConnection, low: int, upto: int
    ) -> list[tuple[int, int, Path]]:
        """Sequence, row count and path of segments of spans that are not rolled up.

        They are of one transaction each: only what is rolled up is sealed and merged.
        """
        rows = connection.execute(
            "SELECT last_seq, row_count, path FROM main.segments"
            " WHERE table_name = 'spans' AND last_seq > ? AND last_seq <= ? ORDER BY last_seq",
            [low, upto],
        ).fetchall()
        return [(seq, count, self._store.segment_path(name)) for seq, count, name in rows]

    def _commit(self, prepared: _Prepared) -> None:
        while True:
            try:
                future = self._store.submit(partial(self._write, prepared), essential=True)
            except OverloadedError:
                # The writer has a full queue of requests. What is prepared stays right: only rollups
                # move the progress.
                if self._stopped:
                    raise
                time.sleep(_BUSY_PAUSE_SECONDS)
                continue
            future.result()
            return

    def _write(self, prepared: _Prepared, transaction: Transaction) -> None:
        connection = transaction.connection
        (low,) = one_row(connection, "SELECT last_seq FROM rollup_progress")
        if low != prepared.low:
            raise StorageError(f"the rollup began at {prepared.low}, and the progress is at {low} now")
        for table, rows in prepared.kept.items():
            insert_rows(transaction, table, rows, {"agent_id": self._agent_id})
        for made in prepared.made:
            if made.commit is not None:
                made.commit(transaction)
            for name, count in made.counters.items():
                connection.execute("UPDATE counters SET value = value + ? WHERE name = ?", [count, name])
        self._outbox.append(transaction, prepared.waiting)
        connection.execute(
            "UPDATE rollup_progress SET last_seq = ?, last_sequence = ?", [prepared.high, prepared.sequence]
        )


def _together(made: Sequence[Made]) -> dict[str, pa.Table]:
    """All parts' rows by table, in the order of `BATCH_TABLES`: summaries before spans."""
    found: dict[str, list[pa.Table]] = {}
    for one in made:
        for name, rows in one.tables.items():
            found.setdefault(name, []).append(conform(rows, BATCH_TABLES[name], what=f"{name} rows"))
    return {name: pa.concat_tables(found[name]) for name in BATCH_TABLES if name in found}
