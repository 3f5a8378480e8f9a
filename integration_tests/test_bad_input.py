"""A short run of `bad_input.py`: broken requests of every encoding, and valid ones beside them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from coral.demo.launch import child_environment

PROGRAM = Path(__file__).with_name("bad_input.py")
REQUESTS = 1000


def test_broken_requests_harm_nobody() -> None:
    """The agent lives, answers what the specification knows, and counts every valid item once."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "--count", str(REQUESTS), "--seed", "7"],
        capture_output=True,
        text=True,
        timeout=220,
        env=child_environment(),
        check=False,
    )

    report = json.loads(done.stdout)
    assert report["violations"] == []
    assert done.returncode == 0
    assert sum(report["answers"].values()) == REQUESTS
    assert report["valid_items_in_colony"] == report["valid_items"]
    assert min(report["valid_items"].values()) > REQUESTS // 20
