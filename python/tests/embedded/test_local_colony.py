"""The colony that `coral run` starts by itself: a real one."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from coral.embedded.state import LocalColony, read_state, running, write_state
from tests.runner.program import NOWHERE, Program, Result, finish, until

SCRIPT = 'import * as coral from "@coral/sdk"; console.log(JSON.stringify(await coral.services.list()));'


@pytest.fixture
def home(coral: Program) -> Iterator[Program]:
    """A program without a configured colony; what it starts is stopped in the end."""
    del coral.environment["CORAL_COLONY"]
    yield coral
    colony = read_state(str(state_file(coral)))
    if colony is not None and colony.data.startswith(str(coral.home)) and psutil.pid_exists(colony.pid):
        os.kill(colony.pid, signal.SIGTERM)
        until(lambda: not psutil.pid_exists(colony.pid) or _is_zombie(colony.pid))


def state_file(program: Program) -> Path:
    return program.home / "state" / "coral" / "local" / "colony.json"


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def said(ended: Result) -> str:
    """What was said, but for the line that comes only where the start takes more than a second."""
    return ended.stderr.removeprefix("coral: starting the local colony ...\n")


def test_the_first_run_starts_a_colony_and_says_so_and_the_second_uses_it(home: Program) -> None:
    script = home.script(SCRIPT)
    first = home.run("run", script)
    state = json.loads(state_file(home).read_text())
    address = state["address"]
    empty = (
        f"coral: it has no data yet; run coral demo, or coral agent start --colony {address}"
        " and send OpenTelemetry to 127.0.0.1:4317 (gRPC) or http://127.0.0.1:4318\n"
    )
    assert (first.code, first.stdout) == (0, "[]\n")
    assert said(first) == (
        f"coral: started the local colony at {address}; it stops after 30m without use\n{empty}"
    )
    assert set(state) == {"address", "pid", "data", "started_at", "kind"}
    assert state["kind"] == "local"
    assert state["data"] == str(state_file(home).parent / "data")
    second = home.run("run", script)
    assert (second.code, second.stdout) == (0, "[]\n")
    assert second.stderr == f"coral: using the local colony at {address}\n{empty}"
    services = home.run("services", "-o", "json")
    assert (services.code, services.stdout) == (0, "[]\n")


def test_two_first_runs_at_once_start_one_colony(home: Program) -> None:
    script = home.script(SCRIPT)
    runs = [home.start("run", script) for _ in range(2)]
    ended = [finish(run) for run in runs]
    assert [(run.code, run.stdout) for run in ended] == [(0, "[]\n")] * 2
    assert sorted("started the local colony" in run.stderr for run in ended) == [False, True]
    data = json.loads(state_file(home).read_text())["data"]
    colonies = [p for p in psutil.process_iter(["cmdline"]) if data in (p.info["cmdline"] or ())]
    assert len(colonies) == 1


def test_a_colony_that_died_is_started_anew(home: Program) -> None:
    script = home.script(SCRIPT)
    assert home.run("run", script).code == 0
    before = json.loads(state_file(home).read_text())
    os.kill(before["pid"], signal.SIGKILL)
    until(lambda: not psutil.pid_exists(before["pid"]) or _is_zombie(before["pid"]))
    again = home.run("run", script)
    assert (again.code, again.stdout) == (0, "[]\n"), again.stderr
    assert "started the local colony" in again.stderr
    assert json.loads(state_file(home).read_text())["pid"] != before["pid"]


def test_a_colony_that_cannot_start_says_why(home: Program) -> None:
    state_file(home).parent.mkdir(parents=True)
    (state_file(home).parent / "data").write_text("in the way")
    ended = home.run("run", home.script(SCRIPT))
    assert ended.code == 69
    assert said(ended).startswith("error: the local colony did not start: ")
    assert "\nhint: " in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not state_file(home).exists()


def test_a_state_directory_that_cannot_be_written(home: Program) -> None:
    ended = home.run("run", home.script(SCRIPT), XDG_STATE_HOME="/proc/coral")
    assert ended.code == 74
    assert ended.stderr.startswith(
        "error: the local colony's directory /proc/coral/coral/local cannot be written"
    )
    assert "\nhint: set XDG_STATE_HOME" in ended.stderr


def make(address: str, pid: int = os.getpid(), kind: str = "local", data: str = "/nowhere") -> LocalColony:
    return LocalColony(address=address, pid=pid, data=data, started_at="2026-01-01T00:00:00Z", kind=kind)


def test_a_colony_counts_as_running_if_it_lives_and_accepts(tmp_path: Path) -> None:
    path = str(tmp_path / "colony.json")
    assert running(path) is None
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        write_state(path, make(address, kind="demo"))
        found = running(path)
        assert found is not None
        assert (found.address, found.kind, found.pid) == (address, "demo", os.getpid())
        write_state(path, make(address, pid=2**22 + 1))
        assert running(path) is None
    write_state(path, make(NOWHERE))
    assert running(path) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"address": 5, "pid": 1}', '{"address": "x", "pid": "1"}']
)
def test_a_state_file_that_says_nothing_is_no_colony(tmp_path: Path, text: str) -> None:
    path = tmp_path / "colony.json"
    path.write_text(text)
    assert read_state(str(path)) is None


def test_only_an_empty_segment_directory_means_no_data(tmp_path: Path) -> None:
    colony = make(NOWHERE, data=str(tmp_path))
    assert not colony.is_empty()
    (tmp_path / "segments").mkdir()
    assert colony.is_empty()
    (tmp_path / "segments" / "1").touch()
    assert not colony.is_empty()
