"""Small segments into a large one, row by row as they are: the cheap way to keep their number low.

Sorting a million wide rows takes more processor and memory than everything else that is done to them,
and gains little: rows that arrived together stay together, which is what windows of time ask for. Files with
large row groups, as direct ones are under load, are copied without being read (`splice.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from coral.errors import StorageError
from coral.store.api import Segment
from coral.store.duckdb.footer import FOOTER_KEY, footer_text, segment_name
from coral.store.duckdb.segments import SegmentFolder, sync_path
from coral.store.duckdb.splice import read_layout, splice
from coral.store.duckdb.tables import SegmentedTable

WORDS: Final = frozenset(
    {"agent_id", "service_name", "instance_id", "span_name", "kind", "status_code", "scope_name", "severity"}
)
"""Columns that repeat: worth a dictionary. Trying one for the others costs more than it saves."""

_COPIED_GROUP_ROWS: Final = 4_096
"""Rows of a row group, on average, from which on a file is copied as it is: small ones are slow to read."""

_GROUP_ROWS: Final = 32_768  # of a row group, about: what is in memory at a time
_GROUP_BYTES: Final = 32 * 1024 * 1024


def concatenated(
    folder: SegmentFolder, table: SegmentedTable, segments: Sequence[Segment], *, created_at: datetime
) -> Segment | None:
    """Writes one file with the rows of several, durably, without listing it.

    Args:
        folder: Where it goes.
        table: Of which they are.
        segments: Listed segments, at least one.
        created_at: Newest arrival of the rows.

    Returns:
        The new segment; None when the files have different columns and cannot be put together so.

    Raises:
        StorageError: A file cannot be read, or the new one cannot be written; nothing is left of it.
    """
    paths = [segment.path for segment in segments]
    first_seq, last_seq = min(s.first_seq for s in segments), max(s.last_seq for s in segments)
    new = Segment(
        folder.root / segment_name(table.name, first_seq, last_seq),
        table.name,
        first_seq,
        last_seq,
        sum(s.row_count for s in segments),
        0,
        min(s.min_time for s in segments),
        max(s.max_time for s in segments),
        created_at,
    )
    temporary = folder.root / f".{new.path.name}.partial"
    rewritten = folder.root / f".{new.path.name}.rest.partial"
    text = footer_text(new, outputs=[new.path.name], replaces=[path.name for path in paths])
    try:
        if not _splice(temporary, rewritten, paths, table, text, new.row_count):
            schema = _common_schema(paths)
            if schema is None:
                return None
            _write(temporary, schema.with_metadata({FOOTER_KEY: text}), paths, table, new.row_count)
        sync_path(temporary)
        temporary.replace(new.path)
        sync_path(folder.root)
    except (pa.ArrowException, ValueError) as error:
        raise StorageError(f"merging segments of {table.name} failed: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)
        rewritten.unlink(missing_ok=True)
    return replace(new, size_bytes=new.path.stat().st_size)


def _splice(
    target: Path, rewritten: Path, paths: Sequence[Path], table: SegmentedTable, text: str, row_count: int
) -> bool:
    """Copies row groups, of files that have large ones; False when that is not worth it or not possible.

    The rows of the other files are written into `rewritten` first, and copied from there.
    """
    layouts = [layout for path in paths if (layout := read_layout(path)) is not None]
    large = [one for one in layouts if one.row_count >= _COPIED_GROUP_ROWS * len(one.groups)]
    if sum(one.row_count for one in large) * 2 < row_count:
        return False
    copied = [one for one in large if one.schema == large[0].schema]
    rest = [path for path in paths if path not in {one.path for one in copied}]
    if rest:
        schema = _common_schema([copied[0].path, *rest])
        if schema is None:
            return False
        _write(rewritten, schema, rest, table, row_count - sum(one.row_count for one in copied))
        layout = read_layout(rewritten)
        if layout is None or layout.schema != copied[0].schema:
            return False
        copied.append(layout)
    with target.open("wb") as file:
        splice(file, copied, {FOOTER_KEY: text})
    if pq.read_metadata(target).num_rows != row_count:
        raise StorageError(f"the segments of {table.name} to merge have not {row_count} rows")
    return True


def _common_schema(paths: Sequence[Path]) -> pa.Schema | None:
    """The schema of the first file, if all have the same columns; their order may differ."""
    schemas = [pq.read_schema(path).remove_metadata() for path in paths]
    first = schemas[0]
    columns = {field.name: field.type for field in first}
    if any({field.name: field.type for field in schema} != columns for schema in schemas):
        return None
    return pa.schema([pa.field(field.name, field.type) for field in first])


def _write(
    target: Path, schema: pa.Schema, paths: Sequence[Path], table: SegmentedTable, row_count: int
) -> None:
    words = [name for name in schema.names if name in WORDS]
    written = 0
    with pq.ParquetWriter(
        target,
        schema,
        compression="zstd",
        use_dictionary=words,
        write_statistics=[name for name in schema.names if name in (table.time_column, "service_name")],
        store_schema=False,
    ) as writer:
        for rows in _grouped(paths, schema):
            writer.write_table(rows, row_group_size=rows.num_rows)
            written += rows.num_rows
    if written != row_count:
        raise StorageError(f"the segments of {table.name} to merge have {written} rows, not {row_count}")


def _grouped(paths: Sequence[Path], schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows of the files in tables of about `_GROUP_ROWS`."""
    waiting: list[pa.Table] = []
    rows = size = 0
    for path in paths:
        with pq.ParquetFile(path) as file:
            for number in range(file.num_row_groups):
                part = file.read_row_group(number, use_threads=False).select(schema.names)
                waiting.append(part.replace_schema_metadata())
                rows, size = rows + part.num_rows, size + part.nbytes
                if rows >= _GROUP_ROWS or size >= _GROUP_BYTES:
                    yield pa.concat_tables(waiting).cast(schema)
                    waiting, rows, size = [], 0, 0
    if waiting:
        yield pa.concat_tables(waiting).cast(schema)
