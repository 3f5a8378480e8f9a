"""Tables as Arrow IPC streams."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from coral.errors import UsageError

_OPTIONS: Final = pa.ipc.IpcWriteOptions(compression="zstd")


def to_ipc(table: pa.Table) -> bytes:
    """One Arrow IPC stream (zstd) of a table."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=_OPTIONS) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def from_ipc(data: bytes, *, expected: pa.Schema, what: str) -> pa.Table:
    """Reads a table that someone else wrote and gives it the expected columns.

    Args:
        data: One Arrow IPC stream.
        expected: The columns wanted, by name; more columns are ignored.
        what: What the table is, for errors.

    Raises:
        UsageError: The bytes are no Arrow stream, a column is missing or cannot be cast.
    """
    try:
        with pa.ipc.open_stream(data) as reader:
            table = reader.read_all()
        table.validate(full=True)
        return table.select(expected.names).cast(expected)
    except (pa.ArrowException, KeyError, OSError) as error:
        raise UsageError(f"the {what} are not readable: {error}") from error
