"""A scope by systemd: which way is taken, what is asked for, and what stands in when it fails.

No systemd runs where these tests run: a program in the place of `busctl` writes down what it is asked for, and
does to files what systemd does to control groups. docs/security.md says that the real one is untried.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from coral.runner.containment import cgroup, scope

CEILINGS = cgroup.Ceilings(memory_bytes=512 << 20, tasks=66, cpu_percent=200)
PID = 4711


class Machine:
    """A machine whose control groups are systemd's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.group = folder / "cgroup" / "user.slice" / "app.slice"
        self.calls = folder / "calls"
        for path in (folder / "booted", folder / "run" / "bus", folder / "bin", self.group):
            path.mkdir(parents=True)
        self._write(folder / "cgroup" / "cgroup.controllers", "cpu memory pids")
        self._write(folder / "proc" / "self" / "cgroup", "0::/user.slice/session-1.scope\n")
        self._write(folder / "proc" / str(PID) / "cgroup", "0::/user.slice/session-1.scope\n")

    def busctl(self, then: str) -> None:
        """Puts a program in its place, which writes down its arguments and does `then`."""
        program = self.folder / "bin" / "busctl"
        program.write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$@" > {shlex.quote(str(self.calls))}\nunit=$8\n{then}\n'
        )
        program.chmod(0o755)

    def moves(self, controllers: str = "memory pids cpu") -> str:
        """What systemd does: a group with its files, and the process in it."""
        return (
            f"mkdir -p {self.group}/$unit\n"
            f"for name in {controllers}; do echo 1 > {self.group}/$unit/$name.max; done\n"
            f"echo 'oom_kill 1' > {self.group}/$unit/memory.events\n"
            f"echo 0::/user.slice/app.slice/$unit > {self.folder}/proc/{PID}/cgroup"
        )

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    monkeypatch.setattr(scope, "_BOOTED", str(tmp_path / "booted"))
    monkeypatch.setattr(scope, "_PROC", str(tmp_path / "proc"))
    monkeypatch.setattr(scope, "_ROOT", str(tmp_path / "cgroup"))
    monkeypatch.setattr(cgroup, "_ROOT", str(tmp_path / "cgroup"))
    monkeypatch.setattr(cgroup, "_OWN", str(tmp_path / "proc" / "self" / "cgroup"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    return made


def test_what_systemd_is_asked_for(machine: Machine) -> None:
    machine.busctl(machine.moves())
    group = cgroup.make(CEILINGS)
    assert group.missing == []
    group.add(PID)
    assert sorted(group.holds) == ["cpu", "memory", "pids"]
    assert group.killed_for_memory()
    asked = machine.calls.read_text().splitlines()
    assert asked[:6] == [
        "--user", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
        "org.freedesktop.systemd1.Manager", "StartTransientUnit",
    ]  # fmt: skip
    # The signature of the call in org.freedesktop.systemd1(5), and as many properties as are counted.
    signature, unit, mode, count, *words = asked[6:]
    assert signature == "ssa(sv)a(sa(sv))"
    assert unit.startswith("coral-run-")
    assert unit.endswith(".scope")
    assert mode == "fail"
    kinds = {"s": 1, "t": 1, "au": 2}
    properties = {}
    for _ in range(int(count)):
        name, kind, *words = words
        properties[name] = words[: kinds[kind]]
        words = words[kinds[kind] :]
    assert words == ["0"]  # no auxiliary units
    del properties["Description"]
    assert properties == {
        "PIDs": ["1", str(PID)],
        "MemoryMax": [str(512 << 20)],
        "MemorySwapMax": ["0"],
        "TasksMax": ["66"],
        "CPUQuotaPerSecUSec": ["2000000"],
        "CollectMode": ["inactive-or-failed"],
    }


def test_a_group_of_our_own_is_taken_first(machine: Machine) -> None:
    machine.busctl("exit 9")
    (machine.folder / "cgroup" / "user.slice" / "cgroup.subtree_control").write_text("memory pids")
    (machine.folder / "cgroup" / "user.slice" / "cgroup.procs").write_text("")
    group = cgroup.make(CEILINGS)
    assert not machine.calls.exists()
    assert not any("systemd" in line for line in group.missing)


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("booted", "systemd does not run this machine"),
        ("run/bus", "systemd has no service manager for this user"),
        ("bin/busctl", "busctl, which comes with systemd, is not on the path"),
    ],
)
def test_why_there_is_no_scope(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, missing: str, reason: str
) -> None:
    machine.busctl(machine.moves())
    monkeypatch.setenv("PATH", str(machine.folder / "bin"))
    path = machine.folder / missing
    path.rmdir() if path.is_dir() else path.unlink()
    group = cgroup.make(CEILINGS)
    (line,) = group.missing
    assert line.startswith("memory: ")
    assert reason in line


@pytest.mark.parametrize(
    ("then", "reason"),
    [
        (
            "echo 'Call failed: Access denied' >&2; exit 1",
            "systemd refuses a scope: Call failed: Access denied",
        ),
        ("exit 0", "systemd made a scope, and did not move the script into it"),
    ],
)
def test_a_scope_that_comes_to_nothing_is_an_error(machine: Machine, then: str, reason: str) -> None:
    machine.busctl(then)
    group = cgroup.make(CEILINGS)
    with pytest.raises(OSError, match=reason):
        group.add(PID)
    assert group.holds == []


def test_a_script_that_has_ended_is_no_error_of_systemd(machine: Machine) -> None:
    machine.busctl(f"rm -r {machine.folder}/proc/{PID}")
    with pytest.raises(ProcessLookupError):
        cgroup.make(CEILINGS).add(PID)


def test_a_controller_that_is_not_delegated_is_told(machine: Machine) -> None:
    machine.busctl(machine.moves("pids"))
    group = cgroup.make(CEILINGS)
    group.add(PID)
    assert group.holds == ["pids"]
    assert "memory: the scope has no such controller" in group.missing
