from __future__ import annotations

import os
import threading
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from coral.clock import FixedClock
from coral.errors import OverloadedError, StorageError
from coral.limits import MAX_WRITER_QUEUE
from coral.store.api import Transaction
from coral.store.duckdb.directory import lock_directory
from coral.store.duckdb.neighbours import MERGE_FAN_IN
from coral.store.duckdb.store import DuckDBStore
from tests.store.conftest import NOW
from tests.store.rows import insert_spans


def count(store: DuckDBStore) -> int:
    ((rows,),) = store.query("SELECT count(*) FROM spans", since={"spans": None})
    return int(rows)


def add(store: DuckDBStore, rows: int, start: datetime = NOW) -> None:
    store.submit(lambda tx: insert_spans(tx, rows, start=start)).result()


def open_store(path: Path, clock: FixedClock) -> DuckDBStore:
    return DuckDBStore(path, kind="colony", retention=timedelta(hours=1), clock=clock, seal_interval=0)


def test_rows_are_the_same_before_and_after_sealing(store: DuckDBStore) -> None:
    add(store, 100)
    before = store.query("SELECT * FROM trace_summary ORDER BY trace_id", since={"spans": None})
    store.seal()
    assert [segment.row_count for segment in store.segments()] == [100]
    assert store.query("SELECT count(*) FROM main.spans", since={}) == [(0,)]
    assert store.query("SELECT * FROM trace_summary ORDER BY trace_id", since={"spans": None}) == before
    add(store, 5)
    assert count(store) == 105


def test_everything_answered_is_there_after_reopening(tmp_path: Path, clock: FixedClock) -> None:
    first = open_store(tmp_path / "d", clock)
    add(first, 10)
    first.seal()
    add(first, 3)
    epoch, last = first.epoch, first.statistics().last_seq
    first.close()
    second = open_store(tmp_path / "d", clock)
    assert (count(second), second.epoch, second.statistics().last_seq) == (13, epoch, last)
    second.close()


def test_files_that_a_crash_left_behind_are_deleted(tmp_path: Path, clock: FixedClock) -> None:
    first = open_store(tmp_path / "d", clock)
    add(first, 10)
    first.seal()
    (listed,) = [segment.path for segment in first.segments()]
    first.close()
    orphan = listed.with_name(listed.name.replace(listed.stem.rpartition("-")[2], "deadbeef"))
    orphan.write_bytes(listed.read_bytes())
    partial = listed.with_name(".spans-x.parquet.partial")
    partial.write_bytes(b"half")
    second = open_store(tmp_path / "d", clock)
    assert not orphan.exists()
    assert not partial.exists()
    assert count(second) == 10
    second.close()


def test_small_segments_are_merged_without_loss(store: DuckDBStore) -> None:
    for _ in range(MERGE_FAN_IN):
        add(store, 7)
        store.seal()
    originals = store.segments()
    assert len(originals) == MERGE_FAN_IN
    store.maintain(lambda m: m.merge("spans"))
    (merged,) = store.segments()
    assert merged.row_count == 7 * MERGE_FAN_IN
    assert (merged.first_seq, merged.last_seq) == (originals[0].first_seq, originals[-1].last_seq)
    assert count(store) == 7 * MERGE_FAN_IN


def test_since_prunes_segments_but_not_rows_that_count(store: DuckDBStore) -> None:
    add(store, 4, start=NOW - timedelta(minutes=30))
    store.seal()
    add(store, 6)
    store.seal()
    assert store.query("SELECT count(*) FROM spans", since={"spans": NOW - timedelta(minutes=1)}) == [(6,)]


def test_a_failing_job_fails_alone(store: DuckDBStore) -> None:
    gate = threading.Event()
    blocker = store.submit(lambda tx: gate.wait(10))

    def fail(transaction: Transaction) -> None:
        insert_spans(transaction, 50, start=NOW)
        raise ValueError("mine")

    good = [store.submit(lambda tx: insert_spans(tx, 1, start=NOW)) for _ in range(5)]
    bad = store.submit(fail)
    more = store.submit(lambda tx: insert_spans(tx, 1, start=NOW))
    gate.set()
    blocker.result()
    for future in [*good, more]:
        future.result()
    with pytest.raises(ValueError, match="mine"):
        bad.result()
    assert count(store) == 6


def test_waiting_jobs_share_a_transaction(store: DuckDBStore) -> None:
    gate, running = threading.Event(), threading.Event()

    def block(_: Transaction) -> None:
        running.set()
        gate.wait(10)

    store.submit(block)
    assert running.wait(10)
    futures = [store.submit(lambda tx: tx.seq) for _ in range(20)]
    gate.set()
    assert len({future.result() for future in futures}) == 1


def test_a_full_queue_is_answered_as_overload(store: DuckDBStore) -> None:
    gate, running = threading.Event(), threading.Event()

    def block(_: Transaction) -> None:
        running.set()
        gate.wait(10)

    store.submit(block)
    running.wait(10)
    for _ in range(MAX_WRITER_QUEUE):
        store.submit(lambda tx: None)
    with pytest.raises(OverloadedError, match=str(MAX_WRITER_QUEUE)):
        store.submit(lambda tx: None)
    gate.set()


def test_a_directory_in_use_is_refused(tmp_path: Path, clock: FixedClock) -> None:
    first = open_store(tmp_path / "d", clock)
    with pytest.raises(StorageError, match="in use by another Coral process"):
        open_store(tmp_path / "d", clock)
    first.close()
    open_store(tmp_path / "d", clock).close()


def test_service_summary_agrees_with_the_rows(store: DuckDBStore) -> None:
    def write(tx: Transaction) -> None:
        insert_spans(tx, 1000, start=NOW)
        tx.connection.execute(
            "INSERT INTO rollups WITH b AS (SELECT bucket_of(duration_ns) AS b, count(*) AS n, min(duration_ns) AS lo,"
            " max(duration_ns) AS hi FROM spans GROUP BY 1) SELECT $seq, 'a1', $at::TIMESTAMP, 'payments', 'GET /',"
            " 'SERVER', sum(n), 10, 0, min(lo), max(hi), list(b ORDER BY b), list(n ORDER BY b) FROM b",
            {"seq": tx.seq, "at": NOW.replace(second=0)},
        )

    store.submit(write).result()
    ((requests, errors, p50, p95, p99),) = store.query(
        "SELECT request_count, error_count, p50_ms, p95_ms, p99_ms FROM service_summary",
        since={"rollups": None},
    )
    assert (requests, errors) == (1000, 10)
    (want,) = duckdb.sql("SELECT quantile_cont(i, [0.5, 0.95, 0.99]) FROM range(1, 1001) t(i)").fetchall()
    assert [p50, p95, p99] == pytest.approx(want[0], rel=0.006)


def test_the_lock_of_a_process_that_still_ends_is_waited_for(tmp_path: Path) -> None:
    held = lock_directory(tmp_path)
    ending = threading.Timer(0.3, os.close, [held])
    ending.start()
    again = lock_directory(tmp_path)
    ending.join()
    with pytest.raises(StorageError, match="is in use by another Coral process"):
        lock_directory(tmp_path)
    os.close(again)
