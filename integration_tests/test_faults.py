"""Kills, cuts and full disks lose nothing that was acknowledged, and count nothing twice.

Short and seeded; `faults/run.py` runs as many as wanted.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from coral.testing.faults.campaign import Plan, run_campaign
from coral.testing.faults.disk import can_mount


def test_kills_and_cuts_count_every_span_once(tmp_path: Path) -> None:
    result = run_campaign(Plan(seed=3, kills=6, cuts=3), tmp_path)
    assert result.agent_kills + result.colony_kills >= 6
    assert sum(result.cuts.values()) == 3
    assert min(service.sent for service in result.services.values()) > 0
    assert result.raw_rows_given_up == 0
    assert result.exact, result


@pytest.mark.skipif(not can_mount(), reason="needs the right to mount a small disk")
def test_full_disks_count_every_span_once(tmp_path: Path) -> None:
    result = run_campaign(Plan(seed=4, kills=1, fills=3), tmp_path)
    assert sum(result.fills.values()) == 3
    assert min(service.sent for service in result.services.values()) > 0
    assert result.exact, result
