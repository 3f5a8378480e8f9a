"""Agents and colonies that go away, or are killed, lose nothing acknowledged and count nothing twice."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from coral.demo.children import Child
from coral.testing.otel_client import Sending, send_traces
from coral.testing.processes import (
    Agent,
    settled,
    start_agent,
    start_colony,
    summary_counts,
    wait_until,
)

REQUESTS = 300
ERRORS = 12
BURSTS = 8
ROUNDS = 3
KILL_SECONDS = 10
SENDING = Sending("grpc", gzip=False)


def test_spans_sent_while_the_colony_is_away_count_once(tmp_path: Path) -> None:
    """The agent keeps them and sends them when the colony is back at the same address."""
    with ExitStack() as agents:
        with start_colony(tmp_path) as colony:
            agent = agents.enter_context(start_agent(colony.grpc, tmp_path))
            _send(agent)
            address = colony.grpc
        _send(agent)

        with start_colony(tmp_path, listen=address) as colony:
            expected = (2 * REQUESTS, 2 * ERRORS)
            counts = settled(lambda: summary_counts(colony.grpc).get("checkout"), expected)

    assert counts == expected


def test_a_killed_colony_counts_nothing_twice(tmp_path: Path) -> None:
    """SIGKILL while batches arrive: their acknowledgements get lost, and the counts stay exact."""
    address = "127.0.0.1:0"
    agent: Agent | None = None
    with ExitStack() as agents, ThreadPoolExecutor(1) as sender:
        for _ in range(ROUNDS):
            with start_colony(tmp_path, listen=address) as colony:
                address = colony.grpc
                if agent is None:
                    agent = agents.enter_context(start_agent(address, tmp_path))
                before = summary_counts(address)
                bursts = [sender.submit(_send, agent) for _ in range(BURSTS)]
                assert wait_until(lambda: summary_counts(address) != before, KILL_SECONDS)  # noqa: B023
                _kill(colony.child)
            for burst in bursts:
                burst.result()
        with start_colony(tmp_path, listen=address) as colony:
            expected = (ROUNDS * BURSTS * REQUESTS, ROUNDS * BURSTS * ERRORS)
            counts = settled(lambda: summary_counts(address).get("checkout"), expected)

    assert counts == expected


def test_a_killed_agent_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """SIGKILL right after the acknowledgement: the spans are on disk, and count once after the restart."""
    with start_colony(tmp_path) as colony:
        for _ in range(ROUNDS):
            with start_agent(colony.grpc, tmp_path) as agent:
                _send(agent)
                _kill(agent.child)

        with start_agent(colony.grpc, tmp_path):
            expected = (ROUNDS * REQUESTS, ROUNDS * ERRORS)
            counts = settled(lambda: summary_counts(colony.grpc).get("checkout"), expected)

    assert counts == expected


def _send(agent: Agent) -> None:
    send_traces("checkout", agent, SENDING, requests=REQUESTS, errors=ERRORS)


def _kill(child: Child) -> None:
    child.signal(signal.SIGKILL)
    child.wait(KILL_SECONDS)
