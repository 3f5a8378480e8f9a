"""What the serving process and a query worker say to each other over pipes.

The serving process writes one job at a time: a length (big-endian uint32) and a pickle, which keeps
the types of parameters and only ever comes from the worker's own parent. The worker, which is not
trusted, answers frames: a kind byte, a length (big-endian uint32), a payload. A job's answer ends with
END or FAILED.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import msgspec

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
    """

    sql: str
    params: list[Any]
    named_params: dict[str, Any]
    segments: dict[str, list[str]]
    max_rows: int


class Outcome(msgspec.Struct, frozen=True):
    """How a statement ended: rows answered, and whether there would have been more."""

    row_count: int
    rows_cut: bool


class Failure(msgspec.Struct, frozen=True):
    """Why a statement failed.

    Attributes:
        refused: True when it may not run, False when it ran into an error.
        message: For people.
        hint: What to do; empty when nothing is known.
    """

    refused: bool
    message: str
    hint: str = ""
