"""Reading a single row without leaving the connection busy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb


def one_row(connection: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
    """The only row of a SELECT that always has exactly one.

    `fetchone` would leave the result unfinished, and DuckDB refuses other work on the connection then.
    """
    (row,) = connection.execute(sql, values).fetchall()
    return tuple(row)
