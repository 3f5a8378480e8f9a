from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from coral._proto.colony.v1 import fleet_pb2
from coral.clock import FixedClock
from coral.colony.registry import AgentRegistry
from coral.store.duckdb.store import DuckDBStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(tmp_path / "colony", kind="colony", retention=timedelta(days=7), seal_interval=0)
    yield opened
    opened.close()


def test_setting_the_clock_makes_no_agent_missing(store: DuckDBStore) -> None:
    clock = FixedClock(datetime(2026, 11, 24))
    mark = 0.0
    registry = AgentRegistry(store, clock=clock, monotonic=lambda: mark)
    for agent_id in ("talks", "is silent"):
        registry.register(fleet_pb2.AgentHello(agent_id=agent_id, epoch="e"))
    for jump in (timedelta(hours=3), timedelta(days=-2)):
        clock.advance(jump)
        assert registry.missing() == []
    for _ in range(8):
        mark += 10
        registry.seen("talks")
    assert registry.missing() == ["is silent"]
    mark += 90_000
    registry.seen("talks")
    assert registry.missing() == []  # forgotten after a day
