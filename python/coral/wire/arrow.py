"""Tables as Arrow IPC streams, compressed by zstd.

The stream is compressed as a whole. Arrow can compress each of its buffers instead, but a batch has some
hundred small ones: that takes eight times the CPU and half as many bytes again.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import zstandard

from coral.errors import UsageError
from coral.limits import MAX_CHUNK_BYTES

_WRITE: Final = pa.ipc.IpcWriteOptions(use_threads=False)
_READ: Final = pa.ipc.IpcReadOptions(use_threads=False)
_LEVEL: Final = 1  # the fastest; higher ones gain a few percent


def to_ipc(table: pa.Table) -> bytes:
    """One Arrow IPC stream of a table, as a zstd frame."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=_WRITE) as writer:
        writer.write_table(table)
    return zstandard.ZstdCompressor(level=_LEVEL).compress(sink.getvalue())


def from_ipc(data: bytes, *, what: str) -> pa.Table:
    """Reads a table that someone else wrote, and checks that it is sound.

    Args:
        data: One Arrow IPC stream, as a zstd frame or as it is.
        what: What the table is, for errors.

    Raises:
        UsageError: The bytes are no Arrow stream, or it is longer than `MAX_CHUNK_BYTES`.
    """
    try:
        if data.startswith(zstandard.FRAME_HEADER):
            size = zstandard.frame_content_size(data)
            if not 0 <= size <= MAX_CHUNK_BYTES:
                raise UsageError(
                    f"the {what} take {size} bytes uncompressed,"
                    f" the limit MAX_CHUNK_BYTES is {MAX_CHUNK_BYTES}"
                )
            data = zstandard.ZstdDecompressor().decompress(data)
        with pa.ipc.open_stream(data, options=_READ) as reader:
            table = reader.read_all()
        table.validate(full=True)
    except (pa.ArrowException, zstandard.ZstdError, OSError) as error:
        raise UsageError(f"the {what} are not readable: {error}") from error
    return table


def conform(table: pa.Table, expected: pa.Schema, *, what: str) -> pa.Table:
    """A table with exactly the expected columns: cast, more columns dropped, missing nullable ones NULL.

    Raises:
        UsageError: A column that is not nullable is missing or holds NULL, or one cannot be cast.
    """
    columns = []
    for field in expected:
        found = table.schema.get_all_field_indices(field.name)
        if len(found) > 1 or (not found and not field.nullable):
            raise UsageError(
                f"the {what} are not readable: column {field.name!r} is there {len(found)} times,"
                " expected once"
            )
        if not found:
            columns.append(pa.nulls(table.num_rows, field.type))
            continue
        column = table.column(found[0])
        if column.null_count and not field.nullable:
            raise UsageError(
                f"the {what} are not readable: column {field.name!r} holds NULL, expected values"
            )
        try:
            columns.append(column if column.type == field.type else column.cast(field.type))
        except pa.ArrowException as error:
            raise UsageError(f"the {what} are not readable: column {field.name!r}: {error}") from error
    return pa.table(columns, schema=expected)
