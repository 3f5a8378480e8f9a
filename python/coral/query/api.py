"""Requests to responses of QueryService, without a transport: errors are `CoralError`s."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from coral._proto.colony.v1 import query_pb2 as pb
from coral.errors import UnsupportedError, UsageError
from coral.limits import (
    MAX_PAGE_SIZE,
)
from coral.query.dataset import complete
from coral.query.helpers import Helpers, TraceFilter, Window
from coral.query.records import Events, Records
from coral.query.redactor import Redactor
from coral.query.series import Plots
from coral.query_limits import how_to_raise
from coral.store.api import QueriedStore
from coral.store.duckdb.tables import PRIVATE_TABLES
from coral.store.guard.pool import Columns, QueryPool, Rows
from coral.store.guard.protocol import Job
from coral.wire.page_tokens import decode_token, encode_token
from coral.wire.times import from_timestamp, to_duration, to_timestamp, window_of

T = TypeVar("T")
_FIVE_MINUTES: Final = timedelta(minutes=5)
_HOUR: Final = timedelta(hours=1)
_DEFAULT_METRIC: Final = "http.server.duration"
_MAX_NS: Final = 2**63 - 1
_SPAN_TABLES: Final = ("otel_spans_local", "trace_summary", "spans")

_KINDS: Final = {
    "INTERNAL": pb.SPAN_KIND_INTERNAL,
    "SERVER": pb.SPAN_KIND_SERVER,
    "CLIENT": pb.SPAN_KIND_CLIENT,
    "PRODUCER": pb.SPAN_KIND_PRODUCER,
    "CONSUMER": pb.SPAN_KIND_CONSUMER,
}
_STATUSES: Final = {"OK": pb.SPAN_STATUS_OK, "ERROR": pb.SPAN_STATUS_ERROR}


class QueryApi:
    """Answers QueryService requests over one store. Used from one event loop."""

    def __init__(
        self,
        store: QueriedStore,
        helpers: Helpers,
        pool: QueryPool,
        records: Records,
        *,
        completeness: Callable[[], pb.Completeness],
        samples_traces: bool,
        events: Events | None = None,
        redactor: Redactor | None = None,
    ) -> None:
        """Binds the service.

        Args:
            store: Where raw SQL takes its segments from.
            helpers: The prepared questions.
            pool: Workers for raw SQL.
            records: Who answers about log records and functions; `QueryServicer` asks it directly.
            completeness: What is known to be missing, as of now; the caller owns the message.
            samples_traces: Whether the store holds a sample of spans (colony) or all (agent).
            events: Who keeps events of scripts; None where nobody does.
            redactor: What callers may not see; None where they may see all.
        """
        self._store = store
        self._helpers = helpers
        self._plots = Plots(store, helpers)
        self._pool = pool
        self.records = records
        self._completeness = completeness
        self._samples_traces = samples_traces
        self._events = events
        self._redactor = redactor or Redactor()
        self._seal_lock = asyncio.Lock()

    async def list_services(self, request: pb.ListServicesRequest) -> pb.ListServicesResponse:
        """See the RPC."""
        window = _window(request, default=None)
        size = _page_size(request.page_size, MAX_PAGE_SIZE)
        rows = await _in_thread(
            lambda: self._helpers.services(window, after=request.page_token, size=size + 1)
        )
        services = [
            pb.Service(name=name, last_seen=to_timestamp(seen), instance_count=instances)
            for name, seen, instances in rows[:size]
        ]
        token = services[-1].name if len(rows) > size else ""
        return pb.ListServicesResponse(
            services=services, next_page_token=token, completeness=self._completeness()
        )

    async def get_percentile(self, request: pb.GetPercentileRequest) -> pb.GetPercentileResponse:
        """See the RPC."""
        _require(request.service, "service")
        if not 0.0 <= request.percentile <= 1.0:
            raise UsageError(
                f"percentile is {request.percentile:g}, expected a fraction from 0 to 1",
                hint="P99 is 0.99",
            )
        metric = request.metric or _DEFAULT_METRIC
        window = self._helpers.window(_window(request, default=_FIVE_MINUTES))
        recent = self._helpers.recent(request.service, window)
        question = partial(
            self._helpers.percentile, request.service, metric, request.percentile, window, recent
        )
        found = question() if recent.complete(window) else await _in_thread(question)
        return pb.GetPercentileResponse(
            value=found.value_ns,
            unit="ns",
            sample_count=found.sample_count,
            window=_to_window(found.window),
            completeness=self._completeness(),
        )

    async def get_error_rate(self, request: pb.GetErrorRateRequest) -> pb.GetErrorRateResponse:
        """See the RPC."""
        _require(request.service, "service")
        window = self._helpers.window(_window(request, default=_FIVE_MINUTES))
        recent = self._helpers.recent(request.service, window)
        question = partial(self._helpers.requests, request.service, window, recent)
        found = question() if recent.complete(window) else await _in_thread(question)
        return pb.GetErrorRateResponse(
            error_rate=found.errors / found.count,
            request_count=found.count,
            error_count=found.errors,
            window=_to_window(found.window),
            completeness=self._completeness(),
        )

    async def get_series(self, request: pb.GetSeriesRequest) -> pb.GetSeriesResponse:
        """See the RPC."""
        _require(request.service, "service")
        step = (
            window_of(request.step, present=True, default=_HOUR, name="step")
            if request.HasField("step")
            else None
        )
        metric = request.metric or _DEFAULT_METRIC
        window = _window(request, default=_HOUR)
        return await self._plots.series(request.service, metric, window, step, self._completeness())

    async def get_histogram(self, request: pb.GetHistogramRequest) -> pb.GetHistogramResponse:
        """See the RPC."""
        _require(request.service, "service")
        metric = request.metric or _DEFAULT_METRIC
        window = _window(request, default=_FIVE_MINUTES)
        most = request.max_buckets
        return await self._plots.histogram(request.service, metric, window, most, self._completeness())

    async def query_traces(self, request: pb.QueryTracesRequest) -> pb.QueryTracesResponse:
        """See the RPC."""
        size = _page_size(request.page_size, 100)
        after = decode_token(request.page_token, (int, str, str))
        wanted = TraceFilter(
            service=request.service,
            min_ns=request.min_duration.ToNanoseconds(),
            max_ns=request.max_duration.ToNanoseconds() if request.HasField("max_duration") else _MAX_NS,
            start=self._helpers.since(_window(request, default=_HOUR)),
            has_error={pb.TRACE_STATUS_OK: False, pb.TRACE_STATUS_ERROR: True}.get(request.status),
            size=size + 1,
            after=None if after is None else (_from_micros(after[0]), after[1], after[2]),
        )
        rows = await _in_thread(lambda: self._helpers.recent_traces(wanted))
        token = ""
        if len(rows) > size:
            trace_id, service, start = rows[size - 1][:3]
            token = encode_token(_to_micros(start), trace_id, service)
        return pb.QueryTracesResponse(
            traces=[_trace_summary(row) for row in rows[:size]],
            next_page_token=token,
            completeness=self._sampled(),
        )

    async def find_slow_traces(self, request: pb.FindSlowTracesRequest) -> pb.FindSlowTracesResponse:
        """See the RPC."""
        _require(request.service, "service")
        size = _page_size(request.page_size, 100)
        after = decode_token(request.page_token, (int, str))
        start = self._helpers.since(_window(request, default=_HOUR))
        min_ns = request.threshold.ToNanoseconds()
        rows = await _in_thread(
            lambda: self._helpers.slow_traces(
                request.service,
                min_ns,
                start,
                size=size + 1,
                after=None if after is None else (after[0], after[1]),
            )
        )
        token = encode_token(rows[size - 1][3], rows[size - 1][0]) if len(rows) > size else ""
        return pb.FindSlowTracesResponse(
            traces=[_trace_summary(row) for row in rows[:size]],
            next_page_token=token,
            completeness=self._sampled(),
        )

    async def get_trace(self, request: pb.GetTraceRequest) -> pb.GetTraceResponse:
        """See the RPC."""
        trace_id = request.trace_id.lower()
        if len(trace_id) != 32 or not all(c in "0123456789abcdef" for c in trace_id):
            raise UsageError(f"trace_id is {request.trace_id!r}, expected 32 hex digits")
        rows = await _in_thread(lambda: self._helpers.trace(trace_id))
        texts = await _in_thread(lambda: self._redactor.texts([row[-1] for row in rows]))
        spans = [_span((*row[:-1], text)) for row, text in zip(rows, texts, strict=True)]
        return pb.GetTraceResponse(spans=spans, completeness=self._sampled())

    async def get_system_metrics(self, request: pb.GetSystemMetricsRequest) -> pb.GetSystemMetricsResponse:
        """See the RPC."""
        window = self._helpers.window(_window(request, default=_FIVE_MINUTES))
        rows = await _in_thread(
            lambda: self._helpers.system_metrics(request.agent_id, request.service, window)
        )
        agents = [
            pb.SystemMetrics(
                agent_id=agent_id,
                cpu_pct=cpu,
                mem_used_bytes=used,
                mem_total_bytes=total,
                last_sample_time=to_timestamp(newest),
            )
            for agent_id, cpu, used, total, newest in rows
        ]
        total = pb.SystemMetrics(
            cpu_pct=sum(row[1] for row in rows) / len(rows),
            mem_used_bytes=sum(row[2] for row in rows),
            mem_total_bytes=sum(row[3] for row in rows),
            last_sample_time=to_timestamp(max(row[4] for row in rows)),
        )
        return pb.GetSystemMetricsResponse(
            total=total, agents=agents, window=_to_window(window), completeness=self._completeness()
        )

    async def query_events(self, request: pb.QueryEventsRequest) -> pb.QueryEventsResponse:
        """See the RPC."""
        if self._events is None:
            raise UnsupportedError("events of scripts are kept by the colony only", hint="ask the colony")
        return await self._events.list(request)

    async def execute_query(
        self, request: pb.ExecuteQueryRequest, *, caller: str = ""
    ) -> AsyncGenerator[pb.ExecuteQueryResponse, None]:
        """See the RPC. Closing the generator ends the query."""
        _require(request.sql.strip(), "sql")
        started = time.monotonic()
        limits = self._pool.limits
        timeout = (
            request.timeout.ToNanoseconds() / 1e9
            if request.HasField("timeout")
            else (limits.max_timeout if request.stream else limits.timeout)
        )
        most = limits.stream_rows if request.stream else limits.max_rows
        max_rows = min(request.max_rows or most, most)
        if timeout <= 0 or max_rows < 0:
            raise UsageError(f"timeout is {timeout:g} s and max_rows {max_rows}, both must be positive")
        await self._publish()
        segments: dict[str, list[str]] = {}
        for segment in await _in_thread(self._store.segments):
            if segment.table in PRIVATE_TABLES:
                continue
            segments.setdefault(segment.table, []).append(str(segment.path))
        job = Job(
            sql=request.sql,
            params=[_value(item) for item in request.params],
            named_params={name: _value(item) for name, item in request.named_params.items()},
            segments=segments,
            max_rows=max_rows,
            max_bytes=limits.stream_bytes if request.stream else limits.max_bytes,
            now=self._helpers.now(),
            redaction=self._redactor.current(),
        )
        more_time = (
            f"ask for more time, up to {limits.max_timeout:g} s"
            if timeout < limits.max_timeout
            else how_to_raise("max_timeout")
        )
        timeout = min(timeout, limits.max_timeout)
        parts = self._pool.run(job, timeout=timeout, caller=caller, more_time=more_time)
        async with contextlib.aclosing(parts):
            async for part in parts:
                if isinstance(part, Columns):
                    columns = [pb.Column(name=name, type=kind) for name, kind in part.columns]
                    header = pb.QueryHeader(columns=columns, arrow_schema=part.arrow_schema)
                    yield pb.ExecuteQueryResponse(header=header)
                elif isinstance(part, Rows):
                    batch = pb.QueryBatch(arrow_batch=part.arrow_batch, row_count=part.row_count)
                    yield pb.ExecuteQueryResponse(batch=batch)
                else:
                    about_spans = any(name in request.sql.lower() for name in _SPAN_TABLES)
                    completeness = self._sampled() if about_spans else self._completeness()
                    size = "query.stream_bytes" if request.stream else "query.max_bytes"
                    complete(completeness, part, max_rows, size)
                    elapsed = to_duration(round((time.monotonic() - started) * 1e9))
                    trailer = pb.QueryTrailer(
                        row_count=part.row_count, completeness=completeness, elapsed=elapsed
                    )
                    yield pb.ExecuteQueryResponse(trailer=trailer)

    async def _publish(self) -> None:
        """Seals what is new, so that workers see everything that was acknowledged."""
        async with self._seal_lock:
            await _in_thread(self._store.seal)

    def _sampled(self) -> pb.Completeness:
        completeness = self._completeness()
        completeness.sampled = self._samples_traces
        return completeness


async def _in_thread(work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work)


def _window(request: Any, *, default: timedelta | None) -> Any:
    present = request.HasField("window")
    if default is None and not present:
        return None
    return window_of(request.window, present=present, default=default or _HOUR)


def _require(value: str, name: str) -> None:
    if not value:
        raise UsageError(f"{name} is empty", hint=f"set {name} in the request")


def _page_size(asked: int, default: int) -> int:
    if not 0 <= asked <= MAX_PAGE_SIZE:
        raise UsageError(f"page_size is {asked}, expected 0 to {MAX_PAGE_SIZE}")
    return asked or default


def _to_window(window: Window) -> pb.TimeWindow:
    return pb.TimeWindow(start=to_timestamp(window.start), end=to_timestamp(window.end))


def _trace_summary(row: tuple[Any, ...]) -> pb.TraceSummary:
    trace_id, service, start, duration_ns, has_error, span_count = row
    return pb.TraceSummary(
        trace_id=trace_id,
        service_name=service,
        start_time=to_timestamp(start),
        duration=to_duration(duration_ns),
        has_error=has_error,
        span_count=span_count,
    )


def _span(row: tuple[Any, ...]) -> pb.Span:
    trace_id, span_id, parent, service, name, kind, start, duration_ns, status, attributes = row
    return pb.Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=parent,
        service_name=service,
        span_name=name,
        kind=_KINDS.get(kind, pb.SPAN_KIND_INTERNAL),
        start_time=to_timestamp(start),
        duration=to_duration(duration_ns),
        status=_STATUSES.get(status, pb.SPAN_STATUS_UNSPECIFIED),
        attributes_json=attributes,
    )


def _value(item: pb.SqlValue) -> Any:
    kind = item.WhichOneof("value")
    if kind is None:
        return None
    value = getattr(item, kind)
    return from_timestamp(value) if kind == "timestamp_value" else value


def _to_micros(time_: datetime) -> int:
    return round((time_ - datetime(1970, 1, 1)).total_seconds() * 1_000_000)


def _from_micros(micros: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(microseconds=micros)
