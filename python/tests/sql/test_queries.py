"""Ordinary analysts' queries answer what plain DuckDB answers on the same file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from coral.query.dataset import Dataset
from coral.store.guard.arrow import plain_schema
from tests.sql.corpus import statements

QUERIES = statements("queries.sql")


@pytest.fixture(scope="module")
def plain(recording: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB itself on the same file, but for the macro that the recording's owner named as a function."""
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"SET TimeZone='UTC'; ATTACH '{recording}' AS recording (READ_ONLY)")
        for (name,) in connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'recording'"
        ).fetchall():
            connection.execute(f"CREATE VIEW {name} AS FROM recording.main.{name}")
        yield connection


@pytest.mark.parametrize("sql", [sql for _, sql in QUERIES])
def test_it_answers_as_duckdb_does(dataset: Dataset, plain: duckdb.DuckDBPyConnection, sql: str) -> None:
    relation = plain.sql(sql)
    names, kinds = relation.columns, [str(kind) for kind in relation.types]
    expected = relation.to_arrow_table()
    found = dataset.query(sql, timeout_ns=30_000_000_000)
    assert found.columns == list(zip(names, kinds, strict=True))
    if "random()" not in sql and "SUMMARIZE" not in sql:  # whose counts are approximate
        expected = expected.cast(plain_schema(expected.schema))
        assert rounded(found.rows) == rounded(expected)
    assert found.rows.num_rows == expected.num_rows
    assert not found.completeness.rows_cut


def rounded(table: pa.Table) -> str:
    """The rows as text; sums of doubles depend on the order in which threads add."""
    text = str([column.to_pylist() for column in table.columns])
    return re.sub(r"\d+\.\d{6,}(e[+-]?\d+)?", lambda found: f"{float(found[0]):.9g}", text)


def test_there_are_enough() -> None:
    assert len({sql for _, sql in QUERIES}) == len(QUERIES) >= 100
