"""What an agent counts about itself: its instruments, and its figures as metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from coral._proto.colony.v1 import fleet_pb2
from coral.serve.instruments import Counter, Figure, Histogram
from coral.store.api import StoreStatistics

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from coral.agent.ingest import IngestStatistics

REQUESTS: Final = Counter(
    "coral_agent_otlp_requests_total",
    "OTLP requests answered, by outcome: the name of the gRPC status, or the HTTP status.",
    ("signal", "transport", "outcome"),
)
REQUEST_SECONDS: Final = Histogram(
    "coral_agent_otlp_request_seconds",
    "Time from an OTLP request's arrival to its answer, which follows the commit.",
    ("signal", "transport"),
)
RECEIVED_BYTES: Final = Counter(
    "coral_agent_otlp_received_bytes_total",
    "Bodies of OTLP requests, after decompression.",
    ("signal",),
)
DECODE_SECONDS: Final = Histogram(
    "coral_agent_otlp_decode_seconds", "Time to decode one OTLP request.", ("signal",)
)
COMMIT_SECONDS: Final = Histogram(
    "coral_agent_otlp_commit_seconds",
    "Time that one decoded OTLP request waited until it was durable.",
    ("signal",),
)
ROLLUP_SECONDS: Final = Histogram("coral_agent_rollup_seconds", "Time of one rollup.")
ROLLUP_FAILURES: Final = Counter(
    "coral_agent_rollup_failures_total", "Rollups that failed and were repeated."
)
CLOCK_JUMPS: Final = Counter(
    "coral_agent_clock_jumps_total", "Times that the wall clock was set by more than two seconds."
)

INSTRUMENTS: Final = (
    REQUESTS,
    REQUEST_SECONDS,
    RECEIVED_BYTES,
    DECODE_SECONDS,
    COMMIT_SECONDS,
    ROLLUP_SECONDS,
    ROLLUP_FAILURES,
    CLOCK_JUMPS,
)

_SIGNALS: Final = {"TraceService": "spans", "MetricsService": "metrics", "LogsService": "logs"}


def otlp_labels(method: str) -> tuple[str, ...] | None:
    """Signal and transport of an OTLP/gRPC method by its full name, None for any other method."""
    if not method.startswith("/opentelemetry.proto.collector."):
        return None
    service = method.rpartition("/")[0].rpartition(".")[2]
    signal = _SIGNALS.get(service)
    return None if signal is None else (signal, "grpc")


class CountedHttp:
    """Counts and times the OTLP requests of an ASGI application."""

    def __init__(self, app: ASGIApp, *, paths: Mapping[str, str]) -> None:
        """Wraps an application.

        Args:
            app: The application.
            paths: The signal of each path; other requests are passed by.
        """
        self._app = app
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        signal = self._paths.get(scope["path"]) if scope["type"] == "http" else None
        if signal is None:
            await self._app(scope, receive, send)
            return
        outcome = "aborted"

        async def noting(message: Message) -> None:
            nonlocal outcome
            if message["type"] == "http.response.start":
                outcome = str(message["status"])
            await send(message)

        start = time.perf_counter()
        try:
            await self._app(scope, receive, noting)
        finally:
            REQUESTS.add(1, signal, "http", outcome)
            REQUEST_SECONDS.observe(time.perf_counter() - start, signal, "http")


def ingest_figures(statistics: IngestStatistics) -> Iterator[Figure]:
    """What came in since the start, as metrics."""
    yield Figure(
        "coral_agent_otlp_resent_requests_total",
        "OTLP requests that had been stored before and were not stored again.",
        statistics.resent_requests,
    )
    yield Figure(
        "coral_agent_otlp_bytes_in_flight", "Bodies of OTLP requests under way.", statistics.bytes_in_flight
    )


def health_figures(health: fleet_pb2.AgentHealth, *, now_ns: int | None = None) -> Iterator[Figure]:
    """What an agent says about itself, as metrics.

    Args:
        health: The report.
        now_ns: Unix time, for the age of what waits; default now.
    """
    for kind, stored, refused in (
        ("spans", health.spans_stored, health.spans_refused),
        ("points", health.points_stored, health.points_refused),
        ("logs", health.logs_stored, health.logs_refused),
    ):
        yield Figure(
            "coral_agent_items_stored_total",
            "Items stored since the database was made.",
            stored,
            {"kind": kind},
        )
        yield Figure(
            "coral_agent_items_refused_total", "Items refused since the start.", refused, {"kind": kind}
        )
    for kind, lost in (
        ("batches", health.batches_given_up),
        ("exemplar_spans", health.spans_given_up),
        ("raw_rows", health.raw_rows_given_up),
    ):
        yield Figure(
            "coral_agent_given_up_total",
            "Data given up to keep within the disk limits, since the database was made.",
            lost,
            {"kind": kind},
        )
    yield Figure(
        "coral_agent_requests_overloaded_total",
        "OTLP requests refused as overload since the start.",
        health.requests_overloaded,
    )
    yield Figure("coral_agent_outbox_batches", "Batches that wait for the colony.", health.outbox_batches)
    yield Figure("coral_agent_outbox_bytes", "Size of what waits for the colony.", health.outbox_bytes)
    age = 0.0
    if health.HasField("oldest_batch_at"):
        now = time.time_ns() if now_ns is None else now_ns
        age = max(0.0, (now - health.oldest_batch_at.ToNanoseconds()) / 1e9)
    yield Figure(
        "coral_agent_outbox_oldest_age_seconds", "Age of the oldest batch that waits; 0 when none does.", age
    )
    yield Figure("coral_agent_data_bytes", "Size of the data directory.", health.disk_used_bytes)
    yield Figure("coral_agent_disk_free_bytes", "Space left on its file system.", health.disk_free_bytes)
    yield Figure("coral_agent_problems", "Problems that `coral status` tells of.", len(health.problems))


def store_figures(statistics: StoreStatistics) -> Iterator[Figure]:
    """What an agent's store has done and holds, as metrics."""
    yield Figure(
        "coral_agent_store_transactions_total",
        "Transactions committed since the start.",
        statistics.committed_transactions,
    )
    yield Figure("coral_agent_store_queued_jobs", "Jobs that wait for the writer.", statistics.queued_jobs)
    yield Figure("coral_agent_store_segments", "Sealed files.", statistics.segment_count)
    yield Figure("coral_agent_store_segment_bytes", "Size of the sealed files.", statistics.segment_bytes)
    yield Figure(
        "coral_agent_store_refused_writes_total",
        "Writes refused because the disk is full, since the start.",
        statistics.refused_writes,
    )
