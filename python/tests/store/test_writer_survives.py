"""Whatever goes wrong in the writer, each job gets an answer: a client that waits for ever is worse than an error."""

from __future__ import annotations

import errno
import shutil
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from coral.clock import FixedClock
from coral.errors import CoralError, StorageError
from coral.store.api import Transaction
from coral.store.duckdb.database import Database
from coral.store.duckdb.store import DuckDBStore
from tests.store.conftest import NOW
from tests.store.rows import insert_spans

SECONDS = 20.0


def test_no_room_and_no_directory_either(tmp_path: Path, clock: FixedClock) -> None:
    store = DuckDBStore(
        tmp_path / "data", kind="agent", retention=timedelta(hours=1), clock=clock, seal_interval=0
    )

    def fail(_: Transaction) -> None:
        shutil.rmtree(tmp_path / "data")
        raise OSError(errno.ENOSPC, "No space left on device")

    try:
        futures = [store.submit(fail)]
        with pytest.raises(CoralError):
            futures[0].result(SECONDS)
        for essential in (False, True):
            with pytest.raises(StorageError, match="cannot be used any more"):
                store.submit(lambda tx: tx.seq, essential=essential).result(SECONDS)
    finally:
        store.close()


def test_a_failure_while_recovering_from_a_failure(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What DuckDB might raise there cannot be had on purpose, so it is raised for it."""

    def fail(_: Transaction) -> None:
        raise duckdb.FatalException("database has been invalidated")

    def broken(self: Database, error: BaseException, *, generation: int) -> bool:
        raise duckdb.IOException("not now")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "recover", broken)
        failing = store.submit(fail)
        with pytest.raises(StorageError, match="not now"):
            failing.result(SECONDS)
    store.submit(lambda tx: insert_spans(tx, 3, start=NOW)).result(SECONDS)
    assert store.query("SELECT count(*) FROM spans", since={"spans": None}) == [(3,)]


def test_readers_do_not_wait_for_a_database_that_could_not_be_taken(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Transaction) -> None:
        raise duckdb.FatalException("database has been invalidated")

    taken = Database._take

    def broken(self: Database, connection: duckdb.DuckDBPyConnection) -> None:
        taken(self, connection)
        raise duckdb.IOException("not now")

    store.submit(lambda tx: insert_spans(tx, 3, start=NOW)).result(SECONDS)
    with monkeypatch.context() as patch:
        patch.setattr(Database, "_take", broken)
        with pytest.raises(StorageError, match="cannot be opened again: not now"):
            store.submit(fail).result(SECONDS)
        with pytest.raises(StorageError, match="not now"):
            store.query("SELECT count(*) FROM spans", since={"spans": None})
        assert any("not now" in problem for problem in store.problems())
    # The next writer tries to open it again, at most once a second.
    monkeypatch.setattr("coral.store.duckdb.database._RETRY_SECONDS", 0.0)
    store.submit(lambda tx: insert_spans(tx, 2, start=NOW)).result(SECONDS)
    assert store.query("SELECT count(*) FROM spans", since={"spans": None}) == [(5,)]
