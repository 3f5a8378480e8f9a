from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from google.rpc import error_details_pb2

from coral.agent import ingest as ingest_module
from coral.agent import resent as resent_module
from coral.agent.decode.columns import Decoded, Resource
from coral.agent.decode.traces import decode_trace_bytes
from coral.agent.group import Signal, WrittenResources
from coral.agent.ingest import Ingest
from coral.agent.resent import DIGEST_BYTES, StoredRequests, request_digest
from coral.agent.server import rolled_up
from coral.clock import FixedClock
from coral.errors import OverloadedError, StorageError, UsageError
from coral.limits import MAX_REMEMBERED_RESOURCES, REMEMBER_REQUESTS_SECONDS
from coral.store.duckdb.store import DuckDBStore
from coral.wire.status import to_status
from tests.agent.otlp import span, traces


def body(*numbers: int) -> bytes:
    return traces([span(number) for number in numbers]).SerializeToString()


def make(store: DuckDBStore, clock: FixedClock) -> Ingest:
    return Ingest(store, agent_id="a1", clock=clock)


def value(store: DuckDBStore, sql: str) -> Any:
    ((found,),) = store.query(sql, since={"spans": None})
    return found


def stored(store: DuckDBStore) -> int:
    return int(value(store, "SELECT count(*) FROM spans"))


def counter(store: DuckDBStore, name: str) -> int:
    return int(value(store, f"SELECT value FROM main.counters WHERE name = '{name}'"))


async def settled(ingest: Ingest, store: DuckDBStore) -> None:
    """Until the counter of resent requests is written: it has no client that waits for it."""
    while counter(store, "resent_requests") < ingest.statistics().resent_requests:
        await asyncio.sleep(0.01)


def test_a_resent_request_is_stored_once_and_counted(store: DuckDBStore, clock: FixedClock) -> None:
    async def scenario() -> None:
        ingest = make(store, clock)
        first = await ingest.receive(Signal.SPANS, body(1, 2), decode_trace_bytes)
        again = await ingest.receive(Signal.SPANS, body(1, 2), decode_trace_bytes)
        await ingest.receive(Signal.SPANS, body(3), decode_trace_bytes)
        assert (first.rows.num_rows, again.rows.num_rows, again.refused) == (2, 0, 0)
        assert ingest.statistics().resent_requests == 1
        assert ingest.statistics().spans_accepted == 3
        assert ingest.statistics().bytes_in_flight == 0
        await settled(ingest, store)

    asyncio.run(scenario())
    assert stored(store) == counter(store, "spans_stored") == 3
    assert counter(store, "resent_requests") == 1


def test_a_request_is_recognised_after_a_restart(tmp_path: Path, clock: FixedClock) -> None:
    for _ in range(3):
        reopened = DuckDBStore(
            tmp_path / "data", kind="agent", retention=timedelta(hours=1), clock=clock, sealable=rolled_up
        )
        try:
            asyncio.run(make(reopened, clock).receive(Signal.SPANS, body(1), decode_trace_bytes))
            assert stored(reopened) == 1
        finally:
            reopened.close()


def test_equal_requests_at_the_same_time_are_stored_once(store: DuckDBStore, clock: FixedClock) -> None:
    async def scenario() -> list[int]:
        ingest = make(store, clock)
        requests = (ingest.receive(Signal.SPANS, body(1, 2), decode_trace_bytes) for _ in range(20))
        answers = await asyncio.gather(*requests)
        return [answer.rows.num_rows for answer in answers]

    assert sorted(asyncio.run(scenario())) == [0] * 19 + [2]
    assert stored(store) == 2


def test_when_storing_fails_an_equal_request_that_waited_tries_itself(
    store: DuckDBStore, clock: FixedClock
) -> None:
    calls = 0

    def parse(request: bytes) -> Decoded:
        nonlocal calls
        calls += 1
        good = decode_trace_bytes(request)
        return broken() if calls == 1 else good

    async def scenario() -> list[Any]:
        ingest = make(store, clock)
        first = asyncio.create_task(ingest.receive(Signal.SPANS, body(1), parse))
        while not ingest._under_way and not first.done():
            await asyncio.sleep(0)
        second = ingest.receive(Signal.SPANS, body(1), parse)
        return await asyncio.gather(first, second, return_exceptions=True)

    failed, fine = asyncio.run(scenario())
    assert isinstance(failed, StorageError)
    assert isinstance(fine, Decoded)
    assert stored(store) == 1


def broken() -> Decoded:
    """Rows that the table does not take."""
    rows = decode_trace_bytes(body(7)).rows
    return Decoded(rows.set_column(0, "trace_id", pa.array([None], pa.string())), ())


def test_a_request_that_cannot_be_stored_does_not_fail_its_neighbours(
    store: DuckDBStore, clock: FixedClock
) -> None:
    async def scenario() -> list[Any]:
        ingest = make(store, clock)
        good = (ingest.store(Signal.SPANS, decode_trace_bytes(body(number))) for number in range(5))
        return await asyncio.gather(*good, ingest.store(Signal.SPANS, broken()), return_exceptions=True)

    *fine, failed = asyncio.run(scenario())
    assert fine == [None] * 5
    assert isinstance(failed, StorageError)
    assert stored(store) == counter(store, "spans_stored") == 5


def test_overload_is_refused_with_the_time_to_retry_and_room_comes_back(
    store: DuckDBStore, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_module, "MAX_OTLP_BYTES_IN_FLIGHT", 10_000)

    async def scenario() -> list[Any]:
        ingest = make(store, clock)
        requests = (ingest.receive(Signal.SPANS, body(number), decode_trace_bytes) for number in range(10))
        answers = await asyncio.gather(*requests, return_exceptions=True)
        assert ingest.statistics().overloaded_requests == 8
        assert ingest.statistics().bytes_in_flight == 0
        await ingest.receive(Signal.SPANS, body(99), decode_trace_bytes)
        return answers

    answers = asyncio.run(scenario())
    refused = [answer for answer in answers if isinstance(answer, OverloadedError)]
    assert len(refused) == 8
    assert stored(store) == 3
    assert "MAX_OTLP_BYTES_IN_FLIGHT" in refused[0].message
    info = error_details_pb2.RetryInfo()
    assert any(detail.Unpack(info) for detail in to_status(refused[0]).details)
    assert info.retry_delay.seconds == 1


def test_room_comes_back_when_a_body_cannot_be_decoded(store: DuckDBStore, clock: FixedClock) -> None:
    async def scenario() -> int:
        ingest = make(store, clock)
        with pytest.raises(UsageError):
            await ingest.receive(Signal.SPANS, b"\xff", decode_trace_bytes)
        return ingest.statistics().bytes_in_flight

    assert asyncio.run(scenario()) == 0


def test_what_is_under_way_is_stored_when_the_client_goes_away(store: DuckDBStore, clock: FixedClock) -> None:
    async def scenario() -> None:
        ingest = make(store, clock)
        request = asyncio.create_task(ingest.receive(Signal.SPANS, body(1), decode_trace_bytes))
        while not ingest._under_way:
            await asyncio.sleep(0)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        again = await ingest.receive(Signal.SPANS, body(1), decode_trace_bytes)
        assert again.rows.num_rows == 0
        assert ingest.statistics().bytes_in_flight == 0

    asyncio.run(scenario())
    assert stored(store) == 1


class Monotonic:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_old_digests_are_forgotten_in_memory_and_in_the_table(
    store: DuckDBStore, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monotonic = Monotonic()
    requests = StoredRequests(store, now=clock.now(), monotonic=monotonic)

    def remember(*digests: bytes) -> None:
        store.submit(lambda transaction: requests.insert(transaction, digests, clock.now())).result()
        requests.add(digests)
        store.submit(lambda transaction: requests.forget_old(transaction, clock.now())).result()

    def pass_time(seconds: float) -> None:
        monotonic.now += seconds
        clock.advance(timedelta(seconds=seconds))

    def in_table() -> int:
        return value(store, "SELECT sum(octet_length(digest)) FROM main.otlp_requests") // DIGEST_BYTES

    one, two, three, four, *more = (bytes([number]) * DIGEST_BYTES for number in range(7))
    remember(one, two)
    pass_time(REMEMBER_REQUESTS_SECONDS - 1)
    remember(three)
    assert one in requests
    assert in_table() == 3
    again = StoredRequests(store, now=clock.now(), monotonic=monotonic)
    assert all(digest in again for digest in (one, two, three))
    pass_time(61)
    remember(four)
    assert one not in requests
    assert three in requests
    assert in_table() == 2
    # With more than there is room for, the oldest go before their time.
    monkeypatch.setattr(resent_module, "MAX_REMEMBERED_REQUESTS", 3)
    pass_time(61)
    remember(*more)
    assert len(requests) == 3
    assert in_table() == 3


def test_a_digest_names_the_signal_and_the_body() -> None:
    digests = {request_digest(signal, data) for signal in ("spans", "logs") for data in (b"", b"a", b"b")}
    assert len(digests) == 6
    assert {len(digest) for digest in digests} == {16}
    assert request_digest("spans", b"a") == request_digest("spans", b"a")


def test_resources_without_end_are_not_remembered_without_end() -> None:
    monotonic = Monotonic()
    written = WrittenResources(monotonic)
    first = Resource("s", "first", "{}")
    written.add(written.due([first]))
    assert not written.due([first])
    for number in range(MAX_REMEMBERED_RESOURCES):
        written.add(written.due([Resource("s", f"i-{number}", "{}")]))
    assert len(written._written) == MAX_REMEMBERED_RESOURCES
    assert written.due([first])
    last = Resource("s", f"i-{MAX_REMEMBERED_RESOURCES - 1}", "{}")
    assert not written.due([last])
    monotonic.now += 61
    assert written.due([last])
