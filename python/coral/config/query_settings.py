"""What can be set of a colony's raw SQL: the section `query` of `colony.yaml`, see `coral.query_limits`."""

from __future__ import annotations

from typing import Final

from coral.config.kinds import ByteCount, Duration, Integer
from coral.config.settings import Setting
from coral.query_limits import DEFAULT_QUERY_LIMITS

_MIB: Final = 1024**2
_GIB: Final = 1024**3

QUERY_SETTINGS: Final = (
    Setting(
        "query.max_rows",
        Integer(1, 1_000_000),
        DEFAULT_QUERY_LIMITS.max_rows,
        "Rows of one answer to raw SQL (`coral query`, `db.query`); more are cut.",
        flag="--query-rows",
        env="CORAL_COLONY_QUERY_ROWS",
    ),
    Setting(
        "query.max_bytes",
        ByteCount(_MIB, _GIB),
        DEFAULT_QUERY_LIMITS.max_bytes,
        "Size of one such answer as Arrow; rows that do not fit are cut.",
        flag="--query-bytes",
        env="CORAL_COLONY_QUERY_BYTES",
    ),
    Setting(
        "query.stream_rows",
        Integer(1, 1_000_000_000),
        DEFAULT_QUERY_LIMITS.stream_rows,
        "Rows of one stream (`db.stream`, `coral record`); more are cut.",
        flag="--query-stream-rows",
        env="CORAL_COLONY_QUERY_STREAM_ROWS",
    ),
    Setting(
        "query.stream_bytes",
        ByteCount(_MIB, 1024 * _GIB),
        DEFAULT_QUERY_LIMITS.stream_bytes,
        "Size of one stream as Arrow; rows that do not fit are cut.",
        flag="--query-stream-bytes",
        env="CORAL_COLONY_QUERY_STREAM_BYTES",
    ),
    Setting(
        "query.timeout",
        Duration("100ms", "1h"),
        f"{DEFAULT_QUERY_LIMITS.timeout:g}s",
        "Time limit of a statement whose caller asks for no other, waiting for a worker included.",
        flag="--query-timeout",
        env="CORAL_COLONY_QUERY_TIMEOUT",
    ),
    Setting(
        "query.max_timeout",
        Duration("100ms", "1h"),
        f"{DEFAULT_QUERY_LIMITS.max_timeout:g}s",
        "Time limit that callers may ask for at most, and that of streams.",
        flag="--query-max-timeout",
        env="CORAL_COLONY_QUERY_MAX_TIMEOUT",
        at_least="query.timeout",
    ),
    Setting(
        "query.worker_memory",
        ByteCount(256 * _MIB, 64 * _GIB),
        DEFAULT_QUERY_LIMITS.worker_memory,
        "Memory of one worker, which runs one statement at a time.",
        flag="--query-memory",
        env="CORAL_COLONY_QUERY_MEMORY",
    ),
    Setting(
        "query.at_once",
        Integer(1, 200),
        DEFAULT_QUERY_LIMITS.at_once,
        "Statements that run at once, each in a worker; one caller gets nine tenths of them.",
        flag="--query-at-once",
        env="CORAL_COLONY_QUERY_AT_ONCE",
    ),
    Setting(
        "query.queue",
        Integer(1, 1_500),
        DEFAULT_QUERY_LIMITS.queue,
        "Statements that may wait for a worker, half of them of one caller; more are refused as overload.",
        flag="--query-queue",
        env="CORAL_COLONY_QUERY_QUEUE",
    ),
)
"""One for each of `QueryLimits`."""
