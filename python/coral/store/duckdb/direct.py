"""Rows that come in thousands go straight into a segment, in the transaction that lists it.

Through the active file a row is written to the log, sealed into Parquet and deleted again, which costs
several times what one write of Parquet does. So a large group of rows is written as a segment file at
once: synced, then listed by the transaction that its requests wait for. Nothing of it is ever in the
active file.

Such a file holds rows of one transaction, and says by its name that it was not sealed: rows with lower
sequences may still be active. A crash before the commit leaves a file that is not listed, with the
sequence that the next transaction would have had; `discard_uncommitted` deletes it at the start.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from coral.clock import Clock
from coral.store.api import Segment
from coral.store.duckdb.concat import WORDS
from coral.store.duckdb.footer import FOOTER_KEY, direct_name, footer_text, is_direct, sequence_of
from coral.store.duckdb.recent import RecentRows
from coral.store.duckdb.segments import SegmentFolder, sync_path
from coral.store.duckdb.tables import SegmentedTable

_log = logging.getLogger(__name__)
_SKIPPED: Final = 64  # numbers that failed commits (of a full disk, say) may have used up since the last one


class DirectRows:
    """The segments of one transaction: written by its jobs, kept or deleted with it."""

    def __init__(
        self,
        folder: SegmentFolder,
        tables: Mapping[str, SegmentedTable],
        clock: Clock,
        recent: RecentRows,
        connection: duckdb.DuckDBPyConnection,
        seq: int,
    ) -> None:
        self._recent = recent
        self._folder = folder
        self._tables = tables
        self._clock = clock
        self._connection = connection
        self._seq = seq
        self._written: list[tuple[Segment, pa.Table]] = []

    @property
    def row_count(self) -> int:
        """Rows appended."""
        return sum(segment.row_count for segment, _ in self._written)

    def append(self, table: str, rows: pa.Table, constants: Mapping[str, str | float]) -> None:
        """Writes rows as a segment and lists it; see `Transaction.append`.

        Raises:
            OSError: There is no room for the file.
        """
        segment = self._describe(self._tables[table], rows)
        complete = _with_constants(rows, {"ingest_seq": self._seq, **constants})
        text = footer_text(segment, outputs=[segment.path.name], replaces=())
        # In one chunk, as a group is of many requests and each step costs something for each chunk.
        complete = complete.combine_chunks().replace_schema_metadata({FOOTER_KEY: text})
        self._written.append((segment, complete))
        # What a dictionary makes small is not compressed as well: that would only cost.
        words = [name for name in complete.column_names if name in WORDS or name in constants]
        words.append("ingest_seq")
        pq.write_table(
            complete,
            segment.path,
            compression={name: "none" if name in words else "zstd" for name in complete.column_names},
            use_dictionary=words,
            write_statistics=[self._tables[table].time_column, "service_name"],
            store_schema=False,
        )
        sync_path(segment.path)
        written = Segment(**{**vars(segment), "size_bytes": segment.path.stat().st_size})
        self._folder.list_in(self._connection, [written])

    def sync(self) -> None:
        """Makes the names of the files durable; to be called before the commit."""
        if self._written:
            sync_path(self._folder.root)

    def discard(self) -> None:
        """Deletes the files: the transaction was rolled back."""
        self._folder.discard(segment for segment, _ in self._written)
        self._written.clear()

    def committed(self) -> None:
        """Keeps the rows in memory for a while."""
        for segment, rows in self._written:
            try:
                self._recent.add(segment.path, rows)
            except Exception:
                # The rows are durable, which is what their clients wait for: who needs them reads the file.
                _log.exception("the rows of %s are not kept in memory", segment.path.name)

    def _describe(self, table: SegmentedTable, rows: pa.Table) -> Segment:
        times = pc.min_max(rows.column(table.time_column)).as_py()
        return Segment(
            self._folder.root / direct_name(table.name, self._seq),
            table.name,
            self._seq,
            self._seq,
            rows.num_rows,
            0,
            times["min"],
            times["max"],
            self._clock.now(),
        )


def discard_uncommitted(folder: SegmentFolder, listed: Sequence[Segment], *, last_seq: int) -> int:
    """Deletes files of a transaction whose commit a crash came before; answers how many.

    Where sealed files are newer than the database, it is not whole, and nothing is deleted.

    Args:
        folder: Where the files are.
        listed: What the database lists.
        last_seq: The last transaction that the database knows.
    """
    known = {segment.path for segment in listed}
    newer = [path for path in folder.root.glob("*.parquet") if (sequence_of(path) or 0) > last_seq]
    if not all(is_direct(path) and (sequence_of(path) or 0) <= last_seq + _SKIPPED for path in newer):
        return 0
    orphans = [path for path in newer if path not in known]
    for path in orphans:
        path.unlink()
    return len(orphans)


def _with_constants(rows: pa.Table, constants: Mapping[str, str | float | int]) -> pa.Table:
    indices = pa.repeat(pa.scalar(0, pa.int32()), rows.num_rows)
    for name, value in constants.items():
        column: pa.Array
        if isinstance(value, str):
            column = pa.DictionaryArray.from_arrays(indices, pa.array([value], pa.string()))
        else:
            kind = pa.int64() if isinstance(value, int) else pa.float64()
            column = pa.repeat(pa.scalar(value, kind), rows.num_rows)
        rows = rows.append_column(name, column)
    return rows
