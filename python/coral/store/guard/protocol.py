"""What the serving process and a query worker say to each other over pipes.

The serving process writes one job at a time: a length (big-endian uint32) and a pickle, which keeps
the types of parameters and only ever comes from the worker's own parent. The worker, which is not
trusted, answers frames: a kind byte, a length (big-endian uint32), a payload. A job's answer ends with
END or FAILED.
"""

from __future__ import annotations

import struct
from datetime import datetime
from typing import Any, Final

import msgspec

from coral.errors import CoralError, DeniedError, MemoryLimitError, NoDataError, QueryError, StorageError
from coral.model.redaction import Redaction
from coral.query_limits import MAX_RESULT_BYTES

HEADER: Final = struct.Struct(">cI")

COLUMNS: Final = b"C"
"""msgpack list of [name, type]."""
SCHEMA: Final = b"S"
"""Encapsulated Arrow IPC schema message."""
BATCH: Final = b"B"
"""uint32 row count, then an encapsulated Arrow IPC record batch."""
END: Final = b"E"
"""msgpack `Outcome`."""
FAILED: Final = b"X"
"""msgpack `Failure`."""


class Job(msgspec.Struct, frozen=True):
    """One statement to run.

    Attributes:
        sql: The caller's text.
        params: Values of `?`, in order.
        named_params: Values of `$name`.
        segments: Paths of Parquet files by base table; a table without files is empty.
        max_rows: Rows to answer at most.
        max_bytes: Size of the answer as Arrow, at most.
        dataset: Path of a recorded DuckDB file; empty for a store.
        now: The end of the default window; None for this machine's time, UTC, or a recording's newest row.
        as_of: Of a recording: what `now()` and its like say; None leaves them alone.
        hide: Of a recording: whether what was not known at `as_of` is left out.
        redaction: Of a store: which values the statement must not see; None for none.
    """

    sql: str
    params: list[Any]
    named_params: dict[str, Any]
    segments: dict[str, list[str]]
    max_rows: int
    max_bytes: int = MAX_RESULT_BYTES
    dataset: str = ""
    now: datetime | None = None
    as_of: datetime | None = None
    hide: bool = False
    redaction: Redaction | None = None


class Outcome(msgspec.Struct, frozen=True):
    """How a statement ended.

    Attributes:
        row_count: Rows answered.
        rows_cut: Whether there would have been more.
        window_seconds: Length of the window that was added; 0 for none.
        windowed: The tables that it was added to.
        window_start: Its start, ISO 8601 in UTC; empty without a window.
        bytes_cut: Whether it was for their size that rows were cut.
        spent: Whether the worker shall not get another job.
    """

    row_count: int
    rows_cut: bool
    window_seconds: int = 0
    windowed: list[str] = []
    window_start: str = ""
    bytes_cut: bool = False
    spent: bool = False

    def notes(self, max_bytes: str = "") -> list[str]:
        """What was added or cut, a sentence each, for people.

        Args:
            max_bytes: Name of the limit of the answer's size, if it has one.
        """
        notes = []
        if self.windowed:
            notes.append(
                f"{', '.join(self.windowed)}: only from {self.window_start} on, because the statement leaves"
                " the time column unconstrained"
            )
        if self.bytes_cut:
            limit = f" (the limit {max_bytes})" if max_bytes else ""
            notes.append(f"rows were cut after {self.row_count}, because the answer is too large{limit}")
        return notes


FAILURES: Final[dict[str, type[CoralError]]] = {
    "refused": DeniedError,
    "failed": QueryError,
    "memory": MemoryLimitError,
    "no_data": NoDataError,
    "storage": StorageError,
}
"""What a worker can say went wrong."""


class Failure(msgspec.Struct, frozen=True):
    """Why a statement failed.

    Attributes:
        kind: One of `FAILURES`.
        message: For people.
        hint: What to do; empty when nothing is known.
    """

    kind: str
    message: str
    hint: str = ""
