"""What answers say of agents that are silent, behind, or have lost something."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from coral._proto.colony.v1 import fleet_pb2
from coral.clock import FixedClock
from coral.colony.completeness import completeness_of
from coral.colony.registry import AgentRegistry
from coral.store.duckdb.store import DuckDBStore
from coral.wire.times import to_timestamp

NOW = datetime(2026, 11, 23, 12, 0, 30)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[AgentRegistry]:
    clock = FixedClock(NOW)
    store = DuckDBStore(
        tmp_path / "data", kind="colony", retention=timedelta(days=7), clock=clock, seal_interval=0
    )
    yield AgentRegistry(store, clock=clock)
    store.close()


def report(registry: AgentRegistry, agent_id: str, health: fleet_pb2.AgentHealth) -> None:
    registry.register(fleet_pb2.AgentHello(agent_id=agent_id, epoch="e"))
    registry.seen(agent_id, health)


def test_nothing_is_missing_when_all_is_well(registry: AgentRegistry) -> None:
    fresh = to_timestamp(NOW - timedelta(seconds=20))
    report(registry, "a", fleet_pb2.AgentHealth(oldest_batch_at=fresh, outbox_batches=1))
    registry.register(fleet_pb2.AgentHello(agent_id="b", epoch="e"))
    found = completeness_of(registry, [], now=NOW)
    assert (list(found.missing_agents), found.events_lost, list(found.notes)) == ([], 0, [])


def test_agents_that_lag_or_lost_something_are_named(registry: AgentRegistry) -> None:
    old = to_timestamp(NOW - timedelta(seconds=300))
    report(registry, "a", fleet_pb2.AgentHealth(oldest_batch_at=old, spans_refused=2))
    report(registry, "b", fleet_pb2.AgentHealth(batches_given_up=3, points_refused=4, logs_refused=5))
    report(registry, "gone", fleet_pb2.AgentHealth(oldest_batch_at=old, spans_refused=100))
    found = completeness_of(registry, ["gone"], now=NOW)
    assert list(found.missing_agents) == ["gone"]
    assert found.events_lost == 11
    assert list(found.notes) == [
        "agent a is 300 s behind",
        "agent b gave up 3 batches of summaries: its buffer was full",
    ]


def test_a_large_fleet_makes_a_short_list(registry: AgentRegistry) -> None:
    old = to_timestamp(NOW - timedelta(seconds=90))
    for number in range(15):
        report(registry, f"agent-{number:02}", fleet_pb2.AgentHealth(oldest_batch_at=old))
    notes = completeness_of(registry, [], now=NOW).notes
    assert len(notes) == 11
    assert notes[-1] == "5 more agents are behind"
