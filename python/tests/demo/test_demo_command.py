"""`coral demo` as a user runs it: one command, a report, and nothing left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from coral.demo.children import wait_until
from coral.demo.launch import child_environment, coral_command
from coral.demo.shop.names import SERVICES

DEMO_SECONDS = 120.0
STOP_SECONDS = 30.0
EXIT_DEMO_RUNS = 1
EXIT_USAGE = 2


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """State and temporary files in the test's own folder; the cache, with the unpacked Deno, is shared."""
    folders = {"XDG_STATE_HOME": tmp_path / "state", "TMPDIR": tmp_path / "tmp"}
    for folder in folders.values():
        folder.mkdir()
    return {**child_environment(), **{name: str(folder) for name, folder in folders.items()}}


def test_once_prints_the_report_and_leaves_nothing(tmp_path: Path, environment: dict[str, str]) -> None:
    copy = tmp_path / "report.txt"

    done = _run(environment, "demo", "--once", "--report", str(copy))

    assert done.returncode == 0, done.stderr
    for service in SERVICES:
        assert re.search(rf"^{service}:", done.stdout, re.MULTILINE), done.stdout
    assert "Slowest: payments" in done.stdout
    assert "Most errors: orders" in done.stdout
    assert copy.read_text(encoding="utf-8") == done.stdout
    assert "coral: starting a colony, an agent and a shop of 6 services" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "tmp").iterdir()) == []
    assert _processes_of(tmp_path) == []
    assert not (tmp_path / "state" / "coral" / "local" / "colony.json").exists()


def test_it_keeps_going_and_other_commands_find_it(tmp_path: Path, environment: dict[str, str]) -> None:
    with _running_demo(environment) as demo:
        _await_line(demo, "keeps going")

        services = _run(environment, "services", "-o", "json")
        second = _run(environment, "demo")
        demo.send_signal(signal.SIGINT)
        code = demo.wait(STOP_SECONDS)

    assert services.returncode == 0, services.stderr
    assert [service["name"] for service in json.loads(services.stdout)] == sorted(SERVICES)
    assert "using the demo's colony" in services.stderr
    assert second.returncode == EXIT_DEMO_RUNS
    assert "error: a demo runs already" in second.stderr
    assert "hint: " in second.stderr
    assert code == 0
    assert _processes_of(tmp_path) == []
    assert not (tmp_path / "state" / "coral" / "local" / "colony.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_before_the_report_stops_everything(
    tmp_path: Path, environment: dict[str, str], number: signal.Signals
) -> None:
    with _running_demo(environment, "--once", "--duration", "10m") as demo:
        _await_line(demo, "the shop is open")
        demo.send_signal(number)
        code = demo.wait(STOP_SECONDS)

    assert code == 130
    assert _processes_of(tmp_path) == []
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_a_killed_demo_leaves_no_process(tmp_path: Path, environment: dict[str, str]) -> None:
    with _running_demo(environment, "--once", "--duration", "10m") as demo:
        _await_line(demo, "the shop is open")
        assert len(_processes_of(tmp_path)) >= 3
        demo.kill()
        demo.wait(STOP_SECONDS)

        assert wait_until(lambda: _processes_of(tmp_path) == [], STOP_SECONDS), _processes_of(tmp_path)


def test_a_wrong_option_is_an_error_with_a_hint(environment: dict[str, str]) -> None:
    done = _run(environment, "demo", "--rate", "fast")

    assert done.returncode == EXIT_USAGE
    assert done.stdout == ""
    assert "error: " in done.stderr
    assert "hint: " in done.stderr


def test_a_report_that_cannot_be_written_is_an_error(tmp_path: Path, environment: dict[str, str]) -> None:
    done = _run(environment, "demo", "--once", "--report", str(tmp_path / "missing" / "report.txt"))

    assert done.returncode == EXIT_USAGE
    assert done.stdout == ""
    assert "error: the report cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert _processes_of(tmp_path) == []


def _run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        coral_command(*arguments),
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS,
        env=environment,
        check=False,
    )


@contextmanager
def _running_demo(environment: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    demo = subprocess.Popen(
        coral_command("demo", *arguments),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    with demo:
        try:
            yield demo
        finally:
            demo.kill()


def _await_line(demo: subprocess.Popen[str], text: str) -> None:
    assert demo.stderr is not None
    said = []
    for line in demo.stderr:
        said.append(line)
        if text in line:
            return
    pytest.fail(f"the demo ended without saying {text!r}: {''.join(said)}")


def _processes_of(folder: Path) -> list[list[str]]:
    """Command lines of the processes that work below a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            if process.pid != os.getpid() and any(str(folder) in part for part in command):
                found.append(command)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            # It ended while we looked.
            continue
    return found
