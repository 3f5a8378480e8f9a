"""Rows that go straight into a segment, in the transaction that lists it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from coral.clock import FixedClock
from coral.errors import StorageFullError
from coral.store.api import Transaction
from coral.store.duckdb.footer import is_direct
from coral.store.duckdb.neighbours import MERGE_FAN_IN
from coral.store.duckdb.store import DuckDBStore
from tests.store.conftest import NOW

HOUR = timedelta(hours=1)
COUNT = "SELECT count(*), count(DISTINCT span_id) FROM spans"
AGENT = {"agent_id": "a", "sample_weight": 1.0}


def span_rows(first: int, count: int) -> pa.Table:
    numbers = range(first, first + count)
    return pa.table(
        {
            "trace_id": [f"{number:032x}" for number in numbers],
            "span_id": [f"{number:016x}" for number in numbers],
            "parent_span_id": [""] * count,
            "service_name": pa.array(["payments"] * count).dictionary_encode(),
            "instance_id": [""] * count,
            "span_name": ["GET /"] * count,
            "kind": ["SERVER"] * count,
            "start_time": pa.array([NOW + timedelta(microseconds=n) for n in numbers], pa.timestamp("us")),
            "duration_ns": pa.array([1000 + n for n in numbers], pa.int64()),
            "status_code": ["OK"] * count,
            "attributes": ["{}"] * count,
        }
    )


def append(store: DuckDBStore, first: int, count: int) -> None:
    def job(transaction: Transaction) -> None:
        transaction.append("spans", span_rows(first, count), AGENT)

    store.submit(job).result()


def insert_one(store: DuckDBStore, number: int) -> None:
    def job(transaction: Transaction) -> None:
        transaction.connection.register("one_row", span_rows(number, 1))
        transaction.connection.execute(
            "INSERT INTO spans BY NAME SELECT ?::BIGINT AS ingest_seq, 'a' AS agent_id,"
            " 1.0 AS sample_weight, * FROM one_row",
            [transaction.seq],
        )
        transaction.connection.unregister("one_row")

    store.submit(job).result()


def files(store: DuckDBStore) -> list[Path]:
    return [segment.path for segment in store.segments()]


def test_appended_rows_are_a_listed_segment_and_never_active(store: DuckDBStore) -> None:
    append(store, 0, 500)
    ((segment,),) = [store.segments()]
    assert (segment.first_seq, segment.last_seq, segment.row_count) == (1, 1, 500)
    assert (segment.min_time, segment.max_time) == (NOW, NOW + timedelta(microseconds=499))
    assert segment.created_at == NOW
    assert segment.size_bytes == segment.path.stat().st_size
    assert store.query(COUNT, since={"spans": None}) == [(500, 500)]
    assert store.query("SELECT count(*) FROM main.spans", since={}) == [(0,)]
    columns = "agent_id, sample_weight, service_name, kind, duration_ns, typeof(start_time)"
    found = store.query(f"SELECT {columns} FROM spans ORDER BY span_id LIMIT 1", since={"spans": None})
    assert found == [("a", 1.0, "payments", "SERVER", 1000, "TIMESTAMP")]


def test_a_failing_neighbour_takes_nothing_with_it(store: DuckDBStore) -> None:
    def fails(transaction: Transaction) -> None:
        transaction.append("spans", span_rows(900, 10), AGENT)
        raise ValueError("no")

    futures = [
        store.submit(lambda t: t.append("spans", span_rows(0, 100), AGENT)),
        store.submit(fails),
        store.submit(lambda t: t.append("spans", span_rows(100, 100), AGENT)),
    ]
    assert [future.exception() is None for future in futures] == [True, False, True]
    assert store.query(COUNT, since={"spans": None}) == [(200, 200)]
    on_disk = {path for path in store.segment_path(".").iterdir() if path.suffix == ".parquet"}
    assert on_disk == set(files(store))


def test_a_full_disk_refuses_and_leaves_no_file(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    append(store, 0, 100)
    with monkeypatch.context() as patch:
        patch.setattr("coral.store.duckdb.direct.sync_path", full)
        with pytest.raises(StorageFullError):
            append(store, 100, 100)
    assert len(list(store.segment_path(".").glob("*.parquet"))) == 1
    assert store.query(COUNT, since={"spans": None}) == [(100, 100)]


def test_rows_are_merged_only_when_all_before_them_are_sealed(tmp_path: Path, clock: FixedClock) -> None:
    upto = [0]
    store = DuckDBStore(
        tmp_path / "data",
        kind="agent",
        retention=HOUR,
        clock=clock,
        seal_interval=0,
        sealable=lambda _: upto[0],
    )
    insert_one(store, 10_000)
    for number in range(MERGE_FAN_IN):
        append(store, 100 * number, 100)
    store.seal()
    assert store.maintain(lambda editor: editor.merge("spans")) == []
    upto[0] = store.statistics().last_seq
    store.seal()
    (merged,) = store.maintain(lambda editor: editor.merge("spans"))
    assert merged.row_count == 100 * MERGE_FAN_IN + 1
    assert not is_direct(merged.path)
    expected = 100 * MERGE_FAN_IN + 1
    assert store.query(COUNT, since={"spans": None}) == [(expected, expected)]
    store.close()


def test_a_lost_database_keeps_appended_rows_and_the_active_ones_before_them(
    tmp_path: Path, clock: FixedClock
) -> None:
    data = tmp_path / "data"
    store = DuckDBStore(data, kind="agent", retention=HOUR, clock=clock, seal_interval=0)
    insert_one(store, 10_000)
    append(store, 0, 100)
    store.close()
    # The list of segments is rebuilt from the files, as after the loss of one of them.
    (lost,) = [path for path in (data / "segments").iterdir() if path.suffix == ".parquet"]
    again = DuckDBStore(data, kind="agent", retention=HOUR, clock=clock, seal_interval=0)
    append(again, 100, 100)
    again.close()
    lost.unlink()
    last = DuckDBStore(data, kind="agent", retention=HOUR, clock=clock, seal_interval=0)
    assert last.problems()
    assert last.query(COUNT, since={"spans": None}) == [(101, 101)]
    last.close()


CRASHING = """
    import os, sys
    from datetime import timedelta
    from pathlib import Path
    from coral.store.duckdb import direct
    from coral.store.duckdb.store import DuckDBStore
    from tests.store.test_direct import append, insert_one

    store = DuckDBStore(Path(sys.argv[1]), kind="agent", retention=timedelta(days=9999), seal_interval=0)
    append(store, 0, 100)
    insert_one(store, 5000)
    step = sys.argv[2]
    real = direct.sync_path
    def sync(path):
        if step == "before the file is synced" and path.is_file():
            os.kill(os.getpid(), 9)
        real(path)
        if step == "before the folder is synced" and path.is_file():
            os.kill(os.getpid(), 9)
        if step == "before the commit" and path.is_dir():
            os.kill(os.getpid(), 9)
    direct.sync_path = sync
    append(store, 100, 100)
    os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize(
    "step",
    ["before the file is synced", "before the folder is synced", "before the commit", "after the commit"],
)
def test_a_crash_at_each_step_leaves_all_or_nothing(tmp_path: Path, step: str) -> None:
    program = [sys.executable, "-c", textwrap.dedent(CRASHING), str(tmp_path / "data"), step]
    paths = os.pathsep.join(path for path in sys.path if path)
    ended = subprocess.run(program, check=False, env={**os.environ, "PYTHONPATH": paths})
    assert ended.returncode == -signal.SIGKILL
    for _ in range(2):  # and once more, as nothing may be left to be done
        store = DuckDBStore(tmp_path / "data", kind="agent", retention=timedelta(days=9999), seal_interval=0)
        expected = 201 if step == "after the commit" else 101
        assert store.query(COUNT, since={"spans": None}) == [(expected, expected)]
        assert store.problems() == ()
        assert {p for p in (tmp_path / "data" / "segments").iterdir() if p.is_file()} == set(files(store))
        store.close()
