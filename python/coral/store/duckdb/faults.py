"""What an error of DuckDB means for the store.

DuckDB has no error codes, so this reads classes and messages; they were collected from DuckDB 2.0 by
full disks and damaged files, and the tests make each of them anew.
"""

from __future__ import annotations

import enum
import errno
from typing import Final

import duckdb


class Fault(enum.Enum):
    """Kinds of failure that the store acts on."""

    FULL = "the disk is full"
    DAMAGED = "the database file is damaged"
    WAL_DAMAGED = "the write-ahead log is damaged"
    INVALIDATED = "the open database is unusable until it is opened again"
    OTHER = "anything else, for example a wrong statement"


_FULL_ERRNO: Final = (errno.ENOSPC, errno.EDQUOT)
_FULL_WORDS: Final = ("No space left on device", "Disk quota exceeded")
_DAMAGED_WORDS: Final = (
    "Corrupt database file",
    "is not a valid DuckDB database file",
    "Could not read enough bytes from file",
    "Failed to deserialize",
    "Failed to load metadata pointer",
)
_INVALIDATED_WORDS: Final = "database has been invalidated"
_WAL_WORDS: Final = "Failure while replaying WAL file"
_PARQUET_WORDS: Final = (".parquet", "Parquet", "parquet")


def fault_of(error: BaseException) -> Fault:
    """The fault that an error stands for."""
    text = str(error)
    if isinstance(error, OSError) and error.errno in _FULL_ERRNO:
        return Fault.FULL
    if not isinstance(error, duckdb.Error):
        return Fault.OTHER
    if any(words in text for words in _FULL_WORDS):
        return Fault.FULL
    if isinstance(error, duckdb.OutOfMemoryException):
        return Fault.OTHER
    if _WAL_WORDS in text:
        return Fault.WAL_DAMAGED
    if any(words in text for words in _DAMAGED_WORDS) and not any(words in text for words in _PARQUET_WORDS):
        return Fault.DAMAGED
    if _INVALIDATED_WORDS in text or isinstance(error, duckdb.FatalException | duckdb.InternalException):
        return Fault.INVALIDATED
    return Fault.OTHER


def is_fatal(error: BaseException) -> bool:
    """Whether the open database must be opened again after this error."""
    return isinstance(error, duckdb.FatalException | duckdb.InternalException) or _INVALIDATED_WORDS in str(
        error
    )
