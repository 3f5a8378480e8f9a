"""Statements that must not run, or must not run for long; all through the code of `coral query --dataset`."""

from __future__ import annotations

import pytest

from coral.errors import CoralError, DeniedError, LimitError, QueryError
from coral.query.dataset import Dataset
from tests.sql.corpus import statements

ATTACKS = statements("attacks.sql")
GENERATED = {
    "NUL": "SELECT 1 \0 FROM secrets",
    "deep brackets": "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    "deep brackets, not closed": "SELECT " + "(" * 60_000,
    "deep lists": "SELECT " + "[" * 3000 + "]" * 3000,
    "long literal": "SELECT '" + "x" * 70_000 + "'",
    "many sums": "SELECT " + "+".join(["1"] * 20_000),
    "many NOT": "SELECT " + "NOT " * 15_000 + "true",
    "many minus": "SELECT " + "- " * 25_000 + "1",
    "many unions": " UNION ALL ".join(["SELECT 1"] * 3_000),
    "many joins": "SELECT * FROM " + ", ".join(f"otel_spans_local t{i}" for i in range(1_000)),
    "many CTEs": "WITH " + ", ".join(f"c{i} AS (SELECT * FROM secrets)" for i in range(500)) + " SELECT 1",
    "many columns": "SELECT " + ", ".join(["*"] * 20_000) + " FROM otel_spans_local",
    "long IN": "SELECT 1 IN (" + ",".join(["1"] * 30_000) + ")",
    "nested CASE": "SELECT " + "CASE WHEN true THEN " * 2_000 + "1" + " END" * 2_000,
    "nested subqueries": "SELECT * FROM " + "(SELECT * FROM " * 300 + "otel_spans_local" + ")" * 300,
    "nested functions": "SELECT " + "lower(" * 2_000 + "'a'" + ")" * 2_000,
    "exponential CTEs": "WITH a0 AS (SELECT 1 AS x), "
    + ", ".join(f"a{i} AS (SELECT a.x FROM a{i - 1} a, a{i - 1} b, range(9))" for i in range(1, 40))
    + " SELECT count(*) FROM a39",
    "no-break space": "SELECT *\u00a0FROM\u00a0secrets",
    "full-width": "SELECT * FROM ｓｅｃｒｅｔｓ",
    "zero-width": "SELECT * FROM sec\u200brets",
    "right to left": "SELECT * FROM \u202esterces",
    "empty": "",
    "only a comment": "-- SELECT 1",
    "not closed comment": "/* SELECT 1",
    "comment hides the end": "SELECT 1 --\r; DROP TABLE otel_spans_local",
    "nested comment": "SELECT /* /* */ 1; */ FROM secrets",
    "dollar quotes": "SELECT $a$ $a$; DROP TABLE otel_spans_local",
}


def ending(dataset: Dataset, sql: str, *, timeout: float = 30) -> str:
    """How a statement ends: refused, failed, stopped, or its rows."""
    try:
        result = dataset.query(sql, timeout_ns=round(timeout * 1e9))
    except CoralError as error:
        kinds = {DeniedError: "refused", LimitError: "stopped", QueryError: "failed"}
        how = next((word for kind, word in kinds.items() if isinstance(error, kind)), repr(error))
        told = bool(error.hint) or how == "failed"
        return how if told and "hunter2" not in error.message else f"{how}, but says {error.message!r}"
    return str(result.rows.to_pylist())[:300]


@pytest.mark.parametrize(("expected", "sql"), [each for each in ATTACKS if each[0] != "stopped"])
def test_what_must_not_run_is_refused(dataset: Dataset, expected: str, sql: str) -> None:
    assert ending(dataset, sql) == expected


@pytest.mark.parametrize("sql", [sql for expected, sql in ATTACKS if expected == "stopped"])
def test_what_takes_too_much_is_stopped(dataset: Dataset, sql: str) -> None:
    assert ending(dataset, sql, timeout=1) == "stopped"


@pytest.mark.parametrize("name", GENERATED)
def test_made_up_texts_do_no_harm(dataset: Dataset, name: str) -> None:
    assert ending(dataset, GENERATED[name], timeout=5) in ("refused", "failed", "stopped")


def test_there_are_enough() -> None:
    assert len({sql for _, sql in ATTACKS}) == len(ATTACKS) >= 150


def test_workers_are_as_good_as_new_afterwards(dataset: Dataset) -> None:
    assert dataset.query("SELECT lower('A') AS a").rows.to_pylist() == [{"a": "a"}]
