"""Which functions of DuckDB callers' SQL may call. Each function of DuckDB is in exactly one of the lists.

The lists are files of names. What is not in `allowed` is refused, so a new version of DuckDB brings nothing
new by itself; a test says which names it has that nobody has judged.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Final

TABLE_FUNCTIONS: Final = frozenset(
    {
        "generate_series",
        "histogram_values",
        "json_each",
        "json_tree",
        "pg_timezone_names",
        "icu_calendar_names",
        "range",
        "repeat",
        "repeat_row",
        "unnest",
    }
)
"""Functions that may stand in FROM: they make rows of their arguments alone."""


@cache
def allowed_functions() -> frozenset[str]:
    """Scalar functions, aggregates, window functions, macros and operators that may be called."""
    return _names("allowed")


@cache
def aggregates() -> frozenset[str]:
    """Those of them that answer one value for many rows."""
    return _names("aggregates")


@cache
def refused_functions() -> dict[str, str]:
    """Functions that were judged and may not be called, with the reason, for tests and messages."""
    found: dict[str, str] = {}
    reason = ""
    for line in _lines("refused"):
        if line.startswith("# "):
            reason = line[2:]
        else:
            found.update(dict.fromkeys(line.split(), reason))
    return found


def _names(name: str) -> frozenset[str]:
    return frozenset(
        word.lower() for line in _lines(name) if not line.startswith("# ") for word in line.split()
    )


def _lines(name: str) -> list[str]:
    path = resources.files("coral.store.guard") / "lists" / f"{name}.txt"
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
