"""A scope of systemd: a control group where systemd alone hands them out, as in a login by ssh.

The user's service manager is asked over D-Bus to put a process that runs already into a scope of its own,
with limits (`StartTransientUnit` with `PIDs`). `busctl`, which comes with systemd, makes the call: 10 ms,
long after the script has begun. What came of it is read from the group itself.
`integration_tests/systemd/run` tries it with a real systemd; the tests have a stand-in.

Source: org.freedesktop.systemd1(5), systemd.resource-control(5), sd_booted(3).
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coral.runner.containment.cgroup import Ceilings

_BOOTED = "/run/systemd/system"
_ROOT = "/sys/fs/cgroup"
_PROC = "/proc"
_CALL_SECONDS = 2.0
_MOVE_SECONDS = 2.0
_MANAGER = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")


class Scope:
    """One scope, for one process.

    Attributes:
        name: Of the unit.
        folder: Of its control group, once `add` was called.
    """

    __slots__ = ("_busctl", "folder", "name")

    def __init__(self, busctl: str) -> None:
        self.name = f"coral-run-{os.getpid()}-{int.from_bytes(os.urandom(4), 'little'):08x}.scope"
        self.folder: str | None = None
        self._busctl = busctl

    def add(self, pid: int, ceilings: Ceilings) -> list[str]:
        """Has a process put into the scope.

        Args:
            pid: Of the process.
            ceilings: What the scope is to hold.

        Returns:
            The controllers that hold now: of `memory`, `pids` and `cpu`.

        Raises:
            OSError: systemd refused it, or did not answer.
            ProcessLookupError: The process has ended.
        """
        properties = [
            ("Description", "s", "A script of coral run"),
            ("PIDs", "au", "1", str(pid)),
            ("MemoryMax", "t", str(ceilings.memory_bytes)),
            ("MemorySwapMax", "t", "0"),
            ("TasksMax", "t", str(ceilings.tasks)),
            ("CPUQuotaPerSecUSec", "t", str(ceilings.cpu_percent * 10_000)),
            ("CollectMode", "s", "inactive-or-failed"),
        ]
        words = [word for each in properties for word in each]
        call = (
            "StartTransientUnit",
            "ssa(sv)a(sa(sv))",
            self.name,
            "fail",
            str(len(properties)),
            *words,
            "0",
        )
        _run([self._busctl, "--user", "call", *_MANAGER, *call])
        self.folder = _ROOT + _moved(pid, self.name)
        files = {"memory": "memory.max", "pids": "pids.max", "cpu": "cpu.max"}
        return [name for name, file in files.items() if os.path.exists(os.path.join(self.folder, file))]


def find() -> Scope | str:
    """Returns a scope that can be asked for, or why there is none."""
    if not os.path.isdir(_BOOTED):
        return "systemd does not run this machine"
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"
    if not os.path.exists(os.path.join(runtime, "bus")):
        return f"systemd has no service manager for this user (no {runtime}/bus)"
    for folder in os.get_exec_path():
        busctl = os.path.join(folder, "busctl")
        if os.path.isabs(busctl) and os.access(busctl, os.X_OK):
            return Scope(busctl)
    return "busctl, which comes with systemd, is not on the path"


def _run(command: list[str]) -> None:
    import subprocess

    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=_CALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OSError(0, f"systemd has not answered for {_CALL_SECONDS:g} s") from None
    if done.returncode != 0:
        raise OSError(0, f"systemd refuses a scope: {done.stderr.strip() or done.returncode}")


def _moved(pid: int, name: str) -> str:
    """Waits until a process is in the scope, and returns the path of its group: systemd answers before."""
    deadline = time.monotonic() + _MOVE_SECONDS
    while True:
        try:
            with open(f"{_PROC}/{pid}/cgroup", encoding="utf-8") as file:
                paths = [line.rstrip("\n").split(":", 2)[2] for line in file if line.startswith("0::")]
        except FileNotFoundError:
            raise ProcessLookupError from None
        if paths and paths[0].rpartition("/")[2] == name:
            return paths[0]
        if time.monotonic() >= deadline:
            raise OSError(0, "systemd made a scope, and did not move the script into it")
        time.sleep(0.005)
