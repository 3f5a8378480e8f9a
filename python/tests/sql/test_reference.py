"""docs/reference/sql.md names every public table, column, function and type, and is what the code says.

With CORAL_UPDATE_DOCS=1 its generated part is rewritten.
"""

from __future__ import annotations

import os
import textwrap

import duckdb
import pytest

from coral.store.duckdb.catalogue import catalogue
from coral.store.guard.check import TYPES
from coral.store.guard.database import prepare
from coral.store.guard.functions import TABLE_FUNCTIONS, aggregates, allowed_functions, refused_functions

MARK = "<!-- generated: CORAL_UPDATE_DOCS=1 pytest python/tests/sql/test_reference.py -->\n"
PARSED_ONLY = {"grouping", "grouping_id", "row", "if", "ifnull", "unnest"}
"""Names that the parser turns into something else, or that are in no catalogue."""


def listed(names: list[str]) -> str:
    return "\n".join(textwrap.wrap(", ".join(f"`{name}`" for name in names), 118, break_long_words=False))


def generated() -> str:
    parts = ["## Tables\n"]
    agent, colony = ({entry.name: entry for entry in catalogue(kind)} for kind in ("agent", "colony"))
    databases = {kind: prepare(kind) for kind in ("agent", "colony")}
    for name, entry in sorted(
        {**agent, **colony}.items(), key=lambda each: (each[1].kind != "view", each[0])
    ):
        where = "agents and colonies" if name in agent and name in colony else "agents"
        rows = (
            databases["colony" if name in colony else "agent"]
            .connection.execute(f"DESCRIBE {name}")
            .fetchall()
        )
        note = "" if entry.kind == "view" else " Not the public interface: it may change between versions."
        parts.append(
            f"### {name}\n{entry.description} On {where}; the time column is `{entry.time_column}`.{note}\n\n"
            "| column | type |\n| --- | --- |\n"
            + "\n".join(f"| `{row[0]}` | {row[1]} |" for row in rows)
            + "\n"
        )
    words = {name for name in allowed_functions() if name[0].isalpha()}
    parts += [
        f"## Functions\n{listed(sorted(words - aggregates()))}\n",
        f"### Aggregates\n{listed(sorted(aggregates()))}\n",
        f"### In FROM\n{listed(sorted(TABLE_FUNCTIONS))}\n",
        f"## Types\n{listed(sorted(TYPES))}\n",
    ]
    return "\n".join(parts)


def test_the_page_is_what_the_code_says(pytestconfig: pytest.Config) -> None:
    page = pytestconfig.rootpath / "docs" / "reference" / "sql.md"
    if not page.exists():
        pytest.skip("the documents are not here: this tree has the package only")
    text = page.read_text(encoding="utf-8")
    head, mark, found = text.partition(MARK)
    assert mark
    if os.environ.get("CORAL_UPDATE_DOCS"):
        page.write_text(head + mark + generated(), encoding="utf-8")
        return
    assert found == generated()


def test_every_function_of_duckdb_was_judged_once() -> None:
    with duckdb.connect(":memory:") as connection:
        rows = connection.execute("SELECT DISTINCT function_name FROM duckdb_functions()").fetchall()
    # IS DISTINCT FROM is a comparison of the parser, not a function that a statement names.
    names = {str(name).lower() for (name,) in rows if " " not in name}
    allowed = allowed_functions() | TABLE_FUNCTIONS
    assert names - allowed - refused_functions().keys() == set(), "new functions: allow or refuse them"
    assert allowed_functions() & refused_functions().keys() == set()
    assert aggregates() <= allowed_functions()
    assert allowed - names - PARSED_ONLY == set(), "functions that DuckDB has no longer"
