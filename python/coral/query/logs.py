"""QueryLogs: what is asked, finding records in an agent's store, and pages over the answers of agents."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from coral._proto.colony.v1 import query_pb2 as pb
from coral.clock import Clock
from coral.errors import UsageError
from coral.limits import MAX_LOG_ANSWER_BYTES, MAX_PAGE_SIZE
from coral.model.redaction import Redaction
from coral.store.api import Store
from coral.store.duckdb.tables import LOGS
from coral.wire.page_tokens import decode_token, encode_token
from coral.wire.times import from_timestamp, to_timestamp, window_of

DEFAULT_LIMIT: Final = 100
MAX_INNER_LIMIT: Final = 2 * MAX_PAGE_SIZE + 1
"""Records that a colony asks an agent for at most: a page, and those of its first instant once more."""

_HOUR: Final = timedelta(hours=1)
_EPOCH: Final = datetime(1970, 1, 1)
_TICK: Final = timedelta(microseconds=1)
_NAMES: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")  # as LogSeverity from 1 on
_SEVERITIES: Final = {name: number for number, name in enumerate(_NAMES, start=1)}
# Newest first, so that a question that has found enough, or whose time is up, reads no further.
_SLICES: Final = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))

_SQL: Final = """
    SELECT time, service_name, severity, body, attributes, trace_id, span_id FROM ({logs})
    WHERE time >= $start AND time < $end
      AND ($service = '' OR service_name = $service)
      AND ($trace_id = '' OR trace_id = $trace_id)
      AND ($all_severities OR severity IN (SELECT unnest($severities::VARCHAR[])))
      AND ($contains = '' OR contains(lower(body), lower($contains)))
    ORDER BY time DESC, ingest_seq DESC, service_name, instance_id, span_id, body
    LIMIT $size
"""


@dataclass(frozen=True)
class LogFilter:
    """A checked QueryLogsRequest.

    Attributes:
        service: Only this one; empty for all.
        severities: Only these; None for all.
        contains: Only bodies with this text.
        trace_id: Only this trace; empty for all.
        start: Oldest instant that counts.
        end: First instant that no longer counts.
        now: The time of the question; few records are later than it.
        limit: Records per page.
        skip: How many records of the newest instant were on earlier pages.
    """

    service: str
    severities: tuple[str, ...] | None
    contains: str
    trace_id: str
    start: datetime
    end: datetime
    now: datetime
    limit: int
    skip: int


def log_filter(request: pb.QueryLogsRequest, clock: Clock, *, most: int = MAX_PAGE_SIZE) -> LogFilter:
    """Checks a request.

    Args:
        request: The request.
        clock: For how far to look back.
        most: The largest limit.

    Raises:
        UsageError: A field cannot be used.
    """
    if not 0 <= request.limit <= most:
        raise UsageError(f"limit is {request.limit}, expected 0 to {most}")
    trace_id = request.trace_id.lower()
    if trace_id and (len(trace_id) != 32 or not all(c in "0123456789abcdef" for c in trace_id)):
        raise UsageError(f"trace_id is {request.trace_id!r}, expected 32 hex digits")
    now = clock.now()
    window = window_of(request.window, present=request.HasField("window"), default=_HOUR)
    end = now + _HOUR  # a sender's clock may be ahead of ours
    if request.HasField("before"):
        end = min(end, from_timestamp(request.before))
    token = decode_token(request.page_token, (int, int))
    skip = 0
    if token is not None:
        micros, skip = token
        if not 0 <= micros < 2**62 or not 0 <= skip <= MAX_PAGE_SIZE:
            raise UsageError(f"page_token {request.page_token!r} is not one of ours")
        end = min(end, _EPOCH + timedelta(microseconds=micros) + _TICK)
    return LogFilter(
        service=request.service,
        severities=_severities(request),
        contains=request.contains,
        trace_id=trace_id,
        start=now - window,
        end=end,
        now=now,
        limit=request.limit or DEFAULT_LIMIT,
        skip=skip,
    )


def _severities(request: pb.QueryLogsRequest) -> tuple[str, ...] | None:
    least, most = request.min_severity, request.max_severity or pb.LOG_SEVERITY_FATAL
    for name, value in (("min_severity", least), ("max_severity", most)):
        if not 0 <= value <= len(_NAMES):
            raise UsageError(f"{name} is {value}, expected one of LogSeverity")
    if not request.min_severity and not request.max_severity:
        return None
    return _NAMES[max(least, 1) - 1 : most]


def find_logs(
    store: Store, wanted: LogFilter, *, agent_id: str, seconds: float, redaction: Redaction | None = None
) -> pb.QueryLogsResponse:
    """The newest records of an agent's store that match, `wanted.limit` at most. Blocking.

    Args:
        store: The agent's store.
        wanted: Which records; `skip` is not looked at.
        agent_id: Written into the records.
        seconds: When they are used up, what was found so far is the answer, with a note.
        redaction: Values that are taken out before anything is looked for; None for none.
    """
    sql = _SQL.format(logs=_logs(wanted, redaction))
    deadline = time.monotonic() + seconds
    response = pb.QueryLogsResponse()
    size = 0
    end = wanted.end
    for start in _starts(wanted):
        rows = store.query(
            sql,
            {
                "start": start,
                "end": end,
                "service": wanted.service,
                "trace_id": wanted.trace_id,
                "all_severities": wanted.severities is None,
                "severities": list(wanted.severities or ()),
                "contains": wanted.contains,
                "size": wanted.limit - len(response.records),
            },
            since={"logs": start},
        )
        for row in rows:
            record = _record(row, agent_id)
            size += record.ByteSize()
            if response.records and size > MAX_LOG_ANSWER_BYTES:
                response.completeness.rows_cut = True
                return response
            response.records.append(record)
        if len(response.records) >= wanted.limit:
            response.completeness.rows_cut = True
            return response
        if start > wanted.start and time.monotonic() > deadline:
            response.completeness.rows_cut = True
            response.completeness.notes.append(
                f"{agent_id} searched its log records back to {start:%H:%M:%S} UTC within {seconds:g} s"
            )
            return response
        end = start
    return response


def _logs(wanted: LogFilter, redaction: Redaction | None) -> str:
    """The table as the asker may see it."""
    if redaction is None:
        return "FROM logs"
    texts = ", ".join(f"{redaction.sql(column)} AS {column}" for column in LOGS.redacted)
    # Text that is in a record without its values was in it before, but for what stands in their place:
    # where that cannot be what is looked for, records without it are left out first, which is quicker.
    quick = "" if redaction.adds(wanted.contains) else " WHERE contains(lower(body), lower($contains))"
    return f"SELECT * REPLACE ({texts}) FROM logs{quick}"


def _starts(wanted: LogFilter) -> list[datetime]:
    newest = min(wanted.end, wanted.now)
    starts = [newest - length for length in _SLICES]
    return [*(start for start in starts if start > wanted.start), wanted.start]


def _record(row: tuple[Any, ...], agent_id: str) -> pb.LogRecord:
    moment, service, severity, body, attributes, trace_id, span_id = row
    return pb.LogRecord(
        time=to_timestamp(moment),
        service_name=service,
        severity=pb.LogSeverity.Name(0) if severity not in _SEVERITIES else f"LOG_SEVERITY_{severity}",
        body=body,
        attributes_json=attributes,
        trace_id=trace_id,
        span_id=span_id,
        agent_id=agent_id,
    )


class LogPage:
    """Merges the answers of agents into one page, newest first, without gaps and without doubles."""

    def __init__(self, wanted: LogFilter) -> None:
        self._wanted = wanted
        self._need = wanted.limit + wanted.skip + 1
        self._found: list[tuple[int, str, int, pb.LogRecord]] = []
        self._horizon = -(2**62)  # an agent that was cut may have more that is older than this
        self._cut = False
        self._gave_up = False  # an agent's time was up before it found anything
        self._notes: list[str] = []

    def inner_request(self, request: pb.QueryLogsRequest) -> pb.QueryLogsRequest:
        """What to ask each agent."""
        inner = pb.QueryLogsRequest()
        inner.CopyFrom(request)
        inner.page_token = ""
        inner.before.CopyFrom(to_timestamp(self._wanted.end))
        inner.limit = min(self._need, MAX_INNER_LIMIT)
        return inner

    def add(self, agent_id: str, answer: pb.QueryLogsResponse) -> None:
        """Takes an agent's answer."""
        self._notes += answer.completeness.notes
        if answer.completeness.rows_cut:
            self._cut |= len(answer.records) > 0
            self._gave_up |= len(answer.records) == 0
        if answer.completeness.rows_cut and answer.records:
            self._horizon = max(self._horizon, _micros(answer.records[-1]))
        for at, record in enumerate(answer.records):
            record.agent_id = agent_id
            self._found.append((-_micros(record), agent_id, at, record))
        if len(self._found) > 4 * self._need:
            self._trim()

    def response(self, completeness: pb.Completeness) -> pb.QueryLogsResponse:
        """The page; `completeness` is completed and becomes part of it."""
        self._found.sort(key=lambda item: item[:3])
        certain = [item for item in self._found if -item[0] >= self._horizon]
        newest = _to_micros(self._wanted.end - _TICK)
        skipped = sum(1 for item in certain[: self._wanted.skip] if -item[0] == newest)
        page = certain[skipped : skipped + self._wanted.limit]
        more = self._cut or len(certain) > skipped + len(page)
        token = self._next(certain, skipped, page) if more else ""
        completeness.rows_cut = more or self._gave_up
        completeness.notes.extend(self._notes)
        return pb.QueryLogsResponse(
            records=[item[3] for item in page], completeness=completeness, next_page_token=token
        )

    def _next(
        self,
        certain: list[tuple[int, str, int, pb.LogRecord]],
        skipped: int,
        page: list[tuple[int, str, int, pb.LogRecord]],
    ) -> str:
        newest = _to_micros(self._wanted.end - _TICK)
        oldest = -page[-1][0] if page else newest
        done = sum(1 for item in certain[: skipped + len(page)] if -item[0] == oldest)
        if page and done <= MAX_PAGE_SIZE:
            return encode_token(oldest, done)
        # So many records of one instant that a page holds no more of them: go on before it.
        note = f"more than {MAX_PAGE_SIZE} records have the same time, and some of them are left out"
        self._notes.append(note)
        return encode_token(oldest - 1, 0)

    def _trim(self) -> None:
        self._found.sort(key=lambda item: item[:3])
        del self._found[self._need :]


def _micros(record: pb.LogRecord) -> int:
    return record.time.seconds * 1_000_000 + record.time.nanos // 1000


def _to_micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _TICK


class LocalLogs:
    """QueryLogs over one agent's own store. Used from one event loop."""

    def __init__(self, store: Store, *, agent_id: str, clock: Clock, seconds: float) -> None:
        self._store = store
        self._agent_id = agent_id
        self._clock = clock
        self._seconds = seconds

    async def query_logs(self, request: pb.QueryLogsRequest) -> pb.QueryLogsResponse:
        """See the RPC."""
        wanted = log_filter(request, self._clock)
        page = LogPage(wanted)
        page.add(self._agent_id, await self.find(page.inner_request(request)))
        return page.response(pb.Completeness())

    async def find(
        self, request: pb.QueryLogsRequest, redaction: Redaction | None = None
    ) -> pb.QueryLogsResponse:
        """The newest records, for a colony that makes pages of them; without the values of `redaction`."""
        wanted = log_filter(request, self._clock, most=MAX_INNER_LIMIT)
        return await asyncio.to_thread(
            find_logs,
            self._store,
            wanted,
            agent_id=self._agent_id,
            seconds=self._seconds,
            redaction=redaction,
        )
