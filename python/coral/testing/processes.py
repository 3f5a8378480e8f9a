"""Real colonies and agents as child processes on free loopback ports, and the `coral` command line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coral.demo.children import Child, ChildError, wait_until
from coral.demo.launch import (
    ANY_PORT,
    Agent,
    Colony,
    await_agent,
    await_colony,
    begin_agent,
    begin_colony,
    child_environment,
    coral_command,
)

COMMAND_SECONDS = 60.0
"""How long one command of the CLI may take in a test."""

SETTLE_SECONDS = 30.0
"""How long data may take from an exporter to the colony in a test; seconds in practice."""


@dataclass(frozen=True)
class Fleet:
    """A colony and the agent that reports to it."""

    colony: Colony
    agent: Agent


@contextmanager
def start_colony(
    folder: Path,
    *,
    listen: str = ANY_PORT,
    fleet_listen: str = ANY_PORT,
    options: Sequence[str] = (),
) -> Iterator[Colony]:
    """Runs a colony with its data in `folder`/colony until the block ends; starting again keeps the data.

    Raises:
        ChildError: It did not start, or it was still there at the end and did not stop cleanly.
    """
    child = begin_colony(folder / "colony", folder / "logs" / "colony.log", listen, fleet_listen, options)
    with _stopping_cleanly(child):
        yield await_colony(child)


@contextmanager
def start_agent(
    colony: str,
    folder: Path,
    *,
    agent_id: str = "agent-1",
    labels: Mapping[str, str] | None = None,
    otlp_grpc: str = ANY_PORT,
    otlp_http: str = ANY_PORT,
    fleet: str | None = None,
    options: Sequence[str] = (),
) -> Iterator[Agent]:
    """Runs an agent of the colony at HOST:PORT with its data in `folder`/ID until the block ends.

    With `fleet` the colony is not asked where it serves agents.

    Raises:
        ChildError: It did not start, or it was still there at the end and did not stop cleanly.
    """
    child = begin_agent(
        colony,
        folder / agent_id,
        folder / "logs" / f"{agent_id}.log",
        agent_id=agent_id,
        labels=labels or {},
        otlp_grpc=otlp_grpc,
        otlp_http=otlp_http,
        fleet=fleet,
        options=options,
    )
    with _stopping_cleanly(child):
        yield await_agent(child)


def run_coral(
    *arguments: str, stdin: str | None = None, timeout_seconds: float = COMMAND_SECONDS
) -> subprocess.CompletedProcess[str]:
    """Runs one command of the CLI and answers exit code, stdout and stderr."""
    return subprocess.run(
        coral_command(*arguments),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        env=child_environment(),
        check=False,
    )


def coral_json(*arguments: str) -> Any:
    """Runs one command with `-o json` and answers what it printed.

    Raises:
        AssertionError: It failed; the message has its stderr.
    """
    done = run_coral(*arguments, "-o", "json")
    assert done.returncode == 0, f"coral {' '.join(arguments)} ended with {done.returncode}: {done.stderr}"
    return json.loads(done.stdout)


def query_rows(colony: str, sql: str) -> list[list[Any]]:
    """The rows of one SQL statement, asked by `coral query`."""
    rows: list[list[Any]] = coral_json("query", sql, "--colony", colony)["rows"]
    return rows


def service_names(colony: str) -> list[str]:
    """The services that the colony knows, by `coral services`."""
    return [service["name"] for service in coral_json("services", "--colony", colony)]


def summary_counts(colony: str) -> dict[str, tuple[int, int]]:
    """Requests and errors by service, over all that the colony keeps."""
    # The condition on the time column keeps the colony from adding its own window of one hour.
    sql = (
        "SELECT service_name, sum(request_count)::BIGINT, sum(error_count)::BIGINT FROM service_summary "
        "WHERE bucket_time > TIMESTAMP '2000-01-01' GROUP BY service_name"
    )
    return {name: (int(requests), int(errors)) for name, requests, errors in query_rows(colony, sql)}


def settled(
    question: Callable[[], object], expected: object, timeout_seconds: float = SETTLE_SECONDS
) -> object:
    """Asks until the answer is as expected or the time is over, and gives the last answer to assert on."""
    answers = [question()]

    def is_expected() -> bool:
        answers[0] = question()
        return answers[0] == expected

    if answers[0] != expected:
        wait_until(is_expected, timeout_seconds, interval_seconds=0.2)
    return answers[0]


@contextmanager
def _stopping_cleanly(child: Child) -> Iterator[None]:
    with child:
        yield
        if child.exit_code is None:
            code = child.stop()
            if code != 0:
                raise ChildError(f"{child.name} ended with {code} after SIGTERM", hint=str(child.log))


__all__: Sequence[str] = (
    "Agent",
    "Colony",
    "Fleet",
    "coral_json",
    "query_rows",
    "run_coral",
    "service_names",
    "settled",
    "start_agent",
    "start_colony",
    "summary_counts",
    "wait_until",
)
