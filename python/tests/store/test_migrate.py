from __future__ import annotations

import duckdb
import pytest

from coral.errors import StorageError
from coral.store.duckdb.migrate import Migration, load_migrations, migrate


@pytest.mark.parametrize("kind", ["agent", "colony"])
def test_a_new_database_gets_every_step_and_a_second_run_changes_nothing(kind: str) -> None:
    connection = duckdb.connect()
    steps = load_migrations(kind)
    assert migrate(connection, steps, path="x") == len(steps)
    assert migrate(connection, steps, path="x") == len(steps)
    applied = connection.execute("SELECT count(*) FROM schema_migrations").fetchall()
    assert applied == [(len(steps),)]


def test_an_older_database_is_upgraded_and_keeps_its_rows() -> None:
    connection = duckdb.connect()
    first = Migration(1, "one", "CREATE TABLE t (i INTEGER); INSERT INTO t VALUES (7)")
    migrate(connection, [first], path="x")
    migrate(connection, [first, Migration(2, "two", "ALTER TABLE t ADD COLUMN j INTEGER")], path="x")
    assert connection.execute("SELECT i, j FROM t").fetchall() == [(7, None)]


def test_a_newer_database_is_refused_by_name() -> None:
    connection = duckdb.connect()
    steps = [Migration(1, "one", "SELECT 1"), Migration(2, "two", "SELECT 1")]
    migrate(connection, steps, path="x")
    with pytest.raises(StorageError, match="schema version 2, this Coral knows versions up to 1"):
        migrate(connection, steps[:1], path="x")


def test_a_failing_step_leaves_nothing_behind() -> None:
    connection = duckdb.connect()
    broken = Migration(1, "broken", "CREATE TABLE t (i INTEGER); SELECT * FROM missing")
    with pytest.raises(duckdb.Error):
        migrate(connection, [broken], path="x")
    assert connection.execute("SELECT count(*) FROM schema_migrations").fetchall() == [(0,)]
    with pytest.raises(duckdb.CatalogException):
        connection.execute("SELECT * FROM t")
