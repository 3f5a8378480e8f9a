"""Puts windows into a statement: chosen references to a table read a view of its last hour instead.

The text is edited at the places that the parser named, so that everything else stays as it was written, down
to the names of columns. Then it is parsed again, and must be the same tree but for those references. Where
the parser names no place, or the check fails, the tree itself is changed and written out by DuckDB.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from coral.errors import CoralError, QueryError
from coral.store.guard.tree import Node, iterate, parse, without_locations

WINDOWED: Final = "coral_window"
"""The schema of the views of the last hour; each has the name of its table."""

_NAME: Final = re.compile(
    rb'(?s)(?:"(?:[^"]|"")*"|\w+)(?:\s*\.\s*(?:"(?:[^"]|"")*"|\w+))*|\'(?:[^\']|\'\')*\''
)


def with_windows(
    sql: str,
    tree: Node,
    references: Sequence[Node],
    serialise: Callable[[str], str],
    write: Callable[[str], str],
) -> str:
    """Returns the statement with windows.

    Args:
        sql: The statement.
        tree: Its tree, unchanged.
        references: Those of its BASE_TABLE nodes that get a window.
        serialise: DuckDB's `json_serialize_sql`.
        write: DuckDB's `json_deserialize_sql`.

    Raises:
        QueryError: The statement cannot be written with windows.
    """
    if not references:
        return sql
    wanted = _changed(tree, references)
    expected = without_locations(wanted)
    edited = _edited(sql, references)
    if edited is not None and _same(edited, expected, serialise):
        return edited
    written = write(msgspec.json.encode(wanted).decode())
    if _same(written, expected, serialise):
        return written
    raise QueryError(
        "the default window cannot be added to this statement",
        hint="constrain the time column of each table, as in WHERE start_time > now() - INTERVAL 1 HOUR",
    )


def _changed(tree: Node, references: Sequence[Node]) -> Node:
    places = {id(reference) for reference in references}
    marked = [index for index, node in enumerate(iterate(tree)) if id(node) in places]
    changed = copy.deepcopy(tree)
    nodes = list(iterate(changed))
    for index in marked:
        node = nodes[index]
        node["schema_name"], node["catalog_name"] = WINDOWED, ""
        node["qualified_name"] = {"path": [WINDOWED, node["table_name"]]}
    return changed


def _edited(sql: str, references: Sequence[Node]) -> str | None:
    text = sql.encode()
    for node in sorted(references, key=lambda node: -int(node["query_location"])):
        start = int(node["query_location"])
        found = _NAME.match(text, start) if start < len(text) else None
        if found is None:
            return None
        name = str(node["table_name"]).replace('"', '""')
        text = text[:start] + f'{WINDOWED}."{name}"'.encode() + text[found.end() :]
    return text.decode()


def _same(sql: str, expected: Node, serialise: Callable[[str], str]) -> bool:
    try:
        return bool(without_locations(parse(sql, serialise)) == expected)
    except CoralError:
        return False
