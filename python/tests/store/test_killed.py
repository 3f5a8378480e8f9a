"""A store that is killed at any step of what it does loses nothing, counts nothing twice and leaves no files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.kill_scenarios import SCENARIOS

COUNT = os.environ.get("CORAL_TEST_KILLS", "2")
SEED = os.environ.get("CORAL_TEST_SEED", "1")


@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_at_chosen_steps(name: str, tmp_path: Path) -> None:
    """CORAL_TEST_KILLS is the number of steps, 0 takes them all; CORAL_TEST_SEED chooses others."""
    command = [sys.executable, "-m", "tests.store.killing", name, str(tmp_path / "runs"), COUNT, SEED]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert found["steps"] > 20
    assert found["killed"] == (int(COUNT) or found["steps"])
