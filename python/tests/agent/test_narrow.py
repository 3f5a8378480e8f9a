"""What the rollup keeps in memory gives the same answers as what is stored."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from coral.agent.decode.traces import decode_trace_bytes
from coral.agent.rollup import run
from coral.agent.rollup.kernel import RollupKernel, rollup_kernel
from coral.agent.rollup.narrow import NARROW_SQL, Narrowing, narrowed
from coral.agent.rollup.sampling import in_sample, sample_mask
from coral.clock import FixedClock
from coral.limits import EXEMPLAR_ATTRIBUTES_BYTES, MIN_DIRECT_ROWS
from coral.store.duckdb.footer import direct_name
from coral.store.duckdb.recent import RecentRows
from coral.store.duckdb.store import DuckDBStore
from tests.agent.otlp import span, text, traces
from tests.agent.test_rollup import Agent

KERNELS = list(dict.fromkeys([None, rollup_kernel()]))


def child(number: int, *, parent: int = 0, note: str = "", **more: Any) -> Span:
    made = span(number, **more)
    if parent:
        made.parent_span_id = parent.to_bytes(8, "big")
    if note:
        made.attributes.append(text("note", note))
    return made


def rows_of(*spans: Span, seq: int = 1) -> pa.Table:
    rows = decode_trace_bytes(traces(spans).SerializeToString()).rows
    return rows.append_column("ingest_seq", pa.array([seq] * rows.num_rows, pa.int64()))


def path_of(seq: int) -> Path:
    return Path(direct_name("spans", seq))


def test_what_is_kept_is_what_sql_selects() -> None:
    rows = rows_of(
        child(1), child(2, parent=7, note="x" * (EXEMPLAR_ATTRIBUTES_BYTES + 5)), child(3, failed=True)
    )
    connection = duckdb.connect()
    connection.register("stored", rows)
    connection.register("kept", narrowed(rows))
    expected = connection.sql(f"SELECT {NARROW_SQL} FROM stored ORDER BY span_id")
    found = connection.sql("SELECT * FROM kept ORDER BY span_id")
    assert found.columns == expected.columns
    assert found.fetchall() == expected.fetchall()


@pytest.mark.parametrize("thinning", [0, 1, 2, 3, 4, 5, 8, 9, 13, 124])
def test_a_sample_in_memory_is_the_sample_in_sql(thinning: int) -> None:
    numbers = random.Random(thinning)
    ids = [f"{numbers.getrandbits(128) >> thinning << thinning:032x}" for _ in range(50)]
    ids += [f"{numbers.getrandbits(128):032x}" for _ in range(2_000)]
    table = pa.table({"trace_id": ids})
    connection = duckdb.connect()
    connection.register("spans", table)
    found = connection.sql(f"SELECT trace_id FROM spans WHERE {in_sample(thinning)}").fetchall()
    expected = [trace_id for (trace_id,) in found]
    assert (
        table.filter(sample_mask(table.column("trace_id"), thinning)).column("trace_id").to_pylist()
        == expected
    )
    assert len(expected) >= 50


def memory_of(rows: pa.Table) -> set[int]:
    """Addresses of the buffers under a table."""
    arrays = [chunk for column in rows.columns for chunk in column.chunks]
    arrays += [one.dictionary for one in arrays if pa.types.is_dictionary(one.type)]
    return {
        buffer.address for one in arrays for buffer in one.buffers() if buffer is not None and buffer.size
    }


@pytest.mark.parametrize("thinning", [0, 2])
@pytest.mark.parametrize("requests", [1, 3])
@pytest.mark.parametrize("kernel", KERNELS)
def test_kept_rows_do_not_hold_on_to_the_requests_memory(
    thinning: int, requests: int, kernel: RollupKernel | None
) -> None:
    # The native kernel hands over a request's columns as one piece: who holds one holds all.
    rows = pa.concat_tables([rows_of(*[child(16 * i + 15) for i in range(100)]) for _ in range(requests)])
    rows = rows.combine_chunks()
    narrowing = Narrowing(kernel)
    narrow = narrowing.narrowed(rows)
    for kept in (narrow, narrowing.sample(rows, thinning), narrowing.likely(rows, narrow)):
        assert kept.num_rows or kernel is None
        assert not memory_of(kept) & memory_of(rows)


def test_the_slowest_are_likely_as_long_as_nobody_knows_what_slow_is() -> None:
    rows = rows_of(*[child(i, trace=i, duration_ns=i, failed=i % 10 == 0) for i in range(1, 101)])
    rows = rows.combine_chunks()
    kernel = rollup_kernel()
    if kernel is None:
        pytest.skip("this platform has no native kernel")
    narrowing = Narrowing(kernel)

    def likely() -> list[int]:
        found = narrowing.likely(rows, narrowing.narrowed(rows))
        return sorted(found.column("duration_ns").to_pylist())

    assert likely() == [60, 70, 80, 90, 96, 97, 98, 99, 100]
    (service,) = rows.column("service_name").unique().to_pylist()
    narrowing.expect(slow={service: 98}, failed={}, traces=pa.array([], pa.string()))
    assert likely() == [60, 70, 80, 90, 99, 100]
    narrowing.expect(slow={service: 98}, failed={service: 90}, traces=pa.array([f"{7:032x}"]))
    assert likely() == [7, 99, 100]


def test_samples_get_thinner_before_anything_is_dropped() -> None:
    recent = RecentRows(max_bytes=10**9, max_whole_bytes=40_000)
    recent.keep(Narrowing())
    for seq in range(1, 21):
        recent.add(
            path_of(seq),
            rows_of(*[span(100 * seq + i, trace=1 + 97 * (100 * seq + i)) for i in range(20)], seq=seq),
        )
    kept = recent.newest(upto_seq=100, most_rows=10**6)
    assert [one.rows.column("ingest_seq")[0].as_py() for one in kept] == list(range(20, 0, -1))
    assert {one.rows.num_rows for one in kept} == {20}
    thinnings = {one.thinning for one in kept}
    assert len(thinnings) == 1
    assert min(thinnings) > 0
    whole = sum(one.whole.num_rows for one in kept)
    assert 0 < whole < 300
    assert sum(one.whole.nbytes for one in kept) <= 40_000
    recent.relax(0)
    assert recent.newest(upto_seq=100, most_rows=10**6)[0].thinning > 0
    recent.taken(20)
    recent.relax(0)
    recent.add(path_of(21), rows_of(span(1), seq=21))
    (newest,) = recent.newest(upto_seq=100, most_rows=1)
    assert (newest.thinning, newest.whole.num_rows) == (0, 1)


def test_trace_ids_that_are_in_every_sample_do_not_hold_up_the_writer() -> None:
    recent = RecentRows(max_bytes=10**9, max_whole_bytes=10_000)
    recent.keep(Narrowing())
    for seq in (1, 2):
        recent.add(path_of(seq), rows_of(*[child(i, trace=1 << 127) for i in range(100)], seq=seq))
        kept = recent.newest(upto_seq=100, most_rows=10**6)
        assert [(one.rows.num_rows, one.whole.num_rows) for one in kept] == [(100, 0)] * seq


def test_the_oldest_taken_ones_go_first_and_what_waits_to_be_taken_stays() -> None:
    recent = RecentRows(max_bytes=8_000)
    recent.keep(Narrowing())
    *paths, last = [path_of(seq) for seq in range(1, 10)]
    for seq, path in enumerate(paths, 1):
        recent.add(path, rows_of(*[span(100 * seq + i) for i in range(20)], seq=seq))
    there = [recent.get(path) is not None for path in paths]
    assert there == sorted(there, reverse=True)
    assert there[0]
    assert not there[-1]
    recent.taken(sum(there) - 1)
    recent.add(last, rows_of(*[span(900 + i) for i in range(20)], seq=9))
    assert recent.get(paths[0]) is None
    assert recent.get(paths[sum(there) - 1]) is not None
    assert recent.get(last) is not None


@pytest.mark.parametrize("whole_bytes", [16 * 1024 * 1024, 60_000, 0])
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_rollup_from_memory_sends_what_a_rollup_from_files_sends(
    tmp_path: Path,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
    whole_bytes: int,
    kernel: RollupKernel | None,
) -> None:
    monkeypatch.setattr(run, "rollup_kernel", lambda: kernel)
    sent = []
    for name, in_memory in (("memory", True), ("files", False)):
        store = DuckDBStore(
            tmp_path / name, kind="agent", retention=timedelta(days=9), clock=clock, seal_interval=0
        )
        agent = Agent(store, clock)
        if in_memory:
            store.recent._max_whole_bytes = whole_bytes
        else:
            store.recent._reduction = None
        numbers = random.Random(5)
        for group in range(3):
            # Traces of five spans, each in two groups.
            agent.take(
                *[
                    child(
                        10_000 * group + i,
                        trace=1 + (i // 5) * 7,
                        parent=10_000 * group + i if i % 5 else 0,
                        duration_ns=numbers.randrange(1, 10**9),
                        failed=numbers.random() < 0.01,
                        note=str(i),
                    )
                    for i in range(MIN_DIRECT_ROWS)
                ]
            )
        assert agent.roll() is not None
        sent.append(
            {
                table: sorted(rows.to_pylist(), key=str)
                for batch in agent.batches()
                for table, rows in batch.items()
                if table in ("rollups", "spans")
            }
        )
        store.close()
    assert sent[0]["rollups"] == sent[1]["rollups"]
    assert sent[0]["spans"] == sent[1]["spans"]
    assert len(sent[0]["spans"]) > 100
