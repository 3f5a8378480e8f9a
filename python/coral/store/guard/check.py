"""What callers' SQL may hold: allow-lists of the parts of a parsed statement.

Everything that is not known here is refused.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final

from coral.errors import DeniedError, QueryError
from coral.query_limits import MAX_SQL_NODES
from coral.store.guard.functions import TABLE_FUNCTIONS, allowed_functions, refused_functions
from coral.store.guard.tree import QUERY_NODES, READS, Node

TABLE_NODES: Final = frozenset(
    {
        "BASE_TABLE",
        "SUBQUERY",
        "JOIN",
        "EMPTY",
        "EXPRESSION_LIST",
        "TABLE_FUNCTION",
        "PIVOT",
        "SHOW_REF",
    }
)
_MODIFIERS: Final = frozenset(
    {"ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER"}
)
_ORDERS: Final = frozenset({"ORDER_DEFAULT", "ASCENDING", "DESCENDING"})
_EXPRESSIONS: Final = frozenset(
    {
        "BETWEEN",
        "CASE",
        "CAST",
        "COLLATE",
        "COLUMN_REF",
        "COMPARISON",
        "CONJUNCTION",
        "CONSTANT",
        "FUNCTION",
        "LAMBDA",
        "OPERATOR",
        "PARAMETER",
        "POSITIONAL_REFERENCE",
        "STAR",
        "SUBQUERY",
        "TYPE",
        "WINDOW",
    }
)
TYPES: Final = frozenset(
    [
        "json",
        "array",
        "bigint",
        "bignum",
        "binary",
        "bit",
        "bitstring",
        "blob",
        "bool",
        "boolean",
        "bpchar",
        "bytea",
        "char",
        "character",
        "date",
        "datetime",
        "dec",
        "decimal",
        "double",
        "enum",
        "float",
        "float4",
        "float8",
        "guid",
        "hugeint",
        "int",
        "int1",
        "int128",
        "int16",
        "int2",
        "int32",
        "int4",
        "int64",
        "int8",
        "integer",
        "integral",
        "interval",
        "list",
        "logical",
        "long",
        "map",
        "null",
        "numeric",
        "nvarchar",
        "real",
        "row",
        "short",
        "signed",
        "smallint",
        "string",
        "struct",
        "text",
        "time",
        "time_ns",
        "timestamp",
        "timestamp_ms",
        "timestamp_ns",
        "timestamp_s",
        "timestamp_us",
        "timestamptz",
        "timestamptz_ns",
        "timetz",
        "tinyint",
        "tuple",
        "ubigint",
        "uhugeint",
        "uint128",
        "uint16",
        "uint32",
        "uint64",
        "uint8",
        "uinteger",
        "union",
        "usmallint",
        "utinyint",
        "uuid",
        "varbinary",
        "varchar",
        "variant",
        "varint",
    ]
) | {
    "time with time zone",
    "timestamp with time zone",
    "timestamp without time zone",
    "double precision",
}
"""Names of types that may be cast to."""
_CATALOGUES: Final = ("pg_", "duckdb_", "sqlite_", "pragma_", "information_schema")


@dataclass
class Parsed:
    """A statement that passed `check`.

    Attributes:
        tree: What `json_serialize_sql` answered.
        tables: Its references to tables that can be read, as nodes of the tree.
        names: Their names.
    """

    tree: Node
    tables: list[Node] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    @property
    def query(self) -> Node:
        """The node of the query."""
        node: Node = self.tree["statements"][0]["node"]
        return node


def check(tree: Node, readable: Collection[str], *, exists: Callable[[str], bool]) -> Parsed:
    """Checks every part of a parsed statement.

    Args:
        tree: From `parse`.
        readable: Tables that may be read, in lower case.
        exists: Whether there is another table of that name, which may not be read.

    Raises:
        DeniedError: A part that is not allowed, named.
        QueryError: A table that does not exist.
    """
    parsed = Parsed(tree)
    _Checker(parsed, frozenset(readable), exists).query(parsed.query, frozenset())
    return parsed


class _Checker:
    def __init__(self, parsed: Parsed, readable: frozenset[str], exists: Callable[[str], bool]) -> None:
        self._parsed = parsed
        self._readable = readable
        self._exists = exists
        self._nodes = 0

    def query(self, node: Node, ctes: frozenset[str]) -> None:
        """A query node; its CTEs see those before them, and itself when it is recursive."""
        kind = node["type"]
        if kind not in QUERY_NODES:
            word = kind.replace("_QUERY_NODE", "").replace("_", " ")
            raise DeniedError(f"{word} inside WITH is not allowed", hint=READS)
        for entry in node.get("cte_map", {}).get("map", []):
            name, body = entry["key"].lower(), entry["value"]["query_node"]
            inner = ctes | {name} if body["type"] == "RECURSIVE_CTE_NODE" else ctes
            self.any({k: v for k, v in entry["value"].items() if k != "query_node"}, ctes)
            self.query(body, inner)
            ctes |= {name}
        if kind == "RECURSIVE_CTE_NODE":
            ctes |= {str(node["cte_name"]).lower()}
        for key, value in node.items():
            if key not in ("type", "cte_map"):
                self.any(value, ctes)

    def any(self, value: Any, ctes: frozenset[str]) -> None:
        """Any part of the tree."""
        if isinstance(value, list):
            for item in value:
                self.any(item, ctes)
            return
        if not isinstance(value, dict):
            return
        self._nodes += 1
        if self._nodes > MAX_SQL_NODES:
            raise DeniedError(
                f"the statement has more than {MAX_SQL_NODES} parts, the limit MAX_SQL_NODES",
                hint="hand long lists over as parameters",
            )
        if "class" in value:
            self._expression(value)
        elif "type" in value and isinstance(value["type"], str):
            kind = value["type"]
            if kind in QUERY_NODES or kind.endswith("QUERY_NODE"):
                self.query(value, ctes)
                return
            if kind in TABLE_NODES:
                self._table(value, ctes)
                if kind == "TABLE_FUNCTION":  # judged as such, and not as a scalar function
                    value = {key: item for key, item in value.items() if key != "function"} | {
                        "arguments": value["function"]["arguments"]
                    }
            elif kind not in _MODIFIERS and kind not in _ORDERS:
                raise DeniedError(f"{kind} is not allowed", hint=READS)
        for item in value.values():
            if isinstance(item, (dict, list)):
                self.any(item, ctes)

    def _expression(self, node: Node) -> None:
        kind = node["class"]
        if kind not in _EXPRESSIONS:
            raise DeniedError(f"an expression of the kind {kind} is not allowed", hint="write it differently")
        if kind in ("FUNCTION", "WINDOW"):
            self._function(node)
        elif kind == "TYPE":
            self._type(node)

    def _function(self, node: Node) -> None:
        name = str(node["function_name"]).lower()
        path = [str(part).lower() for part in node.get("qualified_name", {}).get("path", [name])]
        if path not in ([name], ["main", name]) or node.get("catalog"):
            raise DeniedError(f"the function {'.'.join(path)} is not allowed", hint="leave its schema out")
        if name in allowed_functions():
            return
        reason = refused_functions().get(name)
        if reason is None and name not in TABLE_FUNCTIONS:
            raise DeniedError(
                f"the function {name} is not one of those that SQL here may call",
                hint="docs/reference/sql.md lists them",
            )
        because = f": it {reason}" if reason else ""
        raise DeniedError(f"the function {name} is not allowed{because}", hint=_instead(name))

    def _type(self, node: Node) -> None:
        name = str(node["type_name"]).lower()
        path = [str(part).lower() for part in node.get("qualified_name", {}).get("path", [name])]
        if path != [name] or name not in TYPES:
            raise DeniedError(
                f"the type {'.'.join(path)} is not one of SQL's own", hint="docs/reference/sql.md lists them"
            )

    def _table(self, node: Node, ctes: frozenset[str]) -> None:
        kind = node["type"]
        if kind == "BASE_TABLE":
            self._base_table(node, ctes)
        elif kind == "TABLE_FUNCTION":
            self._table_function(node["function"])
        elif kind == "SHOW_REF" and (
            node.get("show_type") not in ("DESCRIBE", "SUMMARY") or node.get("query") is None
        ):
            raise DeniedError(
                "this form of SHOW is not allowed",
                hint="SHOW TABLES, DESCRIBE table, or SELECT from coral_tables and coral_columns",
            )

    def _table_function(self, function: Node) -> None:
        name = str(function.get("function_name", "")).lower()
        if name not in TABLE_FUNCTIONS or function.get("class") != "FUNCTION":
            reason = refused_functions().get(name)
            because = f": it {reason}" if reason else ""
            raise DeniedError(f"the table function {name} is not allowed{because}", hint=_instead(name))

    def _base_table(self, node: Node, ctes: frozenset[str]) -> None:
        path = [str(part) for part in node["qualified_name"]["path"]]
        name = str(node["table_name"]).lower()
        if node.get("at_clause") is not None:
            raise DeniedError("AT (VERSION | TIMESTAMP) is not allowed", hint="filter by the time column")
        if len(path) == 1 and path[0].lower() == name and name in ctes:
            return
        if path[-1].lower() == name and [part.lower() for part in path[:-1]] in ([], ["main"]):
            if name in self._readable:
                self._parsed.tables.append(node)
                self._parsed.names.add(name)
                return
            plain = re.fullmatch(r"\w+", name) and not name.startswith(_CATALOGUES)
            if len(path) == 1 and plain and not self._exists(name):
                raise QueryError(f"there is no table {path[0]}", hint=_tables_hint(name, self._readable))
        shown = ".".join(path)
        if re.search(r"[./\\:*]", path[-1]):
            raise DeniedError(
                f"reading the file {shown} is not allowed", hint=_tables_hint("", self._readable)
            )
        raise DeniedError(
            f"the table {shown} cannot be read", hint=_tables_hint(path[-1].lower(), self._readable)
        )


def _tables_hint(name: str, readable: Collection[str]) -> str:
    close = difflib.get_close_matches(name, readable, 1)
    if close:
        return f"did you mean {close[0]}? SELECT * FROM coral_tables lists all"
    return "SELECT table_name FROM coral_tables lists what can be read"


def _instead(name: str) -> str:
    if name.startswith(("duckdb_", "pragma_", "pg_", "sqlite_")) or name in ("show", "table_info", "summary"):
        return "SELECT from coral_tables and coral_columns"
    if name.startswith(("read_", "parquet_", "glob", "sniff")):
        return "only the public tables can be read; SELECT * FROM coral_tables lists them"
    if name.startswith(("collate_", "icu_collate_")):
        return "write x COLLATE de"
    if name in ("sleep_ms", "pg_sleep"):
        return "leave it out"
    return "docs/reference/sql.md lists what may be called"
