"""Nothing stays behind: after a failed test, and after a run that was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

from engine import DEADLINE_SECONDS, Engine, wait_for

HERE = Path(__file__).parent.parent


def start(test: str, run: str, log: Path) -> subprocess.Popen[bytes]:
    """Starts one test of `leftovers/` as a run of its own."""
    settings = log.with_suffix(".ini")
    settings.write_text("[pytest]\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--capture=no",
        "-p",
        "no:cacheprovider",
        "--confcutdir",
        str(HERE),
    ]
    command += [
        "--basetemp",
        str(log.parent / run),
        "-c",
        str(settings),
        "--rootdir",
        str(HERE),
        "--import-mode=importlib",
    ]
    command.append(f"{HERE / 'leftovers' / 'cases.py'}::{test}")
    with log.open("wb") as out:
        return subprocess.Popen(command, env=os.environ | {"CORAL_TEST_RUN": run}, stdout=out, stderr=out)


def await_wait(child: subprocess.Popen[bytes], log: Path) -> None:
    """Waits until `test_that_never_ends` has started all that it starts."""

    def waits() -> bool:
        assert child.poll() is None, log.read_text()
        return b"it waits" in log.read_bytes()

    wait_for(waits)


def test_a_failed_test_leaves_nothing(engine: Engine, tmp_path: Path) -> None:
    run, log = uuid.uuid4().hex, tmp_path / "log"
    seen: set[str] = set()
    with start("test_that_fails", run, log) as child:

        def ended() -> bool:
            seen.update(found.partition(" ")[0] for found in engine.found(run))
            return child.poll() is not None

        try:
            wait_for(ended)
        finally:
            child.kill()
    assert child.returncode == 1, log.read_text()
    assert "it fails, as it should" in log.read_text()
    assert seen == {"container", "network", "volume"}
    assert engine.found(run) == []


def test_a_run_that_gets_sigterm_leaves_nothing(engine: Engine, tmp_path: Path) -> None:
    run, log = uuid.uuid4().hex, tmp_path / "log"
    with start("test_that_never_ends", run, log) as child:
        try:
            await_wait(child, log)
            kinds = {found.partition(" ")[0] for found in engine.found(run)}
            child.terminate()
            assert child.wait(timeout=DEADLINE_SECONDS) == 128 + signal.SIGTERM, log.read_text()
        finally:
            child.kill()
    assert kinds == {"container", "network", "volume"}
    assert engine.found(run) == []


def test_a_killed_run_is_swept_by_the_next(engine: Engine, tmp_path: Path) -> None:
    run, log = uuid.uuid4().hex, tmp_path / "log"
    with start("test_that_never_ends", run, log) as child:
        try:
            await_wait(child, log)
            engine.sweep_orphans()
            kinds = {found.partition(" ")[0] for found in engine.found(run)}
        finally:
            child.kill()
    assert kinds == {"container", "network", "volume"}
    engine.sweep_orphans()
    assert engine.found(run) == []
