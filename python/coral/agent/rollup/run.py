"""Reduction at the edge: what was ingested since the last time becomes outbox batches.

Everything happens in one transaction: rollup deltas are stored, the batches that carry them (with
trace exemplars, host metrics and resources) are put into the outbox, and the progress moves on. So
each row is rolled up exactly once, whatever is killed when.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import duckdb
import pyarrow as pa

from coral._proto.colony.v1 import fleet_pb2
from coral.agent.rollup.exemplars import Exemplars
from coral.agent.rollup.spans import span_rollups
from coral.clock import Clock
from coral.limits import MAX_BATCH_BYTES
from coral.store.api import Transaction
from coral.store.duckdb.rows import insert_rows, one_row
from coral.store.duckdb.store import DuckDBStore
from coral.wire.arrow import to_ipc
from coral.wire.times import to_timestamp

_PLAIN_TABLES: Final = ("system_metrics", "resources")  # sent as they are


class Rollup:
    """Makes outbox batches. `run` is a job for the store's writer."""

    def __init__(self, store: DuckDBStore, *, agent_id: str, clock: Clock) -> None:
        self._agent_id = agent_id
        self._clock = clock
        self._exemplars = Exemplars(store, clock=clock)

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
        # Made here, kept here as well, and sent.
        made = {"rollups": span_rollups(connection, low, high)}
        for table, rows in made.items():
            if rows.num_rows:
                insert_rows(transaction, table, rows, {"agent_id": self._agent_id})
        sent = {
            **made,
            "spans": self._exemplars.select(connection, low, high),
            **{table: _fresh(connection, table, low, high) for table in _PLAIN_TABLES},
        }
        now = self._clock.now()
        sequence = last_sequence
        for messages in _batches(sent):
            sequence += 1
            batch = fleet_pb2.Batch(sequence=sequence, created_at=to_timestamp(now), chunks=messages)
            connection.execute(
                "INSERT INTO outbox VALUES (?, ?, ?)", [sequence, now, batch.SerializeToString()]
            )
        connection.execute("UPDATE rollup_progress SET last_seq = ?, last_sequence = ?", [high, sequence])
        return sequence if sequence > last_sequence else None


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
