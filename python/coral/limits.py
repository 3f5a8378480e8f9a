"""Every limit of Coral in one place: the number, its unit, and why it is what it is.

An error that a limit causes names the limit by the words used here.
"""

from __future__ import annotations

from typing import Final

MAX_RESULT_ROWS: Final = 10_000
"""Rows that raw SQL answers at most (R82)."""

MAX_SQL_BYTES: Final = 64 * 1024
"""Length of a SQL statement; DuckDB's parser stalls on long nested expressions."""

QUERY_TIMEOUT_SECONDS: Final = 5.0
"""Default time limit of one query (R71)."""

QUERY_TIMEOUT_CEILING_SECONDS: Final = 60.0
"""What a caller may ask for at most."""

MAX_CONCURRENT_QUERIES: Final = 20
"""Raw SQL queries under way at once in one serving process (R71)."""

MAX_QUEUED_QUERIES: Final = 100
"""Raw SQL queries that may wait for a worker; more are refused as overload."""

QUERY_WORKER_MEMORY_BYTES: Final = 384 * 1024 * 1024
"""DuckDB's own memory limit in a query worker."""

QUERY_WORKER_ADDRESS_SPACE_BYTES: Final = 4 * 1024**3
"""RLIMIT_AS of a query worker: DuckDB's limit does not bound string vectors."""

MAX_OTLP_BODY_BYTES: Final = 16 * 1024 * 1024
"""One OTLP request, after decompression."""

MAX_FLEET_MESSAGE_BYTES: Final = 32 * 1024 * 1024
"""One message between agent and colony."""

MAX_BATCH_BYTES: Final = 8 * 1024 * 1024
"""About how large one outbox batch gets; a rollup with more becomes several batches. One row is never
split, but no row is larger than an OTLP request, and that fits into a fleet message."""

MAX_WRITER_QUEUE: Final = 256
"""Jobs that may wait for the one writer of a store; more are refused as overload."""

MAX_PAGE_SIZE: Final = 1000
"""Items per page of any list."""
