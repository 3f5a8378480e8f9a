from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pyarrow as pa
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from coral._proto.colony.v1 import fleet_pb2
from coral.agent.decode.traces import decode_traces
from coral.agent.ingest import Ingest
from coral.agent.rollup.run import Rollup
from coral.clock import FixedClock
from coral.limits import EXEMPLAR_ATTRIBUTES_BYTES, MAX_BATCH_BYTES, SAMPLED_SPANS_PER_SECOND
from coral.store.duckdb.store import DuckDBStore
from coral.wire.arrow import from_ipc
from tests.agent.otlp import START_NS, span, text, traces

SAMPLE = 60 * SAMPLED_SPANS_PER_SECOND  # sampled spans that the first rollup may send


class Agent:
    """The parts of an agent that a rollup needs."""

    def __init__(self, store: DuckDBStore, clock: FixedClock) -> None:
        self.store = store
        self.ingest = Ingest(store, agent_id="a1", clock=clock)
        self.rollup = Rollup(store, agent_id="a1", clock=clock)

    def take(self, *spans: object, service: str = "payments") -> None:
        asyncio.run(self.ingest.spans(decode_traces(traces(list(spans), service=service))))  # type: ignore[arg-type]

    def roll(self) -> int | None:
        return self.rollup.run()

    def batches(self) -> list[dict[str, pa.Table]]:
        payloads = self.store.query("SELECT payload FROM main.outbox ORDER BY sequence", since={})
        return [
            {
                chunk.table: from_ipc(chunk.arrow_ipc, what=chunk.table)
                for chunk in fleet_pb2.Batch.FromString(payload).chunks
            }
            for (payload,) in payloads
        ]


def test_each_span_is_rolled_up_once(store: DuckDBStore, clock: FixedClock) -> None:
    agent = Agent(store, clock)
    agent.take(*[span(i, failed=i < 3) for i in range(10)])
    assert agent.roll() == 1
    assert agent.roll() is None
    agent.take(span(10))
    assert agent.roll() == 2
    assert agent.roll() is None
    requests = [sum(batch["rollups"].column("request_count").to_pylist()) for batch in agent.batches()]
    errors = [sum(batch["rollups"].column("error_count").to_pylist()) for batch in agent.batches()]
    assert (requests, errors) == ([10, 1], [3, 0])
    ((local, failed),) = store.query(
        "SELECT sum(request_count), sum(error_count) FROM rollups", since={"rollups": None}
    )
    assert (local, failed) == (11, 3)


def test_a_rollup_has_a_row_per_minute_operation_and_kind(store: DuckDBStore, clock: FixedClock) -> None:
    agent = Agent(store, clock)
    agent.take(span(0), span(1, start_ns=START_NS + 61 * 10**9), span(2, kind=Span.SPAN_KIND_CLIENT))
    agent.roll()
    (batch,) = agent.batches()
    assert batch["rollups"].num_rows == 3
    assert sorted(batch["rollups"].column("kind").to_pylist()) == ["CLIENT", "SERVER", "SERVER"]


def test_nothing_is_sealed_before_it_is_rolled_up(store: DuckDBStore, clock: FixedClock) -> None:
    agent = Agent(store, clock)
    agent.take(*[span(i) for i in range(5)])
    store.seal()
    assert store.segments() == []
    agent.roll()
    store.seal()
    assert {segment.table for segment in store.segments()} == {"spans", "resources"}


def test_slow_and_failed_traces_are_sent_whole_even_when_parts_are_sealed(
    store: DuckDBStore, clock: FixedClock
) -> None:
    agent = Agent(store, clock)
    many = 4 * SAMPLE
    # One trace has a quick span early; only its later, failed span makes it an exemplar. Its id is odd,
    # as all others are, so that none is in the uniform sample.
    odd = 2 * many + 7
    agent.take(span(many + 1, trace=odd, duration_ns=10), *[span(i, trace=2 * i + 1) for i in range(many)])
    agent.roll()
    store.seal()
    assert odd not in sent_traces(agent)
    agent.take(span(many + 2, trace=odd, failed=True))
    agent.roll()
    assert sent_traces(agent).count(odd) == 2


def sent_traces(agent: Agent) -> list[int]:
    found: list[int] = []
    for batch in agent.batches():
        if "spans" in batch:
            found += [int(text, 16) for text in batch["spans"].column("trace_id").to_pylist()]
    return found


def test_few_spans_are_all_sent_with_weight_one(store: DuckDBStore, clock: FixedClock) -> None:
    agent = Agent(store, clock)
    agent.take(*[span(i) for i in range(20)])
    agent.roll()
    (batch,) = agent.batches()
    assert batch["spans"].column("sample_weight").to_pylist() == [1.0] * 20


def test_many_spans_are_thinned_and_their_weights_add_up(store: DuckDBStore, clock: FixedClock) -> None:
    agent = Agent(store, clock)
    count = 8 * SAMPLE
    agent.take(*[span(i) for i in range(count)])
    agent.roll()
    (batch,) = agent.batches()
    weights = batch["spans"].column("sample_weight").to_pylist()
    assert len(weights) < 2 * SAMPLE
    assert sum(weights) == count  # trace ids are consecutive here, so the sample is exact


def test_resources_are_sent_when_new_and_not_each_time(store: DuckDBStore, clock: FixedClock) -> None:
    agent = Agent(store, clock)
    for number in range(3):
        agent.take(span(number))
        agent.roll()
        clock.advance(timedelta(seconds=1))
    assert ["resources" in batch for batch in agent.batches()] == [True, False, False]


def test_a_rollup_too_large_for_one_batch_becomes_several(store: DuckDBStore, clock: FixedClock) -> None:
    agent = Agent(store, clock)
    count = 1_500
    spans = [span(i) for i in range(count)]
    for item in spans:
        noise = random.Random(item.span_id).randbytes(EXEMPLAR_ATTRIBUTES_BYTES // 2 - 100)
        item.attributes.append(text("noise", noise.hex()))
    for start in range(0, count, 500):
        agent.take(*spans[start : start + 500])
    agent.roll()
    sizes = [size for (size,) in store.query("SELECT octet_length(payload) FROM main.outbox", since={})]
    assert len(sizes) > 1
    assert max(sizes) < 1.1 * MAX_BATCH_BYTES
    assert sorted(sent_traces(agent)) == list(range(1, count + 1))
    sequences = store.query("SELECT sequence FROM main.outbox ORDER BY 1", since={})
    assert sequences == [(n + 1,) for n in range(len(sizes))]
