"""Events of scripts: what is refused, what is stored once, and how they are listed; over a real store."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from coral._proto.colony.v1 import query_pb2 as pb
from coral._proto.sdk.v1 import runtime_pb2
from coral.clock import FixedClock
from coral.colony.script_events import ScriptEvents
from coral.errors import CoralError, OverloadedError, QuotaError, StorageError, UsageError
from coral.limits import (
    EVENT_BYTES_PER_SECOND,
    EVENTS_AT_ONCE,
    EVENTS_PER_SECOND,
    MAX_EVENT_BYTES,
    MAX_EVENTS_PER_RUN,
)
from coral.store.duckdb.store import DuckDBStore
from coral.store.duckdb.tables import SCRIPT_EVENTS

NOW = datetime(2026, 11, 23, 12, 0, 30)
RUN = str(uuid.UUID(int=7))


class Ticks:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def store(tmp_path: Path, clock: FixedClock) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(
        tmp_path / "data", kind="colony", retention=timedelta(days=7), clock=clock, seal_interval=0
    )
    yield opened
    opened.close()


@pytest.fixture
def events(store: DuckDBStore, clock: FixedClock, ticks: Ticks) -> ScriptEvents:
    return ScriptEvents(store, clock, monotonic=ticks)


def request(
    number: int, name: str = "alert", data: str = "{}", run: str = RUN, **more: object
) -> runtime_pb2.EmitRequest:
    fields = {"event_id": str(uuid.UUID(int=number)), "execution_id": run, "script_name": "a.ts", **more}
    return runtime_pb2.EmitRequest(name=name, data=data, **fields)  # type: ignore[arg-type]


def emit(events: ScriptEvents, *requests: runtime_pb2.EmitRequest) -> None:
    async def all_of_them() -> None:
        for one in requests:
            await events.emit(one)

    asyncio.run(all_of_them())


def listed(events: ScriptEvents, **filters: object) -> list[pb.EmittedEvent]:
    return list(asyncio.run(events.list(pb.QueryEventsRequest(**filters))).events)  # type: ignore[arg-type]


def test_an_event_comes_back_as_it_was_said(events: ScriptEvents, store: DuckDBStore) -> None:
    said = json.dumps({"severity": "warning", "message": "P99 \u2028 \u0000", "p99": 990.5})
    at = Timestamp(seconds=1_790_000_000, nanos=5_000_000)
    emit(events, request(1, data=said, severity=runtime_pb2.SEVERITY_WARNING, timestamp=at))
    for _ in range(2):  # the second time it is in a segment
        (found,) = listed(events)
        assert (found.event_id, found.name, found.data) == (str(uuid.UUID(int=1)), "alert", said)
        assert (found.execution_id, found.script_name, found.agent_id) == (RUN, "a.ts", "")
        assert (found.severity, found.time) == (runtime_pb2.SEVERITY_WARNING, at)
        assert found.received_at.ToDatetime() == NOW
        store.seal()


def test_severity_and_time_have_defaults(events: ScriptEvents) -> None:
    emit(events, request(1, data=""))
    (found,) = listed(events)
    assert (found.severity, found.data) == (runtime_pb2.SEVERITY_INFO, "{}")
    assert found.time.ToDatetime() == NOW


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (request(1, name=""), "name has 0 characters, expected 1 to 255"),
        (request(1, name="n" * 256), "name has 256 characters, expected 1 to 255"),
        (request(1, data="[1]"), "no object"),
        (request(1, data="{"), "no JSON"),
        (request(1, data="[" * 60_000), "no JSON"),
        (request(1, data=json.dumps({"é": "é" * MAX_EVENT_BYTES})), "at most 65536 .MAX_EVENT_BYTES"),
        (request(1, event_id="1"), "event_id is '1', expected a UUID"),
        (request(1, run=""), "execution_id is '', expected a UUID"),
        (request(1, script_name="n" * 256), "script_name has more than 255"),
        (request(1, severity=4), "severity is 4, expected 0 to 3"),
        (request(1, timestamp=Timestamp(seconds=10**12)), "is no time of a calendar"),
    ],
)
def test_what_cannot_be_used_is_refused_and_not_stored(
    events: ScriptEvents, wrong: runtime_pb2.EmitRequest, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        emit(events, wrong)
    assert listed(events) == []


def test_an_event_that_is_sent_again_is_stored_once(
    events: ScriptEvents, store: DuckDBStore, clock: FixedClock, ticks: Ticks
) -> None:
    async def at_once() -> None:
        await asyncio.gather(*(events.emit(request(1)) for _ in range(5)))

    asyncio.run(at_once())
    emit(events, request(1), request(2))
    store.seal()
    restarted = ScriptEvents(store, clock, monotonic=ticks)
    restarted.load()
    emit(restarted, request(1), request(2), request(3))
    assert sorted(event.event_id for event in listed(restarted)) == [
        str(uuid.UUID(int=number)) for number in (1, 2, 3)
    ]
    assert (events.statistics().stored, events.statistics().repeated) == (2, 5)


def test_an_event_that_was_not_stored_may_come_again(
    events: ScriptEvents, store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = store.submit

    def fails(*args: object, **named: object) -> object:
        raise StorageError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(store, "submit", fails)
        with pytest.raises(StorageError):
            emit(events, request(1))
    assert store.submit == submit
    emit(events, request(1))
    assert len(listed(events)) == 1


def refused_at(events: ScriptEvents, make: Callable[[int], runtime_pb2.EmitRequest], most: int) -> CoralError:
    async def until() -> CoralError:
        for number in range(1, most + 1):
            try:
                await events.emit(make(number))
            except CoralError as error:
                assert number == most
                return error
        raise AssertionError("nothing was refused")

    return asyncio.run(until())


def test_a_run_that_is_too_fast_is_told_to_wait(events: ScriptEvents, ticks: Ticks) -> None:
    error = refused_at(events, request, EVENTS_AT_ONCE + 1)
    assert isinstance(error, OverloadedError)
    assert "EVENTS_PER_SECOND" in error.message
    emit(events, request(1), request(900, run=str(uuid.UUID(int=8))))  # a known one, and another run's
    ticks.seconds += 1.0
    for number in range(EVENTS_PER_SECOND):
        emit(events, request(1000 + number))
    with pytest.raises(OverloadedError):
        emit(events, request(2000))
    assert len(listed(events, page_size=1000)) == EVENTS_AT_ONCE + 1 + EVENTS_PER_SECOND
    assert events.statistics().refused == 2


def test_a_run_may_emit_so_many_and_no_more(
    events: ScriptEvents, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coral.colony.script_events.MAX_EVENTS_PER_RUN", 3)
    error = refused_at(events, request, 4)
    assert isinstance(error, QuotaError)
    assert "all that one may (MAX_EVENTS_PER_RUN)" in error.message
    ticks.seconds += 1000
    with pytest.raises(QuotaError):
        emit(events, request(5))
    emit(events, request(6, run=str(uuid.UUID(int=8))))
    assert MAX_EVENTS_PER_RUN == 10_000


def test_all_runs_together_are_bounded_by_size(events: ScriptEvents, ticks: Ticks) -> None:
    big = json.dumps({"x": "x" * (MAX_EVENT_BYTES - 20)})
    error = refused_at(
        events,
        lambda number: request(number, data=big, run=str(uuid.UUID(int=number))),
        10 * EVENT_BYTES_PER_SECOND // len(big) + 1,
    )
    assert isinstance(error, OverloadedError)
    assert "EVENT_BYTES_PER_SECOND" in error.message
    ticks.seconds += 1
    emit(events, request(9999, data=big))
    page = asyncio.run(events.list(pb.QueryEventsRequest(page_size=1000)))
    assert 1 < len(page.events) * len(big) <= 4 * 1024 * 1024  # a page has a size too
    assert page.next_page_token


def test_events_are_listed_newest_first_by_filters_and_pages(
    events: ScriptEvents, clock: FixedClock, store: DuckDBStore, ticks: Ticks
) -> None:
    for number in range(1, 31):
        severity = (number % 3) + 1
        name = "alert" if number % 2 else "checked"
        emit(events, request(number, name, severity=severity))
        clock.advance(timedelta(minutes=1))
        if number == 20:
            store.seal()
    numbers = [uuid.UUID(event.event_id).int for event in listed(events)]
    assert numbers == list(range(30, 0, -1))
    paged: list[int] = []
    token = ""
    while True:
        page = asyncio.run(events.list(pb.QueryEventsRequest(page_size=7, page_token=token)))
        paged += [uuid.UUID(event.event_id).int for event in page.events]
        token = page.next_page_token
        if not token:
            break
    assert paged == numbers
    assert {event.name for event in listed(events, name="alert")} == {"alert"}
    assert len(listed(events, name="alert")) == 15
    assert len(listed(events, min_severity=runtime_pb2.SEVERITY_WARNING)) == 20
    assert len(listed(events, min_severity=runtime_pb2.SEVERITY_CRITICAL)) == 10
    assert len(listed(events, window=Duration(seconds=600))) == 10
    assert listed(events, execution_id=str(uuid.UUID(int=8))) == []
    newest = listed(events)[0].sequence
    emit(events, request(31))
    assert [uuid.UUID(event.event_id).int for event in listed(events, after_sequence=newest)] == [31]
    for wrong in (pb.QueryEventsRequest(page_size=1001), pb.QueryEventsRequest(page_token="x")):
        with pytest.raises(UsageError):
            asyncio.run(events.list(wrong))


def test_only_so_much_is_kept(
    events: ScriptEvents, store: DuckDBStore, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 6):
        emit(events, request(number, data=json.dumps({"x": str(uuid.uuid4()) * 200})))
        store.seal()
    sizes = [segment.size_bytes for segment in store.segments()]
    assert len(sizes) == 5
    small = replace(SCRIPT_EVENTS, max_bytes=sum(sizes[-2:]))
    monkeypatch.setitem(store._maintenance._tables, "script_events", small)
    assert store._maintenance.expire(clock.now()) == 3
    assert [uuid.UUID(event.event_id).int for event in listed(events)] == [5, 4]
