"""Statements parsed by DuckDB itself (`json_serialize_sql`), so that what is checked is what would run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from coral.errors import CoralError, DeniedError, QueryError
from coral.limits import MAX_SQL_BYTES
from coral.query_limits import MAX_SQL_NESTING

Node = dict[str, Any]

QUERY_NODES: Final = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE"})
_STATEMENTS: Final = re.compile(
    r"(?is)^(?:\s|--[^\n]*\n|/\*.*?\*/)*(EXPLAIN|PIVOT|CALL|PRAGMA|SET|RESET|ATTACH|DETACH|COPY|INSTALL|LOAD"
    r"|INSERT|UPDATE|DELETE|MERGE|CREATE|DROP|ALTER|TRUNCATE|EXPORT|IMPORT|CHECKPOINT|FORCE|USE|PREPARE|EXECUTE"
    r"|DEALLOCATE|BEGIN|START|COMMIT|ROLLBACK|ABORT|VACUUM|ANALYZE|COMMENT|GRANT|REVOKE)\b"
)
READS: Final = "SQL here only reads: SELECT, WITH, FROM, VALUES, TABLE, DESCRIBE, SUMMARIZE, SHOW TABLES"
_FIELDS_OF_LOCATION: Final = frozenset({"query_location", "query_location_length"})


Serialise = Callable[[str], str]


def check_text(sql: str) -> None:
    """Refuses what the parser must not see: too long, too deep, or with NUL characters.

    Raises:
        DeniedError: One of these.
    """
    size = len(sql.encode())
    if size > MAX_SQL_BYTES:
        raise DeniedError(
            f"the statement has {size} bytes, the limit MAX_SQL_BYTES is {MAX_SQL_BYTES}",
            hint="hand long lists over as parameters, or join with VALUES in several queries",
        )
    if "\0" in sql:
        raise DeniedError("the statement holds a NUL character", hint="remove it")
    depth = deepest = 0
    for character in sql:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    if deepest > MAX_SQL_NESTING:
        raise DeniedError(
            f"brackets are nested {deepest} deep, the limit MAX_SQL_NESTING is {MAX_SQL_NESTING}",
            hint="split the statement with WITH",
        )


def parse(sql: str, serialise: Serialise) -> Node:
    """Parses one statement.

    Args:
        sql: The text, which passed `check_text`.
        serialise: DuckDB's `json_serialize_sql`.

    Raises:
        DeniedError: It is no query, or more than one statement.
        QueryError: It is no SQL.
    """
    try:
        tree: Node = msgspec.json.decode(serialise(sql))
    except RecursionError:
        raise DeniedError(
            "the statement is nested too deeply", hint="split it, or hand long lists over as parameters"
        ) from None
    if tree.get("error"):
        raise _parse_error(sql, tree)
    statements = tree["statements"]
    if len(statements) != 1:
        raise DeniedError(
            f"the text holds {len(statements)} statements, expected exactly one",
            hint="run them one after the other",
        )
    if set(statements[0]) - {"node", "named_param_map"}:
        raise DeniedError("the statement holds more than a query", hint=READS)
    return tree


def _parse_error(sql: str, tree: Node) -> CoralError:
    message = str(tree.get("error_message", ""))
    if tree.get("error_type") != "not implemented" and "Only SELECT" not in message:
        position = tree.get("position")
        where = f", at character {position}" if position is not None else ""
        return QueryError(f"the SQL cannot be parsed: {message}{where}", hint="check the statement")
    found = _STATEMENTS.match(sql)
    word = found[1].upper() if found else ""
    if "Only SELECT" not in message:
        return QueryError(f"the SQL cannot be used: {message}")
    if word == "EXPLAIN":
        return DeniedError(
            "EXPLAIN is not allowed here", hint="run the query itself; .timer on shows its time"
        )
    if word in ("", "PIVOT") and re.search(r"(?i)\bpivot(_wider)?\b", sql):
        return DeniedError(
            "PIVOT without its values is not allowed: it would run two statements",
            hint="list the values, as in PIVOT t ON kind IN ('SERVER', 'CLIENT') USING count(*)",
        )
    return DeniedError(f"{word or 'this'} statement is not allowed".strip(), hint=READS)


def without_locations(value: Any) -> Any:
    """The tree without what depends on how the text was written."""
    if isinstance(value, dict):
        return {key: without_locations(item) for key, item in value.items() if key not in _FIELDS_OF_LOCATION}
    if isinstance(value, list):
        return [without_locations(item) for item in value]
    return value


def show_tables(query: Node) -> str | None:
    """The table of `SHOW table`, "" of `SHOW TABLES`; None where the statement is neither."""
    source = query.get("from_table") or {}
    if query.get("type") != "SELECT_NODE" or source.get("type") != "SHOW_REF" or source.get("query"):
        return None
    name = str(source.get("table_name", ""))
    if source.get("show_type") == "SHOW_SPECIAL" and name in ('"tables"', "__show_tables_expanded"):
        return ""
    if source.get("show_type") == "SHOW" and re.fullmatch(r"\w+", name) and not source.get("schema_name"):
        return name
    return None


def iterate(value: Any) -> Iterator[Node]:
    """All dictionaries of a tree, outer ones first."""
    if isinstance(value, list):
        for item in value:
            yield from iterate(item)
    elif isinstance(value, dict):
        yield value
        for item in value.values():
            yield from iterate(item)
