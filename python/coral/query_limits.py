"""Limits of raw SQL: the number, its unit, and why it is what it is. Those of R71 and R82 are in `limits`.

An error that a limit causes names the limit by the words used here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from coral.limits import (
    MAX_CONCURRENT_QUERIES,
    MAX_QUEUED_QUERIES,
    MAX_RESULT_ROWS,
    QUERY_TIMEOUT_CEILING_SECONDS,
    QUERY_TIMEOUT_SECONDS,
    QUERY_WORKER_MEMORY_BYTES,
)

MAX_SQL_NESTING: Final = 100
"""Levels of brackets in a statement: the parser calls itself for each, and stalls on thousands."""

MAX_SQL_NODES: Final = 20_000
"""Parts of a parsed statement. One of 64 KiB that people or programs write has about 10,000."""

DEFAULT_WINDOW_SECONDS: Final = 3600
"""The window that a table gets whose time the statement does not constrain (R82)."""

QUERY_WORKER_DATA_BYTES: Final = 416 * 1024 * 1024
"""RLIMIT_DATA of a query worker. With the 70 MB of code that it maps it stays below 512 MB. This is the wall
that holds: DuckDB's own limit does not count strings."""

QUERY_WORKER_THREADS: Final = 2
"""Threads of one query worker."""

MAX_RESULT_BYTES: Final = 64 * 1024 * 1024
"""Size of one answer as Arrow, of which the rows that do not fit are cut."""

MAX_RESULT_ROW_BYTES: Final = 16 * 1024 * 1024
"""Size of one row; a message between colony and client holds 32 MiB."""

MAX_STREAM_ROWS: Final = 5_000_000
"""Rows that `db.stream` answers at most."""

MAX_STREAM_BYTES: Final = 1024**3
"""Size of what `db.stream` answers at most, as Arrow."""

SLOW_QUERY_SECONDS: Final = 1.0
"""From here on a query is logged as slow."""

MAX_RECENT_QUERIES: Final = 200
"""Ended queries that a colony remembers for `coral queries`."""

MAX_SHOWN_SQL: Final = 2_000
"""Characters of a statement that logs and `coral queries` show."""


@dataclass(frozen=True)
class QueryLimits:
    """What raw SQL may take in one process. A colony's are the settings `query.*` of `colony.yaml`.

    Attributes:
        max_rows: Rows of one answer.
        max_bytes: Size of one answer as Arrow.
        stream_rows: Rows of one stream.
        stream_bytes: Size of one stream as Arrow.
        timeout: Seconds that a statement gets whose caller asks for no other time.
        max_timeout: Seconds that callers may ask for at most, and that streams get.
        worker_memory: RLIMIT_DATA of a worker, bytes; DuckDB gets what the rest of the process leaves.
        at_once: Statements that run at once.
        queue: Statements that may wait for a worker.
    """

    max_rows: int = MAX_RESULT_ROWS
    max_bytes: int = MAX_RESULT_BYTES
    stream_rows: int = MAX_STREAM_ROWS
    stream_bytes: int = MAX_STREAM_BYTES
    timeout: float = QUERY_TIMEOUT_SECONDS
    max_timeout: float = QUERY_TIMEOUT_CEILING_SECONDS
    worker_memory: int = QUERY_WORKER_DATA_BYTES
    at_once: int = MAX_CONCURRENT_QUERIES
    queue: int = MAX_QUEUED_QUERIES

    @property
    def duckdb_memory(self) -> int:
        """DuckDB's own limit in a worker, bytes."""
        return self.worker_memory - (QUERY_WORKER_DATA_BYTES - QUERY_WORKER_MEMORY_BYTES)

    @property
    def at_once_per_caller(self) -> int:
        """Statements of one caller that run at once: a tenth of the places is for others, one at least."""
        return max(1, self.at_once - max(1, self.at_once // 10))

    @property
    def queue_per_caller(self) -> int:
        """Statements of one caller that may wait: half of the queue."""
        return max(1, self.queue // 2)


DEFAULT_QUERY_LIMITS: Final = QueryLimits()
"""What holds where nobody set anything, and for recordings."""


def how_to_raise(limit: str) -> str:
    """What a colony's operator can do about a limit, to end a hint with.

    Args:
        limit: One of `QueryLimits`' attributes.
    """
    return f"the colony's setting query.{limit} raises it"
