"""What happens to a fleet, and that no request is lost or counted twice by it."""

from __future__ import annotations

import json

import pytest
from engine import wait_for
from fleet import Fleet


def test_a_script_reports_what_two_agents_saw(fleet: Fleet) -> None:
    fleet.send("report", 300, agent="agent-1", failed=3)
    fleet.send("report", 100, agent="agent-2", failed=1)
    fleet.await_counts("report", 400, 4)
    done = fleet.person.run("coral", "run", "/etc/coral/report.ts", "--param", "service=report")
    assert done.code == 0, done.err
    answer = json.loads(done.out)
    assert answer["p50"] == pytest.approx(50, rel=0.01)
    assert answer["p99"] == pytest.approx(500, rel=0.01)
    assert answer["errors"] == pytest.approx(0.01)
    assert answer["graph"]


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_a_colony_that_goes_away_misses_nothing(fleet: Fleet, how: str) -> None:
    service = f"colony-{how}"
    fleet.send(service, 50)
    fleet.await_counts(service, 50)
    getattr(fleet.colony, how)()
    fleet.send(service, 50, failed=5)
    fleet.await_colony()
    fleet.await_connected("agent-1", "agent-2")
    fleet.send(service, 50, agent="agent-2")
    fleet.await_counts(service, 150, 5)


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_an_agent_that_goes_away_forgets_nothing_acknowledged(fleet: Fleet, how: str) -> None:
    service = f"agent-{how}"
    fleet.send(service, 50, failed=5)
    getattr(fleet.agents["agent-1"], how)()
    fleet.send(service, 50)
    fleet.await_counts(service, 100, 5)


def test_a_load_service_that_restarts(fleet: Fleet) -> None:
    fleet.send("load", 50)
    fleet.load.kill()
    fleet.await_load()
    fleet.send("load", 50)
    fleet.await_counts("load", 100)


def test_a_cut_network_heals(fleet: Fleet) -> None:
    fleet.cut("agent-1")
    fleet.send("cut", 50, failed=5)
    wait_for(lambda: fleet.agents["agent-1"].json("agent", "status")["outbox_batches"] > 0)
    fleet.send("cut", 20, agent="agent-2")
    fleet.await_counts("cut", 20)
    fleet.heal("agent-1")
    fleet.await_counts("cut", 70, 5)


def test_agents_come_and_go(fleet: Fleet) -> None:
    agent = fleet.start_agent("agent-3")
    fleet.await_connected("agent-3")
    fleet.send("guest", 30, agent="agent-3")
    fleet.await_counts("guest", 30)
    agent.remove()
    wait_for(lambda: fleet.states()["agent-3"] is False)
    assert fleet.person.run("coral", "status", "--check").code == 3
    fleet.await_counts("guest", 30)
    fleet.await_connected("agent-1", "agent-2")
