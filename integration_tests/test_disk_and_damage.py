"""What operators and clients see of a full disk and of a damaged database: a real agent and colony."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import grpc
import pytest

from coral.testing.faults.disk import SmallDisk, can_mount, small_disk
from coral.testing.otlp_samples import sample
from coral.testing.processes import (
    Agent,
    Colony,
    coral_json,
    run_coral,
    settled,
    start_agent,
    start_colony,
    summary_counts,
)

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
DISK_MIB = 96


def request(service: str, requests: int) -> bytes:
    """An export of so many SERVER spans."""
    message = sample("traces", Random(0), service=service)
    spans = message.resource_spans[0].scope_spans[0].spans
    span = type(spans[0])()
    del spans[:]
    for number in range(1, requests + 1):
        span.trace_id, span.span_id = number.to_bytes(16, "big"), number.to_bytes(8, "big")
        span.kind, span.name = 2, "GET /"
        span.start_time_unix_nano = time.time_ns()
        span.end_time_unix_nano = span.start_time_unix_nano + 1_000_000
        spans.append(span)
    return bytes(message.SerializeToString())


def by_grpc(agent: Agent, body: bytes) -> tuple[str, str]:
    with grpc.insecure_channel(agent.otlp_grpc) as channel:
        try:
            channel.unary_unary(EXPORT)(body, timeout=20)
        except grpc.RpcError as error:
            return error.code().name, error.details() or ""
    return "OK", ""


def by_http(agent: Agent, body: bytes) -> tuple[int, str, str | None]:
    """Status, text of the failure, and `Retry-After`."""
    headers = {"content-type": "application/x-protobuf"}
    call = urllib.request.Request(f"http://{agent.otlp_http}/v1/traces", body, headers)
    return answered(call)


def answered(call: urllib.request.Request | str) -> tuple[int, str, str | None]:
    try:
        with urllib.request.urlopen(call, timeout=20) as answer:
            return answer.status, answer.read().decode(errors="replace"), None
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(errors="replace"), error.headers["Retry-After"]


def metric(address: str, name: str) -> float:
    """A metric without labels."""
    _, text, _ = answered(f"http://{address}/metrics")
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))


def checked(colony: Colony) -> tuple[int, list[str]]:
    """Exit code of `coral status --check`, and the problems that it tells of."""
    done = run_coral("status", "--check", "--colony", colony.grpc)
    found = [line for line in done.stdout.splitlines() if line.startswith("problem: ")]
    return done.returncode, found


class Place:
    """An agent on a small disk, and its colony on the ordinary one."""

    def __init__(self, colony: Colony, agent: Agent, disk: SmallDisk) -> None:
        self.colony, self.agent, self.disk = colony, agent, disk

    def ready(self) -> int:
        return answered(f"http://{self.agent.metrics}/readyz")[0]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(tmp_path / "disk", size_mib=DISK_MIB))
        disk.folder.mkdir()
        colony = stack.enter_context(start_colony(tmp_path))
        agent = stack.enter_context(start_agent(colony.grpc, disk.folder))
        yield Place(colony, agent, disk)


@pytest.mark.skipif(not can_mount(), reason="mounting a small disk needs Linux and root")
def test_a_full_disk_is_told_everywhere_and_passes(place: Place) -> None:
    agent, colony = place.agent, place.colony
    assert by_grpc(agent, request("before", 3)) == ("OK", "")
    assert settled(lambda: summary_counts(colony.grpc).get("before"), (3, 0)) == (3, 0)
    assert checked(colony) == (0, [])

    place.disk.fill()
    code, details = by_grpc(agent, request("during", 5))
    assert (code, "the disk" in details) == ("UNAVAILABLE", True), details
    status, details, retry_after = by_http(agent, request("during", 5))
    assert (status, "the disk" in details, retry_after) == (503, True, "1"), details
    assert place.ready() == 503
    assert metric(agent.metrics, "coral_agent_store_refused_writes_total") >= 2
    assert metric(agent.metrics, "coral_agent_problems") >= 1

    def told() -> bool:
        code, problems = checked(colony)
        return code == 3 and any("agent-1" in one and "disk" in one for one in problems)

    assert settled(told, True)
    # It goes on answering: the colony from what it has, and the agent about itself.
    assert summary_counts(colony.grpc)["before"] == (3, 0)

    def told_by_itself() -> bool:  # while the store tries whether there is room again, it has no problem
        local = coral_json("agent", "status", "--data", str(place.disk.folder / "agent-1"))
        return local["running"] and any("disk" in problem for problem in local["problems"])

    assert settled(told_by_itself, True)

    place.disk.free()
    assert settled(place.ready, 200) == 200
    # The same requests again, as exporters send them: each is counted once.
    assert by_grpc(agent, request("after", 7)) == ("OK", "")
    assert by_http(agent, request("later", 9))[0] == 200
    expected = {"before": (3, 0), "after": (7, 0), "later": (9, 0)}
    assert settled(lambda: summary_counts(colony.grpc), expected) == expected
    assert settled(lambda: checked(colony), (0, [])) == (0, [])
    assert metric(agent.metrics, "coral_agent_problems") == 0


def test_a_damaged_database_is_put_aside_and_told_until_it_is_cleared(tmp_path: Path) -> None:
    data = tmp_path / "agent-1"
    with start_colony(tmp_path) as colony:
        with start_agent(colony.grpc, tmp_path) as agent:
            assert by_grpc(agent, request("before", 3)) == ("OK", "")
            assert settled(lambda: summary_counts(colony.grpc).get("before"), (3, 0)) == (3, 0)
        file = data / "active.duckdb"
        file.write_bytes(b"\xa5" * file.stat().st_size)

        with start_agent(colony.grpc, tmp_path) as agent:
            (aside,) = [path for path in data.glob("*.damaged-*") if path.suffix != ".txt"]
            assert aside.name in agent.child.log.read_text()
            assert by_grpc(agent, request("after", 7)) == ("OK", "")
            assert metric(agent.metrics, "coral_agent_problems") >= 1

            def told() -> bool:
                code, problems = checked(colony)
                return code == 3 and any(aside.name in one for one in problems)

            assert settled(told, True)
            expected = {"before": (3, 0), "after": (7, 0)}
            assert settled(lambda: summary_counts(colony.grpc), expected) == expected
            local = json.dumps(coral_json("agent", "status", "--data", str(data))["problems"])
            assert aside.name in local

            for path in data.glob("*.damaged-*"):
                path.unlink()
            assert settled(lambda: checked(colony), (0, [])) == (0, [])
