"""What happens to a fleet, and that no request is lost or counted twice by it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
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
