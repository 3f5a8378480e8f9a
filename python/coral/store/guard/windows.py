"""Which references to tables have a time that the statement leaves unconstrained (R82).

A reference is constrained when a condition that every row must meet compares its time column, or a value made
of it, with something else: a constant, a parameter, a subquery, or a column of another reference that is
constrained itself. Conditions on a CTE or a subquery reach the tables from which the column comes. A side of
OR counts only when every side does; `IS NOT NULL`, `<>`, and comparing the column with itself do not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from coral.store.guard.functions import aggregates
from coral.store.guard.tree import QUERY_NODES, Node

_ORDERED: Final = frozenset(
    {
        "COMPARE_EQUAL",
        "COMPARE_LESSTHAN",
        "COMPARE_GREATERTHAN",
        "COMPARE_LESSTHANOREQUALTO",
        "COMPARE_GREATERTHANOREQUALTO",
        "COMPARE_NOT_DISTINCT_FROM",
    }
)
_MATCHES: Final = frozenset(
    [
        "~~",
        "~~*",
        "~~~",
        "^@",
        "starts_with",
        "prefix",
        "contains",
        "regexp_matches",
        "regexp_full_match",
        "like_escape",
        "ilike_escape",
    ]
)
_OUTER_SIDES: Final = {
    "LEFT": (False, True),
    "RIGHT": (True, False),
    "OUTER": (False, False),
    "ANTI": (False, True),
}
"""Whether the condition of a join holds for all rows that come from its left and right side."""


@dataclass(frozen=True)
class Table:
    """A table as the analysis sees it: its columns in order, and its time column, if it has one."""

    columns: tuple[str, ...]
    time_column: str | None


@dataclass(eq=False)
class _Reference:
    node: Node
    constrained: bool = False


Refs = frozenset[_Reference]
_NONE: Final[Refs] = frozenset()
_Columns = list[tuple[str, Refs]]


@dataclass
class _Source:
    name: str
    columns: _Columns


@dataclass
class _Scope:
    sources: list[_Source]
    outer: _Scope | None
    aliases: dict[str, Node] = field(default_factory=dict)


@dataclass(frozen=True)
class _Fact:
    """`reference` is constrained if each of `needs` has a constrained reference."""

    reference: _Reference
    needs: tuple[Refs, ...] = ()


def unconstrained(query: Node, tables: Mapping[str, Table]) -> list[Node]:
    """Finds the references to tables whose time no condition constrains.

    Args:
        query: The query node of a statement that passed `tree.check`.
        tables: What can be read, by name in lower case.

    Returns:
        Their nodes.
    """
    analysis = _Analysis(tables)
    analysis.query(query, None, {})
    changed = True
    while changed:
        changed = False
        for fact in analysis.facts:
            if not fact.reference.constrained and all(
                any(other.constrained for other in need) for need in fact.needs
            ):
                fact.reference.constrained = changed = True
    return [reference.node for reference in analysis.references if not reference.constrained]


class _Analysis:
    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = tables
        self.references: list[_Reference] = []
        self.facts: list[_Fact] = []

    def query(self, node: Node, outer: _Scope | None, ctes: Mapping[str, _Columns]) -> _Columns:
        """Reads a query node; returns its columns with the references that their time comes from."""
        known = dict(ctes)
        for entry in node.get("cte_map", {}).get("map", []):
            name = entry["key"].lower()
            columns = self.query(entry["value"]["query_node"], outer, known)
            known[name] = _renamed(columns, entry["value"].get("aliases") or [])
        if node["type"] == "SET_OPERATION_NODE":
            sides = [self.query(child, outer, known) for child in node["children"]]
            return [
                (
                    sides[0][i][0],
                    frozenset[_Reference]().union(*(side[i][1] for side in sides if i < len(side))),
                )
                for i in range(len(sides[0]))
            ]
        if node["type"] == "RECURSIVE_CTE_NODE":
            columns = _renamed(self.query(node["left"], outer, known), node.get("aliases") or [])
            self.query(node["right"], outer, known | {str(node["cte_name"]).lower(): columns})
            return columns
        return self._select(node, outer, known)

    def _select(self, node: Node, outer: _Scope | None, ctes: Mapping[str, _Columns]) -> _Columns:
        scope = _Scope([], outer)
        if node.get("from_table"):
            self._table(node["from_table"], scope, ctes)
        for item in node["select_list"]:
            if item.get("alias"):
                scope.aliases.setdefault(item["alias"].lower(), item)
        for clause in ("where_clause", "having", "qualify"):
            if node.get(clause):
                self.facts += self._condition(node[clause], scope)
        rest = {key: value for key, value in node.items() if key not in ("from_table", "cte_map", "type")}
        self._subqueries(rest, scope, ctes)
        return self._outputs(node["select_list"], scope)

    def _outputs(self, items: Sequence[Node], scope: _Scope) -> _Columns:
        columns: _Columns = []
        for item in items:
            if item["class"] == "STAR":
                wanted = str(item.get("relation_name") or "").lower()
                left_out = {str(name).lower() for name in item.get("exclude_list") or []}
                for source in scope.sources:
                    if wanted in ("", source.name):
                        columns += [each for each in source.columns if each[0] not in left_out]
                continue
            name = item.get("alias") or (item["column_names"][-1] if item["class"] == "COLUMN_REF" else "")
            columns.append((name.lower(), self._refs(item, scope)))
        return columns

    def _table(self, node: Node, scope: _Scope, ctes: Mapping[str, _Columns]) -> None:
        """Adds what a table reference brings to a scope."""
        kind = node["type"]
        alias = str(node.get("alias") or "").lower()
        renamed = node.get("column_name_alias") or []
        if kind == "BASE_TABLE":
            name = str(node["table_name"]).lower()
            if len(node["qualified_name"]["path"]) == 1 and name in ctes:
                columns = ctes[name]
            else:
                columns = self._base(node, name)
            scope.sources.append(_Source(alias or name, _renamed(columns, renamed)))
        elif kind == "SUBQUERY":
            columns = self.query(node["subquery"]["node"], scope, ctes)
            scope.sources.append(_Source(alias, _renamed(columns, renamed)))
        elif kind == "JOIN":
            self._join(node, scope, ctes)
        elif kind == "PIVOT":
            inner = _Scope([], scope)
            self._table(node["source"], inner, ctes)
            self._subqueries({key: node[key] for key in ("aggregates", "pivots")}, inner, ctes)
            kept = [column for source in inner.sources for column in source.columns]
            scope.sources.append(_Source(alias, kept))
        elif kind == "SHOW_REF":
            before = len(self.references)
            self.query(node["query"], scope, ctes)
            if node["show_type"] == "DESCRIBE":  # reads no rows
                del self.references[before:]
        else:
            self._subqueries({k: v for k, v in node.items() if k != "type"}, scope, ctes)
            scope.sources.append(_Source(alias, [(str(name).lower(), _NONE) for name in renamed]))

    def _base(self, node: Node, name: str) -> _Columns:
        table = self._tables.get(name)
        if table is None:
            return []
        if table.time_column is None:
            return [(column, _NONE) for column in table.columns]
        reference = _Reference(node)
        self.references.append(reference)
        return [
            (column, frozenset({reference}) if column == table.time_column else _NONE)
            for column in table.columns
        ]

    def _join(self, node: Node, scope: _Scope, ctes: Mapping[str, _Columns]) -> None:
        start = len(scope.sources)
        self._table(node["left"], scope, ctes)
        middle = len(scope.sources)
        self._table(node["right"], scope, ctes)
        left, right = scope.sources[start:middle], scope.sources[middle:]
        holds = _OUTER_SIDES.get(node["join_type"], (True, True))
        facts: list[_Fact] = []
        if node.get("condition"):
            facts += self._condition(node["condition"], scope)
            self._subqueries(node["condition"], scope, ctes)
        shared = {str(name).lower() for name in node.get("using_columns") or []}
        if node.get("ref_type") == "NATURAL":
            shared = {column for source in left for column, _ in source.columns}
        for name in shared:
            ours, theirs = _named(left, name), _named(right, name)
            facts += [_Fact(each, (theirs,)) for each in ours if theirs]
            facts += [_Fact(each, (ours,)) for each in theirs if ours]
        for side, counts in zip((left, right), holds, strict=True):
            if counts:
                inside = {each for source in side for _, refs in source.columns for each in refs}
                self.facts += [fact for fact in facts if fact.reference in inside]

    def _subqueries(self, value: Any, scope: _Scope, ctes: Mapping[str, _Columns]) -> None:
        """Reads the queries inside expressions."""
        if isinstance(value, list):
            for item in value:
                self._subqueries(item, scope, ctes)
        elif isinstance(value, dict):
            kind = value.get("type")
            if isinstance(kind, str) and kind in QUERY_NODES:
                self.query(value, scope, ctes)
                return
            for item in value.values():
                self._subqueries(item, scope, ctes)

    def _condition(self, node: Node, scope: _Scope) -> list[_Fact]:
        """What holds for every row that meets a condition."""
        kind = node["type"]
        if kind == "CONJUNCTION_AND":
            return [fact for child in node["children"] for fact in self._condition(child, scope)]
        if kind == "CONJUNCTION_OR":
            return _either([self._condition(child, scope) for child in node["children"]])
        if kind == "OPERATOR_NOT":
            return self._negated(node["children"][0], scope)
        if node["class"] == "COMPARISON" and kind in _ORDERED:
            pairs = [(node["left"], [node["right"]]), (node["right"], [node["left"]])]
        elif node["class"] == "BETWEEN":
            pairs = [(node["input"], [node["lower"], node["upper"]])]
            pairs += [(bound, [node["input"]]) for bound in (node["lower"], node["upper"])]
        elif kind == "COMPARE_IN":
            pairs = [(node["children"][0], node["children"][1:])]
        elif node["class"] == "SUBQUERY" and node.get("subquery_type") == "ANY":
            pairs = [(child, []) for child in _list(node.get("child"))]
            pairs += [(child, []) for child in node.get("children") or []]
        elif node["class"] == "FUNCTION" and str(node["function_name"]).lower() in _MATCHES:
            arguments = [argument["expression"] for argument in node["arguments"]]
            pairs = [(arguments[0], arguments[1:])] if arguments else []
        else:
            return []
        return [fact for ours, others in pairs for fact in self._compared(ours, others, scope)]

    def _compared(self, ours: Node, others: Sequence[Node], scope: _Scope) -> list[_Fact]:
        refs = self._refs(ours, scope)
        needs = []
        for other in others:
            theirs = self._refs(other, scope)
            if refs & theirs:
                return []
            if theirs:
                needs.append(theirs)
            elif refs and self._same_rows(ours, other, scope):
                return []
        return [_Fact(reference, tuple(needs)) for reference in refs]

    def _same_rows(self, ours: Node, other: Node, scope: _Scope) -> bool:
        """Whether the other side is a plain column of the same reference, which constrains nothing."""
        mine, theirs = self._sources(ours, scope), self._sources(other, scope)
        return bool(theirs) and theirs <= mine

    def _negated(self, node: Node, scope: _Scope) -> list[_Fact]:
        if node["type"] == "CONJUNCTION_OR":
            return [fact for child in node["children"] for fact in self._negated(child, scope)]
        if node["type"] == "OPERATOR_NOT":
            return self._condition(node["children"][0], scope)
        ordered = "LESSTHAN" in node["type"] or "GREATERTHAN" in node["type"]
        return self._condition(node, scope) if ordered or node["class"] == "BETWEEN" else []

    def _refs(self, node: Any, scope: _Scope, depth: int = 0) -> Refs:
        """References whose time a value is made of; none through aggregates, windows and subqueries."""
        if isinstance(node, list):
            return frozenset[_Reference]().union(*(self._refs(item, scope, depth) for item in node))
        if not isinstance(node, dict) or node.get("class") in ("WINDOW", "SUBQUERY"):
            return _NONE
        if node.get("class") == "COLUMN_REF":
            return self._column(node, scope, depth)
        if node.get("class") == "FUNCTION" and str(node["function_name"]).lower() in aggregates():
            return _NONE
        return frozenset[_Reference]().union(
            *(self._refs(item, scope, depth) for item in node.values() if isinstance(item, (dict, list)))
        )

    def _column(self, node: Node, scope: _Scope, depth: int) -> Refs:
        path = [str(part).lower() for part in node["column_names"]]
        current: _Scope | None = scope
        while current is not None:
            sources = (
                [source for source in current.sources if source.name in path[:-1]] if len(path) > 1 else []
            )
            name = path[path.index(sources[0].name) + 1] if sources else path[0]
            searched = sources or current.sources
            if any(column == name for source in searched for column, _ in source.columns):
                return _named(searched, name)
            if len(path) == 1 and name in current.aliases and depth < 5:
                return self._refs(current.aliases[name], current, depth + 1)
            current = current.outer
        return _NONE

    def _sources(self, node: Any, scope: _Scope) -> set[int]:
        """Which sources of this scope a value's columns come from."""
        if isinstance(node, list):
            return set().union(*(self._sources(item, scope) for item in node))
        if not isinstance(node, dict):
            return set()
        if node.get("class") == "COLUMN_REF":
            path = [str(part).lower() for part in node["column_names"]]
            return {
                id(source)
                for source in scope.sources
                if (source.name == path[0] if len(path) > 1 else any(c == path[0] for c, _ in source.columns))
            }
        return set().union(
            *(self._sources(item, scope) for item in node.values() if isinstance(item, (dict, list)))
        )


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _named(sources: Sequence[_Source], name: str) -> Refs:
    found = [refs for source in sources for column, refs in source.columns if column == name]
    return frozenset[_Reference]().union(*found)


def _renamed(columns: _Columns, names: Sequence[str]) -> _Columns:
    new = [str(name).lower() for name in names]
    return [(new[i] if i < len(new) else name, refs) for i, (name, refs) in enumerate(columns)]


def _either(sides: list[list[_Fact]]) -> list[_Fact]:
    """What holds when one of several conditions does: constrained in each of them."""
    common = set.intersection(*({fact.reference for fact in side} for side in sides)) if sides else set()
    found = []
    for reference in common:
        needs: list[Refs] = []
        for side in sides:
            options = [fact for fact in side if fact.reference is reference]
            if all(option.needs for option in options):
                needs += options[0].needs
        found.append(_Fact(reference, tuple(needs)))
    return found
