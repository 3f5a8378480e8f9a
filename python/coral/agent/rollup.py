"""Reduction at the edge: what was ingested since the last time becomes one outbox batch.

Everything happens in one transaction: rollup deltas are stored, the batch that carries them (with
trace exemplars, host metrics and resources) is put into the outbox, and the progress moves on. So
each span is rolled up exactly once, whatever is killed when.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from importlib import resources
from typing import Final

import duckdb
import pyarrow as pa

from coral._proto.colony.v1 import fleet_pb2
from coral.agent.ingest import insert_rows
from coral.clock import Clock
from coral.limits import MAX_BATCH_BYTES
from coral.store.api import Transaction
from coral.store.duckdb.rows import one_row
from coral.store.duckdb.store import DuckDBStore
from coral.wire.arrow import to_ipc
from coral.wire.times import to_timestamp

SPANS_PER_ROLLUP: Final = 500
"""About how many sampled spans one rollup sends; more spans are thinned by powers of two."""
EXEMPLARS_PER_SERVICE: Final = 2
"""Slowest, and failed, traces that each service adds per rollup."""
_REMEMBER: Final = timedelta(minutes=10)
_LOOK_BACK: Final = timedelta(minutes=2)


def _sql(name: str) -> str:
    return (resources.files("coral.agent") / "sql" / name).read_text(encoding="utf-8")


class Rollup:
    """Makes outbox batches. `run` is a job for the store's writer."""

    def __init__(self, store: DuckDBStore, *, agent_id: str, clock: Clock) -> None:
        self._store = store
        self._agent_id = agent_id
        self._clock = clock
        self._rollup_sql = _sql("rollup.sql")
        self._select_sql = _sql("select_exemplars.sql")
        self._spans_sql = _sql("exemplar_spans.sql")

    def run(self, transaction: Transaction) -> int | None:
        """Rolls up what is committed and not rolled up yet.

        Returns:
            The sequence of the last outbox batch written, or None when there was nothing to send.
        """
        connection = transaction.connection
        low, last_sequence = one_row(connection, "SELECT last_seq, last_sequence FROM rollup_progress")
        high = transaction.seq - 1
        if high <= low:
            return None
        chunks = {
            "rollups": self._rollups(transaction, low, high),
            "spans": self._exemplars(connection, low, high),
            "system_metrics": _fresh(connection, "system_metrics", low, high),
            "resources": _fresh(connection, "resources", low, high),
        }
        now = self._clock.now()
        sequence = last_sequence
        for messages in _batches(chunks):
            sequence += 1
            batch = fleet_pb2.Batch(sequence=sequence, created_at=to_timestamp(now), chunks=messages)
            connection.execute(
                "INSERT INTO outbox VALUES (?, ?, ?)", [sequence, now, batch.SerializeToString()]
            )
        connection.execute("UPDATE rollup_progress SET last_seq = ?, last_sequence = ?", [high, sequence])
        return sequence if sequence > last_sequence else None

    def _rollups(self, transaction: Transaction, low: int, high: int) -> pa.Table:
        rows = transaction.connection.sql(self._rollup_sql, params={"lo": low, "hi": high}).to_arrow_table()
        if rows.num_rows:
            insert_rows(transaction, "rollups", rows, "? AS agent_id", [self._agent_id])
        return rows

    def _exemplars(self, connection: duckdb.DuckDBPyConnection, low: int, high: int) -> pa.Table:
        now = self._clock.now()
        (fresh,) = one_row(
            connection,
            f"SELECT count(*) FROM spans WHERE ingest_seq > {low:d} AND ingest_seq <= {high:d}",
        )
        thinning = max(0, math.ceil(math.log2(max(fresh, 1) / SPANS_PER_ROLLUP)))
        connection.execute("DELETE FROM exemplar_traces WHERE selected_at < ?", [now - _REMEMBER])
        connection.execute(
            self._select_sql,
            {
                "lo": low,
                "hi": high,
                "modulus": 2**thinning,
                "per_service": EXEMPLARS_PER_SERVICE,
                "now": now,
            },
        )
        sql = self._store.with_tables(connection, self._spans_sql, {"spans": now - _LOOK_BACK})
        return connection.sql(sql, params={"lo": low, "hi": high}).to_arrow_table()


def _batches(tables: dict[str, pa.Table]) -> Iterator[list[fleet_pb2.TableChunk]]:
    """The tables as chunks, in groups of at most about `MAX_BATCH_BYTES`."""
    group: list[fleet_pb2.TableChunk] = []
    size = 0
    for name, rows in tables.items():
        for encoded in _encoded(rows):
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


def _fresh(connection: duckdb.DuckDBPyConnection, table: str, low: int, high: int) -> pa.Table:
    return connection.sql(
        f"SELECT * EXCLUDE (ingest_seq, agent_id) FROM main.{table}"
        f" WHERE ingest_seq > {low:d} AND ingest_seq <= {high:d}"
    ).to_arrow_table()
