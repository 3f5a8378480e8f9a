"""What a segment file says about itself, in the footer of its Parquet.

The list of segments is in the database. Should that be lost, the list is made again from the files, so
each file carries its own entry, and the names of the files that it was made to replace.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from coral.store.api import Segment
from coral.store.duckdb.tables import SegmentedTable

FOOTER_KEY: Final = "coral"
"""Key of the description among the file's own key-value metadata."""

_DIRECT: Final = "-direct"
_NAME: Final = re.compile(
    rf"^(?P<table>\w+)-(?P<first>\d{{12}})-(?P<last>\d{{12}})-[0-9a-f]{{8}}(?P<direct>{_DIRECT})?\.parquet$"
)


@dataclass(frozen=True)
class Footer:
    """A segment file's own description.

    Attributes:
        segment: The entry of the list.
        outputs: Names of the files that were written together with it, itself included.
        replaces: Names of the files whose rows these are; empty after a seal.
        described: False for a file of an older version, which only has its name and statistics.
    """

    segment: Segment
    outputs: tuple[str, ...]
    replaces: tuple[str, ...]
    described: bool


def table_of(path: Path) -> str | None:
    """The table that a segment file is of, by its name; None when it is no segment file."""
    match = _NAME.match(path.name)
    return match["table"] if match else None


def sequence_of(path: Path) -> int | None:
    """The highest ingest sequence in a segment file, by its name; None when it is no segment file."""
    match = _NAME.match(path.name)
    return int(match["last"]) if match else None


def is_direct(path: Path) -> bool:
    """Whether a segment file was never sealed (see `direct.py`): older rows may still be active."""
    match = _NAME.match(path.name)
    return match is not None and match["direct"] is not None


def segment_name(table: str, first_seq: int, last_seq: int) -> str:
    """A new name for a sealed or merged file."""
    return f"{table}-{first_seq:012d}-{last_seq:012d}-{uuid.uuid4().hex[:8]}.parquet"


def direct_name(table: str, seq: int) -> str:
    """A new name for a file with the rows of one transaction that were never active."""
    return f"{table}-{seq:012d}-{seq:012d}-{uuid.uuid4().hex[:8]}{_DIRECT}.parquet"


def footer_option(segment: Segment, *, outputs: Sequence[str], replaces: Sequence[str]) -> str:
    """The option of `COPY ... TO` that writes the description."""
    text = footer_text(segment, outputs=outputs, replaces=replaces).replace("'", "''")
    return f"KV_METADATA {{{FOOTER_KEY}: '{text}'}}"


def footer_text(segment: Segment, *, outputs: Sequence[str], replaces: Sequence[str]) -> str:
    """The description: the entry of the list, and the files that belong to it."""
    return json.dumps(
        {
            "table": segment.table,
            "first_seq": segment.first_seq,
            "last_seq": segment.last_seq,
            "row_count": segment.row_count,
            "min_time": segment.min_time.isoformat(),
            "max_time": segment.max_time.isoformat(),
            "created_at": segment.created_at.isoformat(),
            "outputs": list(outputs),
            "replaces": list(replaces),
        }
    )


def read_footer(path: Path, table: SegmentedTable) -> Footer:
    """Reads a file's description.

    Raises:
        ValueError: It is no readable segment file of this table.
        OSError: It cannot be read.
    """
    match = _NAME.match(path.name)
    if match is None:
        raise ValueError(f"{path.name} is not a name of a segment file")
    try:
        with pq.ParquetFile(path) as file:
            metadata = file.metadata
    except pa.ArrowException as error:
        raise ValueError(f"{path.name} cannot be read: {error}") from error
    written = json.loads((metadata.metadata or {}).get(FOOTER_KEY.encode(), b"null"))
    status = path.stat()
    if written is not None:
        if written["table"] != table.name or written["row_count"] != metadata.num_rows:
            raise ValueError(f"{path.name} does not hold what its footer says")
        segment = Segment(
            path,
            table.name,
            written["first_seq"],
            written["last_seq"],
            written["row_count"],
            status.st_size,
            *(datetime.fromisoformat(written[name]) for name in ("min_time", "max_time", "created_at")),
        )
        return Footer(segment, tuple(written["outputs"]), tuple(written["replaces"]), described=True)
    low, high = _range(metadata, table.time_column, path)
    changed_at = datetime.fromtimestamp(status.st_mtime, UTC).replace(tzinfo=None)
    segment = Segment(
        path,
        table.name,
        int(match["first"]),
        int(match["last"]),
        metadata.num_rows,
        status.st_size,
        low,
        high,
        changed_at,
    )
    return Footer(segment, (path.name,), (), described=False)


def _range(metadata: Any, column: str, path: Path) -> tuple[datetime, datetime]:
    """Lowest and highest value of a column by the statistics of its row groups."""
    names = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
    if column not in names:
        raise ValueError(f"{path.name} has no column {column}")
    index = names.index(column)
    parts = [metadata.row_group(i).column(index).statistics for i in range(metadata.num_row_groups)]
    if not parts or any(part is None or not part.has_min_max for part in parts):
        raise ValueError(f"{path.name} has no statistics of {column}")
    return min(part.min for part in parts), max(part.max for part in parts)
