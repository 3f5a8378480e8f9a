"""What a colony counts about itself: its instruments, and its figures as metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from coral.colony.apply import ApplyStatistics
from coral.colony.script_events import EventStatistics
from coral.serve.instruments import Counter, Figure, Histogram
from coral.store.api import Segment, StoreStatistics
from coral.store.guard.pool import PoolStatistics

CALLS: Final = Counter(
    "coral_colony_queries_total",
    "Calls answered, by outcome: the name of the gRPC status.",
    ("rpc", "outcome"),
)
CALL_SECONDS: Final = Histogram("coral_colony_query_seconds", "Time to answer a call.", ("rpc",))
APPLY_SECONDS: Final = Histogram(
    "coral_colony_apply_seconds", "Time from a batch's arrival until it was durable."
)
CLOCK_JUMPS: Final = Counter(
    "coral_colony_clock_jumps_total", "Times that the wall clock was set by more than two seconds."
)
GIVEN_UP: Final = Counter(
    "coral_colony_requests_given_up_total",
    "Requests that did not arrive in time (slow), while too many were arriving (crowded), or for a call that"
    " may last for ever while there are too many (endless).",
    ("reason",),
)

INSTRUMENTS: Final = (CALLS, CALL_SECONDS, APPLY_SECONDS, CLOCK_JUMPS, GIVEN_UP)


def call_labels(method: str) -> tuple[str, ...] | None:
    """The RPC of a full method name; None for what is no question: health, reflection."""
    service, _, rpc = method.rpartition("/")
    return (rpc,) if service.startswith(("/coral.colony.", "/coral.sdk.")) else None


def fleet_figures(batches: ApplyStatistics, *, connected: int) -> Iterator[Figure]:
    """What agents sent, as metrics."""
    yield Figure("coral_colony_connected_agents", "Agents with an open stream.", connected)
    yield Figure("coral_colony_batches_applied_total", "Batches applied since the start.", batches.batches)
    yield Figure(
        "coral_colony_batches_repeated_total",
        "Batches that came again after they had been applied, and were dropped.",
        batches.duplicates,
    )
    yield Figure(
        "coral_colony_batches_refused_total",
        "Times that a batch could not be read or applied (a full disk, damage); its agent sends it again.",
        batches.refused,
    )
    yield Figure("coral_colony_queued_batches", "Batches that wait to be applied.", batches.queued_batches)
    yield Figure("coral_colony_queued_bytes", "Their size in memory.", batches.queued_bytes)


def sql_figures(statistics: PoolStatistics) -> Iterator[Figure]:
    """What the workers for callers' SQL do, as metrics."""
    yield Figure("coral_colony_sql_running", "SQL queries that have a worker now.", statistics.running)
    yield Figure("coral_colony_sql_queued", "SQL queries that wait for a worker.", statistics.queued)
    for outcome, count in statistics.ended.items():
        yield Figure(
            "coral_colony_sql_total",
            "SQL queries ended. Those that timed out or were abandoned by their caller were killed.",
            count,
            {"outcome": outcome},
        )
    for outcome, seconds in statistics.seconds.items():
        yield Figure(
            "coral_colony_sql_seconds_total",
            "Time that they took, waiting for a worker included, added up.",
            seconds,
            {"outcome": outcome},
        )


def event_figures(statistics: EventStatistics) -> Iterator[Figure]:
    """What scripts emitted, as metrics."""
    for outcome in ("stored", "repeated", "refused"):
        yield Figure(
            "coral_colony_script_events_total",
            "Events of scripts since the start: stored, repeated (not stored again), refused by a limit.",
            getattr(statistics, outcome),
            {"outcome": outcome},
        )


def store_figures(statistics: StoreStatistics, segments: Iterable[Segment]) -> Iterator[Figure]:
    """What a colony's store has done and holds, as metrics; tables are the tiers' too."""
    yield Figure(
        "coral_colony_store_transactions_total",
        "Transactions committed since the start.",
        statistics.committed_transactions,
    )
    yield Figure("coral_colony_store_queued_jobs", "Jobs that wait for the writer.", statistics.queued_jobs)
    yield Figure("coral_colony_data_bytes", "Size of the data directory.", statistics.disk_used_bytes)
    yield Figure("coral_colony_disk_free_bytes", "Space left on its file system.", statistics.disk_free_bytes)
    yield Figure(
        "coral_colony_store_refused_writes_total",
        "Writes refused because the disk is full, since the start.",
        statistics.refused_writes,
    )
    rows: dict[str, int] = {}
    sizes: dict[str, int] = {}
    files: dict[str, int] = {}
    for segment in segments:
        rows[segment.table] = rows.get(segment.table, 0) + segment.row_count
        sizes[segment.table] = sizes.get(segment.table, 0) + segment.size_bytes
        files[segment.table] = files.get(segment.table, 0) + 1
    for table in sorted(rows):
        labels = {"table": table}
        yield Figure("coral_colony_store_segments", "Sealed files by table.", files[table], labels)
        yield Figure("coral_colony_store_segment_rows", "Rows in them.", rows[table], labels)
        yield Figure("coral_colony_store_segment_bytes", "Their size.", sizes[table], labels)
