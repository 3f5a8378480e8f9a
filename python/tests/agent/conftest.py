from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coral.agent.server import rolled_up
from coral.clock import FixedClock
from coral.store.duckdb.store import DuckDBStore
from tests.agent.otlp import START_NS


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime.fromtimestamp(START_NS // 10**9, UTC).replace(tzinfo=None))


@pytest.fixture
def store(tmp_path: Path, clock: FixedClock) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(
        tmp_path / "data",
        kind="agent",
        retention=timedelta(hours=1),
        clock=clock,
        seal_interval=0,
        sealable=rolled_up,
    )
    yield opened
    opened.close()
