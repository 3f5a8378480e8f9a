"""Which statements get the default window, and that the others answer everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from coral.query.dataset import Dataset
from tests.sql.conftest import RECORDING
from tests.sql.corpus import statements

STATEMENTS = statements("windows.sql")


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recording with a copy of its spans three hours earlier."""
    path = tmp_path_factory.mktemp("day") / "day.duckdb"
    with duckdb.connect(str(path)) as connection:
        for statement in RECORDING:
            connection.execute(statement)
        for table, column in (("otel_spans_local", "start_time"), ("service_summary", "bucket_time")):
            connection.execute(
                f"INSERT INTO {table} SELECT * REPLACE ({column} - INTERVAL 3 HOUR AS {column}) FROM {table}"
            )
    return path


@pytest.fixture(scope="module")
def recorded(day: Path) -> Iterator[Dataset]:
    with Dataset(day) as opened:
        yield opened


@pytest.mark.parametrize(("section", "sql"), STATEMENTS)
def test_the_window_is_where_time_is_unconstrained(
    recorded: Dataset, day: Path, section: str, sql: str
) -> None:
    found = recorded.query(sql)
    assert found.completeness.HasField("window_added") == (section == "windowed")
    assert bool(found.completeness.notes) == (section == "windowed")
    if section == "windowed":
        assert found.completeness.window_added.ToSeconds() == 3600
        return
    with duckdb.connect(":memory:") as plain:
        plain.execute(f"SET TimeZone='UTC'; ATTACH '{day}' AS day (READ_ONLY); USE day")
        expected = plain.sql(sql).to_arrow_table().to_pylist()
    assert sorted(map(str, found.rows.to_pylist())) == sorted(map(str, expected))


def test_the_last_hour_of_a_recording_ends_at_its_newest_time(recorded: Dataset) -> None:
    (row,) = recorded.query(
        "SELECT count(*) AS n, min(start_time) AS first FROM otel_spans_local"
    ).rows.to_pylist()
    assert row["n"] == 4000
    found = recorded.query("SELECT count(*) AS n FROM otel_spans_local WHERE start_time < '2030-01-01'")
    assert found.rows.to_pylist() == [{"n": 8000}]
    note = recorded.query("FROM service_summary").completeness.notes[0]
    assert note.startswith("service_summary: only from 2026-03-01T09:4")


def test_rows_are_cut_whatever_the_statement_says(recorded: Dataset) -> None:
    found = recorded.query("FROM range(50000) LIMIT 40000")
    assert (found.rows.num_rows, found.completeness.limit_added) == (10_000, 10_000)
    assert recorded.query("FROM range(50000) LIMIT 9000").completeness.rows_cut is False
    found = recorded.query("SELECT repeat('x', 20000) AS x FROM range(5000)", timeout_ns=30_000_000_000)
    assert found.completeness.rows_cut
    assert found.rows.nbytes < 64 * 1024 * 1024
    assert "too large" in found.completeness.notes[0]
