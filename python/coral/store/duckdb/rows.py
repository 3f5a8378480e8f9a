"""Rows in and out of a connection: one small one, or an Arrow table of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from coral.store.api import Transaction


def one_row(connection: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
    """The only row of a SELECT that always has exactly one.

    `fetchone` would leave the result unfinished, and DuckDB refuses other work on the connection then.
    """
    (row,) = connection.execute(sql, values).fetchall()
    return tuple(row)


def insert_rows(
    transaction: Transaction, table: str, rows: pa.Table, constants: Mapping[str, str | float] | None = None
) -> None:
    """Inserts an Arrow table by column names.

    Args:
        transaction: The open transaction; its `seq` becomes every row's `ingest_seq`.
        table: Name of a segmented table.
        rows: Its columns, but for `ingest_seq` and those in `constants`.
        constants: Columns that have one value in all rows.
    """
    constants = constants or {}
    connection = transaction.connection
    connection.register("incoming_rows", rows)
    try:
        more = "".join(f", ? AS {name}" for name in constants)
        connection.execute(
            f"INSERT INTO {table} BY NAME SELECT ?::BIGINT AS ingest_seq{more}, * FROM incoming_rows",
            [transaction.seq, *constants.values()],
        )
    finally:
        connection.unregister("incoming_rows")
