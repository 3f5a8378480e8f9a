"""Limits of raw SQL: the number, its unit, and why it is what it is. Those of R71 and R82 are in `limits`.

An error that a limit causes names the limit by the words used here.
"""

from __future__ import annotations

from typing import Final

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

MAX_QUERIES_PER_CALLER: Final = 18
"""Queries of one caller that run at once; the others of MAX_CONCURRENT_QUERIES are for other callers."""

MAX_QUEUED_PER_CALLER: Final = 50
"""Queries of one caller that may wait, of the MAX_QUEUED_QUERIES that may in all."""

SLOW_QUERY_SECONDS: Final = 1.0
"""From here on a query is logged as slow."""

MAX_RECENT_QUERIES: Final = 200
"""Ended queries that a colony remembers for `coral queries`."""

MAX_SHOWN_SQL: Final = 2_000
"""Characters of a statement that logs and `coral queries` show."""
