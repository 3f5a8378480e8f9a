from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from coral.agent.rollup.edges import Edges
from coral.clock import FixedClock
from coral.limits import EDGE_PENDING_SECONDS
from coral.model.histogram import bucket_of
from coral.store.duckdb.store import DuckDBStore
from tests.agent.otlp import span, text
from tests.agent.test_rollup import Agent

CLIENT, SERVER = Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_SERVER
PRODUCER, CONSUMER = Span.SPAN_KIND_PRODUCER, Span.SPAN_KIND_CONSUMER
LATE = timedelta(seconds=EDGE_PENDING_SECONDS + 1)


def call(number: int, kind: Span.SpanKind.ValueType, parent: int | None = None, **more: Any) -> Span:
    """A span of trace 7; `parent` is the number of its parent span."""
    attributes = more.pop("attributes", {})
    made = span(number, kind=kind, trace=7, **more)
    made.attributes.extend(text(key, value) for key, value in attributes.items())
    if parent is not None:
        made.parent_span_id = (parent + 1).to_bytes(8, "big")
    return made


def edges(store: DuckDBStore) -> dict[tuple[str, str], tuple[int, int]]:
    """Requests and errors by caller and callee, of all that was rolled up."""
    rows = store.query(
        "SELECT caller, callee, sum(request_count)::BIGINT, sum(error_count)::BIGINT"
        " FROM service_edges GROUP BY ALL",
        since={"service_edges": None},
    )
    return {(caller, callee): (requests, errors) for caller, callee, requests, errors in rows}


THREE = {
    "web": [call(1, SERVER), call(2, CLIENT, 1)],
    "orders": [call(3, SERVER, 2, failed=True, duration_ns=5_000_000), call(4, PRODUCER, 3)],
    "shipping": [call(5, CONSUMER, 4), call(6, CONSUMER, 4)],
}
THREE_EDGES = {("web", "orders"): (1, 1), ("orders", "shipping"): (2, 0)}


@pytest.mark.parametrize(
    ("order", "roll_between"),
    [(tuple(THREE), False), *((order, True) for order in itertools.permutations(THREE))],
)
def test_calls_count_once_in_whatever_order_their_sides_arrive(
    store: DuckDBStore, clock: FixedClock, order: tuple[str, ...], roll_between: bool
) -> None:
    agent = Agent(store, clock)
    for service in order:
        agent.take(*THREE[service], service=service)
        if roll_between:
            agent.roll()
            clock.advance(timedelta(seconds=10))
    agent.roll()
    agent.take(call(99, SERVER), service="other")
    agent.roll()
    assert edges(store) == THREE_EDGES


def test_latency_is_the_callees(store: DuckDBStore, clock: FixedClock) -> None:
    agent = Agent(store, clock)
    agent.take(call(2, CLIENT, duration_ns=9_000_000), service="web")
    agent.take(call(3, SERVER, 2, duration_ns=5_000_000), service="orders")
    agent.roll()
    (row,) = store.query(
        "SELECT sum_ns, min_ns, max_ns, bucket_index, bucket_count FROM service_edges",
        since={"service_edges": None},
    )
    assert row == (5e6, 5_000_000, 5_000_000, [bucket_of(5_000_000)], [1])


def test_edges_go_to_the_colony(store: DuckDBStore, clock: FixedClock) -> None:
    agent = Agent(store, clock)
    agent.take(call(2, CLIENT), service="web")
    agent.take(call(3, SERVER, 2), service="orders")
    agent.roll()
    (batch,) = agent.batches()
    (row,) = batch["service_edges"].to_pylist()
    assert (row["caller"], row["callee"], row["request_count"]) == ("web", "orders", 1)


def test_nested_spans_of_one_service_are_no_call_unless_it_calls_itself(
    store: DuckDBStore, clock: FixedClock
) -> None:
    agent = Agent(store, clock)
    agent.take(call(1, SERVER), call(2, SERVER, 1), service="nested")
    agent.take(call(3, CLIENT), call(4, SERVER, 3), service="recursive")
    agent.take(call(5, SERVER), service="plain")
    agent.take(call(6, SERVER, 5), service="callee-of-plain")
    agent.roll()
    assert edges(store) == {("recursive", "recursive"): (1, 0), ("plain", "callee-of-plain"): (1, 0)}


def test_a_database_is_called_at_once_and_is_never_a_parent(store: DuckDBStore, clock: FixedClock) -> None:
    agent = Agent(store, clock)
    agent.take(
        call(1, CLIENT, attributes={"db.system.name": "postgresql"}, failed=True),
        call(2, CLIENT, attributes={"db.system": "redis", "peer.service": "cache"}),
        service="orders",
    )
    agent.take(call(3, SERVER, 1), service="proxy")
    agent.roll()
    assert edges(store) == {("orders", "postgresql"): (1, 1), ("orders", "redis"): (1, 0)}


def test_a_named_peer_counts_when_its_side_does_not_show_up(store: DuckDBStore, clock: FixedClock) -> None:
    agent = Agent(store, clock)
    agent.take(call(1, CLIENT, attributes={"peer.service": "elsewhere"}), service="web")
    agent.take(call(2, CLIENT, attributes={"peer.service": "orders-alias"}), service="web")
    agent.take(call(3, CLIENT, attributes={"server.address": "10.0.0.1"}), service="web")
    agent.take(call(4, SERVER, 2), service="orders")
    agent.roll()
    assert edges(store) == {("web", "orders"): (1, 0)}
    clock.advance(LATE)
    # The other side of the call comes too late: the call is counted already.
    agent.take(call(5, SERVER, 1), service="elsewhere")
    agent.roll()
    clock.advance(LATE)
    agent.take(call(6, SERVER), service="other")
    agent.roll()
    assert edges(store) == {("web", "orders"): (1, 0), ("web", "elsewhere"): (1, 0)}


def test_what_waits_survives_a_restart_and_is_forgotten_in_time(
    store: DuckDBStore, clock: FixedClock
) -> None:
    first = Agent(store, clock)
    first.take(call(3, SERVER, 2), call(5, SERVER, 4), service="orders")
    first.roll()
    second = Agent(store, clock)  # nothing of the first one's memory
    second.take(call(2, CLIENT), service="web")
    second.roll()
    assert edges(store) == {("web", "orders"): (1, 0)}
    clock.advance(LATE)
    second.take(call(4, CLIENT), service="web")
    second.roll()
    assert edges(store) == {("web", "orders"): (1, 0)}
    clock.advance(LATE)
    second.take(call(8, SERVER), service="other")
    second.roll()
    ((parents, children, calls),) = store.query(
        "SELECT (SELECT count(*) FROM main.edge_parents), (SELECT count(*) FROM main.edge_children),"
        " (SELECT count(*) FROM main.edge_calls)",
        since={},
    )
    assert (parents, children, calls) == (1, 0, 0)


def test_a_clock_set_back_keeps_nothing_for_ever(store: DuckDBStore, clock: FixedClock) -> None:
    ahead = FixedClock(clock.now() + timedelta(days=1))
    early = Agent(store, ahead)
    early.take(call(2, CLIENT, attributes={"peer.service": "x"}), service="web")
    early.roll()
    agent = Agent(store, clock)
    agent.take(call(9, SERVER), service="other")
    agent.roll()
    assert edges(store) == {("web", "x"): (1, 0)}
    ((calls,),) = store.query("SELECT count(*) FROM main.edge_calls", since={})
    assert calls == 0


def test_much_is_searched_by_a_sample_of_traces_with_weights(store: DuckDBStore, clock: FixedClock) -> None:
    agent = Agent(store, clock)
    agent.rollup._parts = [Edges(burst=1_000).make]
    traces = 4_000
    clients = [span(number, kind=CLIENT, trace=number + 1) for number in range(traces)]
    servers = [span(traces + number, trace=number + 1) for number in range(traces)]
    for number, item in enumerate(servers):
        item.parent_span_id = (number + 1).to_bytes(8, "big")
    agent.take(*clients, service="web")
    agent.take(*servers, service="orders")
    agent.roll()
    # 8,000 spans for 1,000: traces whose id ends with three zero bits, consecutive ids make it exact.
    assert edges(store) == {("web", "orders"): (traces, 0)}
    ((kept,),) = store.query("SELECT count(*) FROM main.edge_parents", since={})
    assert kept == 2 * traces / 8


def test_too_many_pairs_are_counted_as_overflow(
    store: DuckDBStore, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coral.agent.rollup.edges.MAX_EDGES", 2)
    agent = Agent(store, clock)
    for number, count in enumerate([3, 2, 1, 1]):
        spans = [call(10 * number + i, CLIENT, attributes={"db.system": f"db{number}"}) for i in range(count)]
        agent.take(*spans, service="web")
    agent.roll()
    assert edges(store) == {("web", "db0"): (3, 0), ("web", "db1"): (2, 0), ("web", "__overflow__"): (2, 0)}
