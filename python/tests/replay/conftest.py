from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coral.client.colony import ColonyClient
from coral.replay.record import record
from coral.replay.recording import Recording
from coral.testing.processes import start_colony
from tests.colony.fleet_client import FleetStream, resource_chunk, rollup_chunk, span_chunk
from tests.runner.fixtures import cache, coral

__all__ = ["cache", "coral"]

MINUTE = timedelta(minutes=1)
MINUTES = 30
INCIDENT = range(12, 16)
"""Minutes, from the first one on, in which requests take 900 ms instead of 20."""


@dataclass(frozen=True)
class Recorded:
    """A colony that served half an hour of `payments`, and a recording of it.

    `orders` was seen first a minute before the incident.
    """

    colony: str
    path: Path
    recording: Recording
    first: datetime


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    folder = tmp_path_factory.mktemp("recorded")
    first = datetime.now(UTC).replace(tzinfo=None, second=0, microsecond=0) - (MINUTES + 5) * MINUTE
    with start_colony(folder) as colony:
        with FleetStream(colony.fleet) as agent:
            agent.welcome()
            for minute in range(MINUTES):
                slow = minute in INCIDENT
                at = first + minute * MINUTE
                agent.deliver(
                    minute + 1,
                    rollup_chunk(
                        [(900 if slow else 20) * 1_000_000 + n for n in range(100)], at=at, errors=5 * slow
                    ),
                )
            agent.deliver(
                MINUTES + 1,
                resource_chunk("payments", at=first),
                resource_chunk("orders", at=first + 11 * MINUTE),
                span_chunk("payments", [(n + 1) * 100_000_000 for n in range(9)], at=first + 13 * MINUTE),
            )
        path = folder / "incident.duckdb"
        with ColonyClient(colony.grpc) as client:
            made = record(client, path, since=timedelta(hours=1))
        yield Recorded(colony.grpc, path, made, first)
