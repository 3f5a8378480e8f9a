"""One colony and one agent for each test file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from coral.testing.processes import Fleet, start_agent, start_colony

# gRPC's handlers of fork() fail now and then in a child that is about to exec, while clients are sending.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A running colony and a running agent."""
    folder: Path = tmp_path_factory.mktemp("fleet")
    with (
        start_colony(folder) as colony,
        start_agent(colony.grpc, folder, labels={"region": "test"}) as agent,
    ):
        yield Fleet(colony, agent)
