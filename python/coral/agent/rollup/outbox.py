"""What waits for the colony, on disk and bounded.

Batches are written in the rollup's transaction and leave when the colony has them. When the colony is
away for long, what waits may reach its limit. Then trace exemplars are taken out of the oldest waiting
batches, and when none is left the oldest batches are given up. Both are counted. A batch that lost its
spans keeps its sequence, and a gap in the sequences is allowed by the contract.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import duckdb

from coral._proto.colony.v1 import fleet_pb2
from coral.store.api import Transaction
from coral.store.duckdb.rows import one_row
from coral.wire.arrow import from_ipc

_REWRITES: Final = 32  # batches rewritten per transaction: it must stay short
_DOWN_TO: Final = 0.95  # of the limit, so that not each rollup has to make room


@dataclass(frozen=True)
class Waiting:
    """A batch as it waits.

    Attributes:
        sequence: Its position.
        created_at: When it was written, UTC.
        payload: The serialised `Batch`.
        span_count: Exemplar spans in it.
    """

    sequence: int
    created_at: datetime
    payload: bytes
    span_count: int

    @classmethod
    def of(cls, batch: fleet_pb2.Batch, *, created_at: datetime) -> Waiting:
        """A batch, serialised."""
        return cls(batch.sequence, created_at, batch.SerializeToString(), _span_count(batch))


class Outbox:
    """Adds batches and keeps within the limit. Only jobs of the writer call it."""

    def __init__(self, *, max_bytes: int) -> None:
        """Binds the limit.

        Args:
            max_bytes: What may wait, serialised; the newest batch is kept in any case.
        """
        self._max_bytes = max_bytes

    def append(self, transaction: Transaction, batches: Sequence[Waiting]) -> None:
        """Adds batches, and makes room when there is too much."""
        connection = transaction.connection
        for batch in batches:
            connection.execute(
                "INSERT INTO outbox (sequence, created_at, payload, size_bytes, span_count)"
                " VALUES (?, ?, ?, ?, ?)",
                [batch.sequence, batch.created_at, batch.payload, len(batch.payload), batch.span_count],
            )
        if batches:
            self._make_room(connection, newest=batches[-1].sequence)

    def _make_room(self, connection: duckdb.DuckDBPyConnection, *, newest: int) -> None:
        (used,) = one_row(connection, "SELECT coalesce(sum(size_bytes), 0) FROM outbox")
        if used <= self._max_bytes:
            return
        wanted = int(self._max_bytes * _DOWN_TO)
        freed, spans = _take_spans(connection, used - wanted)
        batches = _drop_oldest(connection, used - freed - wanted, newest) if used - freed > wanted else 0
        for name, count in (("spans_given_up", spans), ("batches_given_up", batches)):
            connection.execute("UPDATE counters SET value = value + ? WHERE name = ?", [count, name])


def _take_spans(connection: duckdb.DuckDBPyConnection, excess: int) -> tuple[int, int]:
    """Takes exemplars out of the oldest batches. Answers bytes freed and spans given up.

    With more to do than one transaction should, it frees what it can, and says that all is done: the
    next rollup goes on. What waits exceeds its limit by little, because each rollup adds little.
    """
    freed = spans = 0
    oldest = connection.execute(
        "SELECT sequence, size_bytes FROM outbox WHERE span_count IS NULL OR span_count > 0"
        " ORDER BY sequence LIMIT ?",
        [_REWRITES + 1],
    ).fetchall()
    for sequence, size in oldest[:_REWRITES]:
        (payload,) = one_row(connection, "SELECT payload FROM outbox WHERE sequence = ?", [sequence])
        batch = fleet_pb2.Batch.FromString(payload)
        spans += _span_count(batch)
        summaries = [chunk for chunk in batch.chunks if chunk.table != "spans"]
        del batch.chunks[:]
        batch.chunks.extend(summaries)
        rewritten = batch.SerializeToString()
        if summaries:
            connection.execute(
                "UPDATE outbox SET payload = ?, size_bytes = ?, span_count = 0 WHERE sequence = ?",
                [rewritten, len(rewritten), sequence],
            )
            freed += size - len(rewritten)
        else:
            connection.execute("DELETE FROM outbox WHERE sequence = ?", [sequence])
            freed += size
        if freed >= excess:
            break
    return (max(freed, excess), spans) if len(oldest) > _REWRITES else (freed, spans)


def _drop_oldest(connection: duckdb.DuckDBPyConnection, excess: int, newest: int) -> int:
    """Gives up the oldest batches, but never the newest. Answers how many."""
    (upto,) = one_row(
        connection,
        "SELECT min(sequence) FROM (SELECT sequence, sum(size_bytes) OVER (ORDER BY sequence) AS freed"
        " FROM outbox) WHERE freed >= ?",
        [excess],
    )
    last = newest - 1 if upto is None else min(upto, newest - 1)
    (count,) = one_row(connection, "SELECT count(*) FROM outbox WHERE sequence <= ?", [last])
    connection.execute("DELETE FROM outbox WHERE sequence <= ?", [last])
    return int(count)


def _span_count(batch: fleet_pb2.Batch) -> int:
    return sum(
        from_ipc(chunk.arrow_ipc, what="spans rows").num_rows
        for chunk in batch.chunks
        if chunk.table == "spans"
    )
