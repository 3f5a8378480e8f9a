from __future__ import annotations

from datetime import datetime

import pyarrow as pa

from coral._proto.colony.v1 import fleet_pb2
from coral.agent.rollup.outbox import Outbox, Waiting
from coral.store.api import Transaction
from coral.store.duckdb.store import DuckDBStore
from coral.wire.arrow import to_ipc

AT = datetime(2026, 11, 23, 12, 0)
SPANS = 10


def batch(sequence: int, *, with_spans: bool = True, with_summaries: bool = True) -> Waiting:
    chunks = []
    if with_summaries:
        chunks.append(fleet_pb2.TableChunk(table="rollups", arrow_ipc=b"r" * 100))
    if with_spans:
        # Incompressible, so that every batch has about the same size.
        noise = [f"{sequence}-{number}" for number in range(SPANS)]
        chunks.append(fleet_pb2.TableChunk(table="spans", arrow_ipc=to_ipc(pa.table({"a": noise}))))
    return Waiting.of(fleet_pb2.Batch(sequence=sequence, chunks=chunks), created_at=AT)


def append(store: DuckDBStore, outbox: Outbox, *batches: Waiting) -> None:
    def job(transaction: Transaction) -> None:
        outbox.append(transaction, batches)

    store.submit(job).result()


def waiting(store: DuckDBStore) -> dict[int, list[str]]:
    """Tables by sequence, of what waits."""
    rows = store.query("SELECT sequence, payload, size_bytes FROM main.outbox ORDER BY 1", since={})
    found = {}
    for sequence, payload, size in rows:
        assert size == len(payload)
        decoded = fleet_pb2.Batch.FromString(payload)
        assert decoded.sequence == sequence
        found[sequence] = [chunk.table for chunk in decoded.chunks]
    return found


def given_up(store: DuckDBStore) -> tuple[int, int]:
    """Spans and batches."""
    ((spans, batches),) = store.query(
        "SELECT (SELECT value FROM main.counters WHERE name = 'spans_given_up'),"
        " (SELECT value FROM main.counters WHERE name = 'batches_given_up')",
        since={},
    )
    return spans, batches


FULL = len(batch(1).payload)
BARE = len(batch(1, with_spans=False).payload)


def test_below_the_limit_everything_waits(store: DuckDBStore) -> None:
    outbox = Outbox(max_bytes=3 * FULL)
    append(store, outbox, batch(1), batch(2), batch(3))
    assert waiting(store) == {1: ["rollups", "spans"], 2: ["rollups", "spans"], 3: ["rollups", "spans"]}
    assert given_up(store) == (0, 0)


def test_spans_of_the_oldest_batches_go_first(store: DuckDBStore) -> None:
    outbox = Outbox(max_bytes=3 * FULL + 10)
    for sequence in range(1, 5):
        append(store, outbox, batch(sequence))
    found = waiting(store)
    assert list(found) == [1, 2, 3, 4]
    assert found[1] == ["rollups"]
    assert found[4] == ["rollups", "spans"]
    cut = sum("spans" not in tables for tables in found.values())
    assert given_up(store) == (cut * SPANS, 0)


def test_a_batch_of_nothing_but_spans_goes_whole_and_counts_as_spans(store: DuckDBStore) -> None:
    outbox = Outbox(max_bytes=FULL)
    append(store, outbox, batch(1, with_summaries=False), batch(2))
    assert 1 not in waiting(store)
    assert given_up(store)[1] == 0


def test_summaries_go_last_and_oldest_first_and_never_the_newest(store: DuckDBStore) -> None:
    outbox = Outbox(max_bytes=3 * BARE)
    for sequence in range(1, 9):
        append(store, outbox, batch(sequence))
    found = waiting(store)
    assert all(tables == ["rollups"] for tables in found.values())
    assert list(found) == list(range(9 - len(found), 9))
    assert given_up(store) == (8 * SPANS, 8 - len(found))
    append(store, Outbox(max_bytes=1), batch(9))
    assert list(waiting(store)) == [9]


def test_what_waits_stays_near_the_limit_however_long_the_colony_is_away(store: DuckDBStore) -> None:
    limit = 20 * FULL
    outbox = Outbox(max_bytes=limit)
    for sequence in range(1, 300):
        append(store, outbox, batch(sequence))
        ((used,),) = store.query("SELECT sum(size_bytes) FROM main.outbox", since={})
        assert used <= limit
    found = waiting(store)
    spans, batches = given_up(store)
    assert batches == 299 - len(found)
    assert spans == SPANS * (299 - sum("spans" in tables for tables in found.values()))


def test_a_rollup_with_many_batches_is_within_the_limit_in_time(store: DuckDBStore) -> None:
    limit = 60 * FULL
    outbox = Outbox(max_bytes=limit)
    append(store, outbox, *[batch(sequence) for sequence in range(1, 200)])
    for sequence in range(200, 206):
        append(store, outbox, batch(sequence))
    ((used,),) = store.query("SELECT sum(size_bytes) FROM main.outbox", since={})
    assert used <= limit
