"""A wall clock that is set neither loses nor doubles anything."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from datetime import timedelta

import pytest

from coral.agent.collect.counters import Counters
from coral.agent.collect.host import HostCollector
from coral.agent.decode.columns import Decoded
from coral.agent.decode.traces import decode_traces
from coral.agent.group import Signal
from coral.clock import FixedClock
from coral.store.duckdb.store import DuckDBStore
from tests.agent.otlp import span, traces
from tests.agent.test_host import collecting
from tests.agent.test_rollup import Agent

JUMPS = [timedelta(days=-400), timedelta(hours=-1), timedelta(hours=3), timedelta(days=300)]


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_spans_are_rolled_up_once_whatever_the_clock_does(
    store: DuckDBStore, clock: FixedClock, jump: timedelta
) -> None:
    agent = Agent(store, clock)
    sequences = []
    for number, move in enumerate([timedelta(0), jump, timedelta(seconds=1), -jump]):
        clock.advance(move)
        agent.take(*[span(10 * number + i) for i in range(5)])
        sequences.append(agent.roll())
        store.seal()
    assert sequences == [1, 2, 3, 4]
    assert agent.roll() is None
    sent = [sum(batch["rollups"].column("request_count").to_pylist()) for batch in agent.batches()]
    assert sent == [5, 5, 5, 5]
    ((kept,),) = store.query("SELECT sum(request_count) FROM rollups", since={"rollups": None})
    assert kept == 20


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_a_request_that_is_resent_after_a_jump_is_still_known(
    store: DuckDBStore, clock: FixedClock, jump: timedelta
) -> None:
    agent = Agent(store, clock)
    body = traces([span(1), span(2)]).SerializeToString()

    def parse(text: bytes) -> Decoded:
        return decode_traces(traces([span(1), span(2)]))

    asyncio.run(agent.ingest.receive(Signal.SPANS, body, parse))
    clock.advance(jump)
    asyncio.run(agent.ingest.receive(Signal.SPANS, body, parse))
    assert agent.ingest.statistics().resent_requests == 1
    ((stored,),) = store.query("SELECT count(*) FROM spans", since={"spans": None})
    assert stored == 2


def test_rates_of_the_host_do_not_depend_on_the_wall_clock(store: DuckDBStore, clock: FixedClock) -> None:
    looks = itertools.count()
    moves: Sequence[timedelta] = [timedelta(hours=2), timedelta(hours=-5), timedelta(0)]

    def look() -> Counters:
        n = next(looks)
        clock.advance(moves[n % 3])
        return Counters(n, 4 * n, 1, 2, None, {"sda": (1000 * n, 0)}, None)

    marks = itertools.count(0, 0.001)
    collector = HostCollector(
        store, agent_id="a1", clock=clock, interval=0.02, monotonic=lambda: next(marks), read=look
    )
    asyncio.run(collecting(collector, lambda: collector.statistics().samples >= 7))
    rows = store.query(
        "SELECT seconds, disk_read_bytes, cpu_pct FROM host_samples", since={"host_samples": None}
    )
    assert len(rows) >= 3
    for seconds, read, cpu_pct in rows:
        assert 0 < seconds < 5
        assert read == 1000
        assert cpu_pct == pytest.approx(25.0)
