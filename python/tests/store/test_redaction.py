"""Statements see what a policy leaves, whatever they ask; and workers that serve both kinds of callers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from coral.clock import FixedClock
from coral.errors import CoralError, DeniedError, QueryError
from coral.model.redaction import REDACTED, Redaction
from coral.store.duckdb.store import DuckDBStore
from coral.store.duckdb.tables import segmented_tables
from coral.store.guard.database import prepare
from coral.store.guard.pool import QueryPool
from coral.store.guard.protocol import Job
from tests.store.conftest import NOW
from tests.store.test_guard import answer

SECRET = "hunter2"
POLICY = Redaction()
# Columns of text that hold no value: ids, names of what is measured, words of OpenTelemetry.
NAMING = (
    "agent_id trace_id span_id parent_span_id service_name instance_id span_name kind status_code scope_name"
    " severity event_name caller callee metric_name metric_type temporality unit"
)


@pytest.fixture(params=["colony", "agent"])
def kind(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def full(kind: str, tmp_path: Path) -> Iterator[DuckDBStore]:
    """A store with the secret in every column that may hold one."""
    opened = DuckDBStore(
        tmp_path / "data", kind=kind, retention=timedelta(days=1), clock=FixedClock(NOW), seal_interval=0
    )
    tables = [table for table in segmented_tables(kind) if table.redacted]

    def insert(transaction: Any) -> None:
        for table in tables:
            values = []
            described = transaction.connection.execute(f"DESCRIBE {table.name}").fetchall()
            for name, type_, null, *_ in described:
                if name in table.redacted:
                    values.append(f'\'{{"db.password":"{SECRET}","n":1}}\'')
                elif name == table.time_column:
                    values.append(f"TIMESTAMP '{NOW}' - INTERVAL 1 MINUTE")
                elif name == "ingest_seq":
                    values.append(str(transaction.seq))
                elif null == "YES":
                    values.append("NULL")
                else:
                    values.append({"VARCHAR": "'x'", "TIMESTAMP": f"TIMESTAMP '{NOW}'"}.get(type_, "1"))
            transaction.connection.execute(f"INSERT INTO {table.name} SELECT {', '.join(values)}")

    opened.submit(insert).result()
    opened.seal()
    yield opened
    opened.close()


def job(store: DuckDBStore, sql: str, redaction: Redaction | None = POLICY) -> Job:
    segments: dict[str, list[str]] = {}
    for segment in store.segments():
        segments.setdefault(segment.table, []).append(str(segment.path))
    return Job(sql, [], {}, segments, 10_000, now=NOW, redaction=redaction)


def ask(kind: str, store: DuckDBStore, *questions: tuple[str, Redaction | None]) -> list[str]:
    """What one worker answers, one question after the other: its rows, or its error."""

    async def run() -> list[str]:
        found = []
        workers = QueryPool(kind)
        try:
            for sql, redaction in questions:
                try:
                    table, _ = await answer(workers, job(store, sql, redaction))
                    found.append(str(table.to_pylist()))
                except CoralError as error:
                    found.append(f"{type(error).__name__}: {error.message}")
        finally:
            await workers.close()
        return found

    return asyncio.run(run())


def tables_of(kind: str) -> dict[str, tuple[str, ...]]:
    """Every table and view that statements may read, with its columns."""
    return {name: table.columns for name, table in prepare(kind).tables.items()}


def test_no_table_and_no_view_shows_a_value(kind: str, full: DuckDBStore) -> None:
    names = sorted(tables_of(kind))
    shown = ask(kind, full, *[(f"SELECT * FROM {name}", None) for name in names])
    hidden = ask(kind, full, *[(f"SELECT * FROM {name}", POLICY) for name in names])
    with_values = {name for name, rows in zip(names, shown, strict=True) if SECRET in rows}
    assert with_values >= {"spans", "otel_spans_local", "resources", "resources_local"}
    assert [name for name, rows in zip(names, hidden, strict=True) if SECRET in rows] == []
    assert {name for name, rows in zip(names, hidden, strict=True) if REDACTED in rows} == with_values


def test_a_worker_that_served_one_who_may_see_all_hides_from_the_next(kind: str, full: DuckDBStore) -> None:
    sql = "SELECT attributes FROM spans"
    found = ask(kind, full, (sql, None), (sql, POLICY), (sql, None), (sql, Redaction(("n",))), (sql, POLICY))
    assert [SECRET in rows for rows in found] == [True, False, True, True, False]
    assert '"n":"[redacted]"' in found[3]


FILTERS = [
    "SELECT count(*) AS n FROM otel_spans_local WHERE attributes ->> '$.\"db.password\"' = 'hunter2'",
    "SELECT count(*) AS n FROM otel_spans_local WHERE attributes::VARCHAR LIKE '%hunter%'",
    "SELECT count(*) AS n FROM spans WHERE contains(attributes, 'hunter')",
    'SELECT count(*) AS n FROM spans WHERE attributes > \'{"db.password":"h\'',
    "SELECT count(*) AS n FROM main.spans WHERE regexp_matches(attributes, 'h.nter')",
    "SELECT count(*) AS n FROM spans a JOIN (SELECT 'hunter2' AS w) b ON contains(a.attributes, b.w)",
    "WITH spans AS (SELECT * FROM main.spans) SELECT count(*) AS n FROM spans WHERE contains(attributes, 'hun')",
    "SELECT count(*) AS n FROM resources_local WHERE attributes::VARCHAR LIKE '%hunter%'",
    "SELECT count(*) AS n FROM spans WHERE start_time > '2000-01-01' AND contains(events, 'hunter')",
    "SELECT count(*) AS n FROM spans TABLESAMPLE 100% WHERE contains(links, 'hunter')",
    "SELECT count(*) AS n FROM spans WHERE contains(status_message, 'hunter')",
    "SELECT count(*) AS n FROM spans WHERE length(attributes) = 32",
    'SELECT count(*) AS n FROM spans WHERE md5(attributes) = md5(\'{"db.password":"hunter2","n":1}\')',
]


def test_no_condition_tells_what_is_hidden(kind: str, full: DuckDBStore) -> None:
    if kind == "colony":
        assert ask(kind, full, (FILTERS[2], None)) == ["[{'n': 1}]"]
    found = ask(kind, full, *[(sql, POLICY) for sql in FILTERS])
    assert [rows for rows in found if rows != "[{'n': 0}]" and "Error" not in rows] == []
    assert sum("Error" in rows for rows in found) <= 1  # of the forms that the guard refuses


ROUNDABOUTS = [
    "SELECT * FROM coral_inner.spans",
    "SELECT * FROM memory.coral_inner.spans",
    "SELECT * FROM coral_windowed.spans",
    "SELECT sql FROM duckdb_views()",
    "SELECT view_definition FROM information_schema.views",
    "SELECT coral_redact(attributes) FROM spans",
    "SELECT * FROM query('FROM spans')",
    "SELECT * FROM query_table('spans')",
    "SELECT * FROM read_parquet('/*/*.parquet')",
    "SELECT * FROM parquet_scan('/*')",
    "CREATE OR REPLACE VIEW spans AS SELECT 1",
    "CREATE MACRO regexp_replace(a, b, c, d) AS a",
    "CREATE FUNCTION regexp_matches(a, b) AS false",
    "SET VARIABLE x = 1",
    "PREPARE p AS SELECT * FROM spans",
    "EXPLAIN SELECT attributes FROM spans WHERE attributes = 'x'",
    "SELECT getvariable('redaction')",
    "SELECT system.main.regexp_replace(attributes, 'x', 'y', 'g') FROM spans",
]


def test_no_way_around(kind: str, full: DuckDBStore) -> None:
    found = ask(kind, full, *[(sql, POLICY) for sql in ROUNDABOUTS])
    for sql, outcome in zip(ROUNDABOUTS, found, strict=True):
        assert outcome.startswith((DeniedError.__name__, QueryError.__name__)), (sql, outcome)
        assert SECRET not in outcome


def test_shadowing_names_changes_nothing(kind: str, full: DuckDBStore) -> None:
    """A name that a statement gives is its own; views are bound where they were made."""
    sql = [
        "WITH regexp_replace AS (SELECT 1) SELECT attributes FROM spans, regexp_replace",
        "WITH resources AS (SELECT 1 AS x) SELECT attributes FROM spans, resources",
        "SELECT attributes FROM (SELECT * FROM spans) AS otel_spans_local",
    ]
    for rows in ask(kind, full, *[(each, POLICY) for each in sql]):
        assert REDACTED in rows
        assert SECRET not in rows


def test_every_column_of_text_was_judged(kind: str) -> None:
    judged = set(NAMING.split())
    connection = prepare(kind).connection
    for table in segmented_tables(kind):
        if table.private or table.tier_of is not None:
            continue
        columns = connection.execute(f"DESCRIBE {table.name}").fetchall()
        texts = {str(name) for name, type_, *_ in columns if type_ == "VARCHAR"}
        assert texts - judged - set(table.redacted) == set(), table.name
        assert set(table.redacted) <= texts
