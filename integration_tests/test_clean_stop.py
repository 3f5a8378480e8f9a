"""SIGTERM and SIGINT stop colony and agent in time and lose nothing; a busy port is a clear error."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest

from coral.testing.otel_client import Sending, send_traces
from coral.testing.processes import (
    run_coral,
    settled,
    start_agent,
    start_colony,
    summary_counts,
)

STOP_SECONDS = 5.0
"""The promise: this long after the signal the process is gone."""

EXIT_BUSY_PORT = 73

REQUESTS = 500
ERRORS = 20
SENDING = Sending("grpc", gzip=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_nothing_acknowledged_is_lost_when_both_stop_at_once(tmp_path: Path, number: signal.Signals) -> None:
    """What the agent acknowledged is counted after a restart, though both ended right after it."""
    with start_colony(tmp_path) as colony, start_agent(colony.grpc, tmp_path) as agent:
        send_traces("checkout", agent, SENDING, requests=REQUESTS, errors=ERRORS)
        agent.child.signal(number)
        colony.child.signal(number)
        assert agent.child.wait(STOP_SECONDS) == 0
        assert colony.child.wait(STOP_SECONDS) == 0

    with start_colony(tmp_path) as colony, start_agent(colony.grpc, tmp_path):
        counts = settled(lambda: summary_counts(colony.grpc).get("checkout"), expected=(REQUESTS, ERRORS))

    assert counts == (REQUESTS, ERRORS)


def test_the_colony_alone_keeps_what_it_had(tmp_path: Path) -> None:
    """What the colony had counted is there after its restart, without any agent."""
    with start_colony(tmp_path) as colony, start_agent(colony.grpc, tmp_path) as agent:
        send_traces("checkout", agent, SENDING, requests=REQUESTS, errors=ERRORS)
        before = settled(lambda: summary_counts(colony.grpc).get("checkout"), expected=(REQUESTS, ERRORS))
    assert before == (REQUESTS, ERRORS)

    with start_colony(tmp_path) as colony:
        assert summary_counts(colony.grpc).get("checkout") == (REQUESTS, ERRORS)


def test_a_busy_port_of_the_colony(tmp_path: Path) -> None:
    """The message names the port, the hint helps, and there is no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        done = run_coral(
            *("colony", "start", "--listen", address, "--data", str(tmp_path / "colony")),
            *("--metrics", "off", "--no-config"),
        )

    _assert_clear(done.returncode, done.stdout, done.stderr, address)


@pytest.mark.parametrize("flag", ["--otlp-grpc", "--otlp-http"])
def test_a_busy_port_of_the_agent(tmp_path: Path, flag: str) -> None:
    """The same for each of the agent's two ports."""
    other = {"--otlp-grpc": "--otlp-http", "--otlp-http": "--otlp-grpc"}[flag]
    with start_colony(tmp_path) as colony, socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        done = run_coral(
            *("agent", "start", "--colony", colony.grpc, "--data", str(tmp_path / "agent"), "--id", "a"),
            *(flag, address, other, "127.0.0.1:0", "--metrics", "off", "--no-config"),
        )

    _assert_clear(done.returncode, done.stdout, done.stderr, address)


def _assert_clear(code: int, stdout: str, stderr: str, address: str) -> None:
    assert code == EXIT_BUSY_PORT, stderr
    assert stdout == ""
    assert "error: " in stderr
    assert "hint: " in stderr
    assert address.rsplit(":", 1)[1] in stderr
    assert "Traceback" not in stderr
