"""Parquet files put together without reading their rows: row groups are copied, the footer is written anew.

Uncompressing and compressing a row again costs more than decoding the request that brought it. Files of
one writer with the same columns need neither: their row groups stand one after the other in the new file,
and only the places that the footer tells are moved.
Source: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from coral.store.duckdb.thrift import Struct, binary, i64, read_struct, structs, write_struct

_MAGIC: Final = b"PAR1"
_PIECE: Final = 1024 * 1024
# Of FileMetaData:
_SCHEMA, _ROWS, _GROUPS, _KEY_VALUES, _COLUMN_ORDERS = 2, 3, 4, 5, 7
_PLAIN: Final = frozenset(range(1, 8))  # fields of a file that is not encrypted
# Of RowGroup:
_COLUMNS, _GROUP_ROWS, _GROUP_OFFSET, _ORDINAL = 1, 3, 5, 7
# Of ColumnChunk: offsets of indexes, which are not in the row groups, and are left out.
_PATH, _CHUNK_OFFSET, _METADATA, _INDEXES = 1, 2, 3, (4, 5, 6, 7)
# Of ColumnMetaData:
_SIZE, _PAGE_OFFSETS, _BLOOM_FILTER = 7, (9, 10, 11), (14, 15)


@dataclass(frozen=True)
class Layout:
    """Where the row groups of a file are.

    Attributes:
        path: The file.
        start: First byte of the row groups.
        end: Behind their last one.
        schema: What has to be equal for files to be put together.
        row_count: Rows.
        groups: The row groups, as the footer tells them.
        footer: All of the footer.
    """

    path: Path
    start: int
    end: int
    schema: bytes
    row_count: int
    groups: Sequence[Struct]
    footer: Struct


def read_layout(path: Path) -> Layout | None:
    """The layout of a Parquet file; None for one whose row groups cannot be moved.

    Raises:
        ValueError: It is no Parquet file.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size < 12:
            raise ValueError(f"{path.name} is too short for a Parquet file")
        file.seek(size - 8)
        tail = file.read(8)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != _MAGIC or length > size - 12:
            raise ValueError(f"{path.name} does not end as a Parquet file")
        file.seek(size - 8 - length)
        footer = read_struct(file.read(length))
    try:
        return _layout(path, footer, end=size - 8 - length)
    except (KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"{path.name} has a damaged footer ({error!r})") from error


def _layout(path: Path, footer: Struct, *, end: int) -> Layout | None:
    groups: list[Struct] = footer[_GROUPS].value.items
    columns = [column for group in groups for column in group[_COLUMNS].value.items]
    if not columns or not set(footer) <= _PLAIN or any(_is_elsewhere(column) for column in columns):
        return None
    places = [_place(column) for column in columns]
    first, last = min(start for start, _ in places), max(behind for _, behind in places)
    if first < len(_MAGIC) or last > end:
        raise ValueError(f"{path.name} has row groups outside of the file")
    schema = write_struct({key: footer[key] for key in (_SCHEMA, _COLUMN_ORDERS) if key in footer})
    return Layout(path, first, last, schema, footer[_ROWS].value, groups, footer)


def splice(target: BinaryIO, layouts: Sequence[Layout], key_values: dict[str, str]) -> None:
    """Writes one Parquet file with the row groups of several of the same schema.

    Args:
        target: An empty file.
        layouts: Of the files, at least one. They are used up: their offsets become those of the target.
        key_values: The new file's own metadata.

    Raises:
        OSError: A file cannot be read, or the target cannot be written.
    """
    target.write(_MAGIC)
    at = len(_MAGIC)
    groups: list[Struct] = []
    for layout in layouts:
        with layout.path.open("rb") as source:
            source.seek(layout.start)
            left = layout.end - layout.start
            while left:
                piece = source.read(min(left, _PIECE))
                if not piece:
                    raise OSError(f"{layout.path.name} has become shorter")
                target.write(piece)
                left -= len(piece)
        for group in layout.groups:
            _move(group, at - layout.start)
            group.pop(_ORDINAL, None)
            groups.append(group)
        at += layout.end - layout.start
    footer = dict(layouts[0].footer)
    footer[_ROWS] = i64(sum(layout.row_count for layout in layouts))
    footer[_GROUPS] = structs(groups)
    footer[_KEY_VALUES] = structs(
        [{1: binary(key.encode()), 2: binary(value.encode())} for key, value in key_values.items()]
    )
    text = write_struct(dict(sorted(footer.items())))
    target.write(text + len(text).to_bytes(4, "little") + _MAGIC)


def _is_elsewhere(column: Struct) -> bool:
    """Whether a column chunk is encrypted, or in another file."""
    return _METADATA not in column or _PATH in column


def _place(column: Struct) -> tuple[int, int]:
    """First byte of a column chunk, and the one behind it."""
    metadata: Struct = column[_METADATA].value
    start: int = min(metadata[key].value for key in _PAGE_OFFSETS if key in metadata and metadata[key].value)
    return start, start + metadata[_SIZE].value


def _move(group: Struct, by: int) -> None:
    if _GROUP_OFFSET in group:
        group[_GROUP_OFFSET].value += by
    for column in group[_COLUMNS].value.items:
        if column[_CHUNK_OFFSET].value:  # newer writers leave it 0
            column[_CHUNK_OFFSET].value += by
        for key in _INDEXES:
            column.pop(key, None)
        metadata: Struct = column[_METADATA].value
        for key in _PAGE_OFFSETS:
            # Some writers tell a missing dictionary page as 0.
            if key in metadata and metadata[key].value:
                metadata[key].value += by
        for key in _BLOOM_FILTER:
            metadata.pop(key, None)
