"""Arrow tables that a connection sees by name for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import duckdb
import pyarrow as pa


@contextlib.contextmanager
def relations(connection: duckdb.DuckDBPyConnection, **tables: pa.Table) -> Iterator[None]:
    """Registers tables by their argument names until the block ends."""
    for name, table in tables.items():
        connection.register(name, table)
    try:
        yield
    finally:
        for name in tables:
            # After an error in the block the transaction is aborted and took the name with it; the error
            # that the block raised must not be hidden by another one.
            with contextlib.suppress(duckdb.Error):
                connection.unregister(name)
