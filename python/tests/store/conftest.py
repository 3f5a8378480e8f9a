from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from coral.clock import FixedClock
from coral.store.duckdb.store import DuckDBStore

NOW = datetime(2026, 11, 23, 12, 0, 30)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def store(tmp_path: Path, clock: FixedClock) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(
        tmp_path / "data", kind="colony", retention=timedelta(hours=1), clock=clock, seal_interval=0
    )
    yield opened
    opened.close()
