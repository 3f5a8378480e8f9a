"""The shell of `coral query`, by what it is fed; the terminal itself is Python's readline."""

from __future__ import annotations

import pyarrow as pa
import pytest

from coral.cli.sql_shell import SqlShell
from coral.client.colony import QueryResult
from coral.errors import DeniedError


class Asked:
    """Notes what is asked, and answers names of columns."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.shown: list[str] = []
        self.shell = SqlShell(self.ask, lambda _, mode: self.shown.append(mode), mode="table")

    def ask(self, sql: str) -> QueryResult:
        self.statements.append(sql)
        if "secrets" in sql:
            raise DeniedError("the table secrets cannot be read", hint="leave it")
        rows = pa.table(
            {"table_name": ["service_summary", "s\x1b]0;owned\x07"], "column_name": ["p99_ms", "s\n.quit\n"]}
        )
        return QueryResult([("table_name", "VARCHAR"), ("column_name", "VARCHAR")], rows)


def test_a_statement_goes_on_until_its_semicolon() -> None:
    asked = Asked()
    for line in ("", "SELECT 1,", "  2", ";", "SELECT 3;"):
        assert asked.shell.feed(line)
    assert asked.statements == ["SELECT 1,\n  2\n;", "SELECT 3;"]


def test_commands(capsys: pytest.CaptureFixture[str]) -> None:
    asked = Asked()
    for line in (".mode csv", ".timer on", "SELECT 1;", ".tables", ".schema Service_Summary", ".help"):
        assert asked.shell.feed(line)
    assert asked.shown == ["csv", "csv", "csv"]
    assert "FROM coral_tables" in asked.statements[1]
    assert "table_name = 'service_summary'" in asked.statements[2]
    out, err = capsys.readouterr()
    assert ".schema [TABLE]" in out
    assert " s\n" in err
    assert not asked.shell.feed(".quit")


def test_an_error_does_not_end_it(capsys: pytest.CaptureFixture[str]) -> None:
    asked = Asked()
    assert asked.shell.feed("FROM secrets;")
    assert asked.shell.feed(".nope")
    assert asked.shell.feed(".mode tree")
    err = capsys.readouterr().err
    assert "the table secrets cannot be read" in err
    assert "no command .nope" in err
    assert "no mode tree" in err


def test_names_are_completed() -> None:
    asked = Asked()
    assert asked.shell.complete("serv") == ["service_summary"]
    assert asked.shell.complete("P99") == ["p99_ms"]
    assert asked.shell.complete("sel") == ["SELECT"]
    assert [word for word in asked.shell.complete("s") if word.islower()] == ["service_summary"]
    assert asked.shell.complete(".t") == [".tables", ".timer"]
    assert len(asked.statements) == 1  # asked once
