"""Events that scripts emit: checked, bounded, stored once, and listed."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any, Final

import msgspec

from coral._proto.colony.v1 import query_pb2 as pb
from coral._proto.sdk.v1 import runtime_pb2
from coral.clock import Clock
from coral.errors import OverloadedError, QuotaError, UsageError
from coral.limits import (
    EVENT_BYTES_PER_SECOND,
    EVENTS_AT_ONCE,
    EVENTS_PER_SECOND,
    MAX_EVENT_BYTES,
    MAX_EVENTS_PER_RUN,
    MAX_LOG_ANSWER_BYTES,
    MAX_NAME_LENGTH,
    MAX_PAGE_SIZE,
    MAX_REMEMBERED_EVENTS,
)
from coral.query.redactor import Redactor
from coral.store.api import Store, Transaction
from coral.wire.page_tokens import decode_token, encode_token
from coral.wire.times import from_timestamp, to_timestamp, window_of

_DAY: Final = timedelta(days=1)
_REMEMBERED: Final = timedelta(minutes=10)
_MAX_RUNS: Final = 10_000
_BURST_SECONDS: Final = 10
_USUAL_PAGE: Final = 100
_SEVERITIES: Final = frozenset(number for number in runtime_pb2.Severity.values() if number)
_INSERT: Final = "INSERT INTO script_events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

_Row = tuple[str, str, str, str, str, str, int, str, datetime, datetime]


@dataclass
class _Bucket:
    """A token bucket: fills evenly, and what it holds may be taken at once."""

    per_second: float
    most: float
    tokens: float
    at: float

    def take(self, tokens: float, now: float) -> bool:
        self.tokens = min(self.most, self.tokens + (now - self.at) * self.per_second)
        self.at = now
        if self.tokens < tokens:
            return False
        self.tokens -= tokens
        return True


@dataclass
class _Run:
    """What one run has emitted."""

    bucket: _Bucket
    count: int = 0


@dataclass(frozen=True)
class EventStatistics:
    """What came of events, since the start.

    Attributes:
        stored: Events stored.
        repeated: Events that came again and were not stored again.
        refused: Events refused by a limit.
    """

    stored: int
    repeated: int
    refused: int


class ScriptEvents:
    """Takes and lists events. Used from one event loop.

    A run's figures are kept in memory, for the newest `_MAX_RUNS` runs: a restarted colony counts anew.
    A script can give itself another run's id, or many: what all runs together may store is bounded too.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        redactor: Redactor | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._monotonic = monotonic
        self._redactor = redactor or Redactor()
        self._runs: OrderedDict[str, _Run] = OrderedDict()
        self._all = _Bucket(
            EVENT_BYTES_PER_SECOND,
            _BURST_SECONDS * EVENT_BYTES_PER_SECOND,
            _BURST_SECONDS * EVENT_BYTES_PER_SECOND,
            monotonic(),
        )
        self._known: OrderedDict[str, None] = OrderedDict()
        self._under_way: dict[str, asyncio.Future[None]] = {}
        self._stored = self._repeated = self._refused = 0

    def load(self) -> None:
        """Learns the ids of the newest events; blocking, before the first call."""
        start = self._clock.now() - _REMEMBERED
        rows = self._store.query(
            "SELECT event_id FROM script_events WHERE received_at >= ? ORDER BY ingest_seq DESC LIMIT ?",
            [start, MAX_REMEMBERED_EVENTS],
            since={"script_events": start},
        )
        self._known.update((event_id, None) for (event_id,) in reversed(rows))

    def statistics(self) -> EventStatistics:
        """Figures as of now."""
        return EventStatistics(self._stored, self._repeated, self._refused)

    async def emit(self, request: runtime_pb2.EmitRequest) -> None:
        """See the RPC.

        Raises:
            UsageError: The event cannot be used.
            QuotaError: The run has emitted `MAX_EVENTS_PER_RUN`.
            OverloadedError: The run, or all together, emit too fast.
            StorageError: It cannot be stored now.
        """
        row = self._checked(request)
        event_id = row[0]
        if (waiting := self._under_way.get(event_id)) is not None:
            self._repeated += 1
            await asyncio.shield(waiting)
            return
        if event_id in self._known:
            self._repeated += 1
            return
        self._admit(row[1], len(row[7]))
        work = asyncio.ensure_future(self._write(row))
        self._under_way[event_id] = work
        work.add_done_callback(lambda _: self._under_way.pop(event_id, None))
        # A caller that goes away does not take back what may be written already.
        await asyncio.shield(work)

    async def _write(self, row: _Row) -> None:
        def insert(transaction: Transaction) -> None:
            transaction.connection.execute(_INSERT, [transaction.seq, *row])

        await asyncio.wrap_future(self._store.submit(insert, size_bytes=len(row[7])))
        self._stored += 1
        self._known[row[0]] = None
        while len(self._known) > MAX_REMEMBERED_EVENTS:
            self._known.popitem(last=False)

    async def list(self, request: pb.QueryEventsRequest) -> pb.QueryEventsResponse:
        """See the RPC.

        Raises:
            UsageError: A field cannot be used.
        """
        if not 0 <= request.page_size <= MAX_PAGE_SIZE:
            raise UsageError(f"page_size is {request.page_size}, expected 0 to {MAX_PAGE_SIZE}")
        size = request.page_size or _USUAL_PAGE
        window = window_of(request.window, present=request.HasField("window"), default=_DAY)
        start = self._clock.now() - window
        last = decode_token(request.page_token, (int, str))
        values = {
            "start": start,
            "after": request.after_sequence,
            "min_severity": int(request.min_severity),
            "name": request.name,
            "execution_id": request.execution_id,
            "last_seq": last and last[0],
            "last_id": last[1] if last else "",
            "size": size + 1,
        }
        rows = await asyncio.to_thread(self._store.query, _sql(), values, since={"script_events": start})
        taken = _page(rows, size)
        token = encode_token(taken[-1][0], taken[-1][1]) if len(rows) > len(taken) else ""
        # A script of somebody who may see raw attributes may have put some into its events.
        texts = await asyncio.to_thread(self._redactor.texts, [row[4] for row in taken])
        events = [_event((*row[:4], text, *row[5:])) for row, text in zip(taken, texts, strict=True)]
        return pb.QueryEventsResponse(events=events, next_page_token=token)

    def _admit(self, execution_id: str, size_bytes: int) -> None:
        now = self._monotonic()
        if (run := self._runs.get(execution_id)) is None:
            run = _Run(_Bucket(EVENTS_PER_SECOND, EVENTS_AT_ONCE, EVENTS_AT_ONCE, now))
            self._runs[execution_id] = run
            if len(self._runs) > _MAX_RUNS:
                self._runs.popitem(last=False)
        self._runs.move_to_end(execution_id)
        if run.count >= MAX_EVENTS_PER_RUN:
            self._refused += 1
            raise QuotaError(
                f"this run has emitted {MAX_EVENTS_PER_RUN} events, all that one may (MAX_EVENTS_PER_RUN)",
                hint="emit only what somebody has to see, or one event that sums up many",
            )
        if not run.bucket.take(1, now):
            self._refused += 1
            raise OverloadedError(
                f"this run emits more than {EVENTS_PER_SECOND} events per second (EVENTS_PER_SECOND)",
                hint="emit only what somebody has to see, or one event that sums up many",
            )
        if not self._all.take(size_bytes, now):
            self._refused += 1
            raise OverloadedError(
                f"all scripts together emit more than {EVENT_BYTES_PER_SECOND} bytes per second"
                " (EVENT_BYTES_PER_SECOND)",
                hint="retry later, or emit smaller events",
            )
        run.count += 1

    def _checked(self, request: runtime_pb2.EmitRequest) -> _Row:
        now = self._clock.now()
        if not 0 < len(request.name) <= MAX_NAME_LENGTH:
            raise UsageError(
                f"the event's name has {len(request.name)} characters, expected 1 to {MAX_NAME_LENGTH}"
                " (MAX_NAME_LENGTH)"
            )
        if len(request.script_name) > MAX_NAME_LENGTH:
            raise UsageError(f"script_name has more than {MAX_NAME_LENGTH} characters (MAX_NAME_LENGTH)")
        size = len(request.data.encode())
        if size > MAX_EVENT_BYTES:
            raise UsageError(
                f"the data of the event {request.name!r} have {size} bytes as JSON, expected at most"
                f" {MAX_EVENT_BYTES} (MAX_EVENT_BYTES)",
                hint="emit what somebody has to see, and leave the rest to a query",
            )
        if request.severity and request.severity not in _SEVERITIES:
            raise UsageError(f"severity is {request.severity}, expected 0 to {max(_SEVERITIES)}")
        return (
            _uuid(request.event_id, "event_id"),
            _uuid(request.execution_id, "execution_id"),
            "",
            request.script_name,
            "",
            request.name,
            request.severity or runtime_pb2.SEVERITY_INFO,
            _json_object(request.data),
            _time(request) if request.HasField("timestamp") else now,
            now,
        )


def _page(rows: list[tuple[Any, ...]], size: int) -> list[tuple[Any, ...]]:
    """As many rows as fit into one answer, at least one where there is any."""
    taken: list[tuple[Any, ...]] = []
    room = MAX_LOG_ANSWER_BYTES
    for row in rows[:size]:
        room -= len(row[4])
        if taken and room < 0:
            break
        taken.append(row)
    return taken


def _event(row: Iterable[Any]) -> pb.EmittedEvent:
    sequence, event_id, name, severity, data, event_time, received_at, *origin = row
    execution_id, script_name, agent_id, script_id = origin
    return pb.EmittedEvent(
        sequence=sequence,
        event_id=event_id,
        name=name,
        severity=severity,
        data=data,
        time=to_timestamp(event_time),
        received_at=to_timestamp(received_at),
        execution_id=execution_id,
        script_name=script_name,
        agent_id=agent_id,
        script_id=script_id,
    )


@cache
def _sql() -> str:
    return (resources.files("coral.colony") / "events.sql").read_text(encoding="utf-8")


def _uuid(text: str, name: str) -> str:
    try:
        if len(text) == 36:
            return str(uuid.UUID(text))
    except ValueError:
        pass
    raise UsageError(f"{name} is {text[:40]!r}, expected a UUID")


def _json_object(text: str) -> str:
    try:
        if isinstance(msgspec.json.decode(text or "{}"), dict):
            return text or "{}"
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"the event's data are no JSON: {error}") from None
    raise UsageError("the event's data are JSON, but no object", hint="put the value into one: {value: ...}")


def _time(request: runtime_pb2.EmitRequest) -> datetime:
    try:
        return from_timestamp(request.timestamp)
    except (ValueError, OverflowError):
        raise UsageError(
            f"the event's timestamp of {request.timestamp.seconds} s is no time of a calendar"
        ) from None
