from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta

import pytest

from coral.agent.rollup import candidates, exemplars
from coral.agent.rollup.sampling import Budget, in_sample, thinning
from coral.agent.rollup.trim import LEFT_OUT, SPANS_LEFT_OUT
from coral.clock import FixedClock
from coral.limits import (
    EXEMPLAR_ATTRIBUTES_BYTES,
    EXEMPLAR_SPANS_PER_SECOND,
    EXEMPLAR_SPANS_PER_TRACE,
    EXEMPLAR_TRACES_PER_MINUTE,
    EXEMPLAR_TRACES_PER_SERVICE,
    SAMPLED_SPANS_PER_SECOND,
)
from coral.store.duckdb.store import DuckDBStore
from tests.agent.otlp import span, text
from tests.agent.test_rollup import Agent, sent_traces

ODD = 2 * 10**9 + 1  # ids from here in steps of two are in no sample that is thinned


def drain_sample(agent: Agent) -> None:
    """Uses up what the sample may send at once, so that only slow and failed traces are sent."""
    owners = [getattr(part, "__self__", None) for part in agent.rollup._parts]
    (budget,) = [owner._sampled for owner in owners if isinstance(owner, exemplars.Exemplars)]
    budget.spend(10 * 60 * SAMPLED_SPANS_PER_SECOND)


def odd(first: int, durations: list[int], *, failed: bool = False) -> list[object]:
    """One span per trace that no thinned sample contains."""
    return [
        span(first + i, trace=ODD + 2 * (first + i), duration_ns=duration, failed=failed)
        for i, duration in enumerate(durations)
    ]


def spans_sent(agent: Agent) -> list[dict[str, object]]:
    return [row for batch in agent.batches() if "spans" in batch for row in batch["spans"].to_pylist()]


def test_the_slowest_and_the_failed_of_a_minute_are_sent(store: DuckDBStore, clock: FixedClock) -> None:
    agent = Agent(store, clock)
    drain_sample(agent)
    agent.take(*odd(0, [1_000 + i for i in range(300)]), *odd(500, [10 + i for i in range(50)], failed=True))
    agent.roll()
    durations = sorted(int(str(row["duration_ns"])) for row in spans_sent(agent))
    most = EXEMPLAR_TRACES_PER_SERVICE
    assert durations == [*range(60 - most, 60), *range(1_300 - most, 1_300)]
    assert {row["sample_weight"] for row in spans_sent(agent)} == {0.0}


def test_within_a_minute_only_slower_ones_follow_and_the_next_minute_begins_anew(
    store: DuckDBStore, clock: FixedClock
) -> None:
    agent = Agent(store, clock)
    drain_sample(agent)
    counts = []
    for first, duration in ((0, 1_000), (100, 900), (200, 2_000)):
        agent.take(*odd(first, [duration] * 20))
        agent.roll()
        counts.append(len(spans_sent(agent)))
    assert counts == [
        EXEMPLAR_TRACES_PER_SERVICE,
        EXEMPLAR_TRACES_PER_SERVICE,
        2 * EXEMPLAR_TRACES_PER_SERVICE,
    ]
    clock.advance(timedelta(minutes=1))
    drain_sample(agent)
    agent.take(*odd(300, [10] * 20))
    agent.roll()
    assert len(spans_sent(agent)) == 3 * EXEMPLAR_TRACES_PER_SERVICE


def test_ever_slower_traces_do_not_send_without_end(store: DuckDBStore, clock: FixedClock) -> None:
    agent = Agent(store, clock)
    drain_sample(agent)
    for step in range(12):
        agent.take(*odd(100 * step, [1_000 * (step + 1) + i for i in range(20)]))
        agent.roll()
    assert len(set(sent_traces(agent))) == 4 * EXEMPLAR_TRACES_PER_SERVICE


def test_many_services_share_what_there_is_fairly(
    store: DuckDBStore, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "EXEMPLAR_TRACES_PER_MINUTE", 60)
    agent = Agent(store, clock)
    drain_sample(agent)
    for service in range(50):
        agent.take(*odd(100 * service, [1_000] * 10), service=f"s{service}")
    agent.roll()
    by_service = Counter(row["service_name"] for row in spans_sent(agent))
    assert sum(by_service.values()) == 60 < EXEMPLAR_TRACES_PER_MINUTE
    assert len(by_service) == 50


def test_a_huge_trace_is_cut_and_says_so(store: DuckDBStore, clock: FixedClock) -> None:
    agent = Agent(store, clock)
    count = 5_000
    root = span(0, trace=64, duration_ns=10**9)
    children = [span(1 + i, trace=64, duration_ns=i + 1) for i in range(count)]
    for child in children:
        child.parent_span_id = (1).to_bytes(8, "big")
    agent.take(root, *children)
    agent.roll()
    rows = spans_sent(agent)
    assert len(rows) == EXEMPLAR_SPANS_PER_TRACE
    (first,) = [row for row in rows if row["parent_span_id"] == ""]
    left_out = json.loads(str(first["attributes"]))[SPANS_LEFT_OUT]
    assert left_out == count + 1 - EXEMPLAR_SPANS_PER_TRACE
    assert sum(SPANS_LEFT_OUT in str(row["attributes"]) for row in rows) == 1
    ((counted,),) = store.query("SELECT value FROM main.counters WHERE name = 'exemplar_spans_cut'", since={})
    assert counted == left_out
    # Later spans of the trace find its limit used up.
    agent.take(*[span(count + 10 + i, trace=64) for i in range(50)])
    agent.roll()
    assert len(spans_sent(agent)) == EXEMPLAR_SPANS_PER_TRACE


def test_all_spans_together_are_bounded(store: DuckDBStore, clock: FixedClock) -> None:
    agent = Agent(store, clock)
    per_trace, traces = 300, 65
    for trace in range(traces):
        first = trace * per_trace
        agent.take(
            *[span(first + i, trace=64 * (trace + 1), duration_ns=10**6) for i in range(per_trace)],
            service=f"s{trace}",
        )
    agent.roll()
    assert len(spans_sent(agent)) <= 60 * EXEMPLAR_SPANS_PER_SECOND < per_trace * traces


def test_long_attributes_are_left_out_and_counted(store: DuckDBStore, clock: FixedClock) -> None:
    agent = Agent(store, clock)
    item = span(0)
    item.attributes.append(text("sql", "x" * (2 * EXEMPLAR_ATTRIBUTES_BYTES)))
    item.attributes.append(text("peer", "é" * 10))
    event = item.events.add(name="exception")
    event.attributes.append(text("stack", "y" * (2 * EXEMPLAR_ATTRIBUTES_BYTES)))
    item.events.add(name="short")
    agent.take(item)
    agent.roll()
    (row,) = spans_sent(agent)
    assert json.loads(str(row["attributes"])) == {"http.route": "/pay", "peer": "é" * 10, LEFT_OUT: 1}
    ((kept,),) = store.query("SELECT strlen(attributes) FROM spans", since={"spans": None})
    assert kept > 2 * EXEMPLAR_ATTRIBUTES_BYTES
    exception, short = json.loads(str(row["events"]))
    assert (exception["name"], exception["attributes"]) == ("exception", {LEFT_OUT: 1})
    assert short["name"] == "short"


@pytest.mark.parametrize("k", [0, 1, 3, 4, 5, 11, 16])
def test_the_sample_is_the_ids_with_zeros_at_the_end(store: DuckDBStore, k: int) -> None:
    ids = [0, 1, 8, 2**k, 3 * 2**k, 2 ** (k + 1), 2**k + 1, 5 * 2**k, 2**64 - 1, 2**100]
    values = ", ".join(f"('{number:032x}')" for number in ids)
    rows = store.query(
        f"SELECT trace_id FROM (VALUES {values}) AS t(trace_id) WHERE {in_sample(k)}", since={}
    )
    assert {int(found, 16) for (found,) in rows} == {number for number in ids if number % 2**k == 0}


def test_a_budget_saves_up_to_its_burst_and_is_not_fooled_by_clocks(clock: FixedClock) -> None:
    budget = Budget(10, burst=100)
    assert budget.available(clock.now()) == 100
    budget.spend(100)
    assert budget.available(clock.now()) == 1
    clock.advance(timedelta(seconds=5))
    assert budget.available(clock.now()) == 50
    assert budget.available(clock.now() - timedelta(days=1)) == 50
    assert budget.available(clock.now() + timedelta(days=1)) == 100
    budget.spend(1_000)
    assert budget.available(clock.now() + timedelta(days=1, seconds=15)) == 50


def test_thinning_is_the_next_power_of_two() -> None:
    assert [thinning(rows, 100) for rows in (0, 100, 101, 200, 201, 6_400)] == [0, 0, 1, 1, 2, 6]
