"""Starts the local colony in the background. Two that try at once start one."""

from __future__ import annotations

import fcntl
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from typing import IO

from coral.embedded.state import LocalColony, running, write_state
from coral.errors import CoralError, StorageError, UnreachableError

IDLE_EXIT = "30m"
_READY_SECONDS = 30.0
_PATIENCE_SECONDS = 1.0
_PACKAGE_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Launched:
    """A colony that runs now.

    Attributes:
        colony: Where it is.
        started: Whether this call started it.
    """

    __slots__ = ("colony", "started")

    def __init__(self, colony: LocalColony, *, started: bool) -> None:
        self.colony = colony
        self.started = started


def launch(path: str, *, waiting: Callable[[], None] | None = None) -> Launched:
    """Starts a local colony unless one runs.

    Args:
        path: The state file; data and log go to its directory.
        waiting: Says that it takes time; called once if it takes longer than a second.

    Raises:
        StorageError: The directory cannot be written.
        UnreachableError: The colony did not start.
    """
    directory = os.path.dirname(path)
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        lock = open(os.path.join(directory, "colony.lock"), "w", encoding="utf-8")  # noqa: SIM115 (with below)
    except OSError as error:
        raise StorageError(
            f"the local colony's directory {directory} cannot be written: {error.strerror}",
            hint="set XDG_STATE_HOME to a directory that can be written, or name a colony with --colony",
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        colony = running(path)
        if colony is not None:
            return Launched(colony, started=False)  # another run was faster
        data = os.path.join(directory, "data")
        colony = _start(data, os.path.join(directory, "colony.log"), waiting)
        write_state(path, colony)
        return Launched(colony, started=True)


def _start(data: str, log_path: str, waiting: Callable[[], None] | None) -> LocalColony:
    # What is configured for a colony of the fleet does not concern the one behind `coral run`.
    command = [sys.executable, "-m", "coral", "colony", "start", "--no-config", "--metrics", "off"]
    command += ["--listen", "127.0.0.1:0", "--fleet-listen", "127.0.0.1:0", "--data", data]
    command += ["--idle-exit", IDLE_EXIT, "-o", "json"]
    with open(log_path, "w+b") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env=_environment(),
            cwd=os.path.dirname(log_path),  # the user's own directory must stay removable
            start_new_session=True,
        )
        assert process.stdout is not None
        with process.stdout as stdout:
            line = _first_line(stdout, time.monotonic() + _READY_SECONDS, waiting)
        try:
            address = json.loads(line)["grpc"]
        except (ValueError, KeyError, TypeError):
            code = process.poll()
            process.kill()
            process.wait()
            log.seek(0)
            raise _failed(log.read().decode(errors="replace"), log_path, code) from None
    # It outlives this process and init reaps it; without this, Popen warns that it still runs.
    process.returncode = 0
    return LocalColony(
        address=address,
        pid=process.pid,
        data=data,
        started_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        kind="local",
    )


def _environment() -> dict[str, str]:
    """Our environment, with Coral importable from another directory too and no colony set."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CORAL_COLONY")}
    search = [
        _PACKAGE_ROOT,
        *[os.path.abspath(p) for p in environment.get("PYTHONPATH", "").split(os.pathsep) if p],
    ]
    environment["PYTHONPATH"] = os.pathsep.join(search)
    return environment


def _first_line(stdout: IO[bytes], deadline: float, waiting: Callable[[], None] | None) -> bytes:
    """Reads up to the first newline, the end, or the deadline."""
    if waiting is not None and not select.select([stdout], [], [], _PATIENCE_SECONDS)[0]:
        waiting()
    line = b""
    while b"\n" not in line:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([stdout], [], [], left)[0]:
            break
        chunk = os.read(stdout.fileno(), 4096)
        if not chunk:
            break
        line += chunk
    return line.partition(b"\n")[0]


def _failed(log: str, log_path: str, code: int | None) -> CoralError:
    """Words a failed start by what the colony itself said, and by its exit code if it has ended."""
    said = {}
    for line in log.splitlines():
        label, colon, text = line.partition(": ")
        if colon and label in ("error", "hint"):
            said[label] = text
    if "error" in said:
        return UnreachableError(f"the local colony did not start: {said['error']}", hint=said.get("hint"))
    silent = f"it did not say so within {_READY_SECONDS:g} s"
    if code is not None:  # with a full disk not even its log can be written
        silent = f"it ended at once with code {code} and left no word in its log; is the disk full?"
    last = log.strip().rpartition("\n")[2] or silent
    return UnreachableError(f"the local colony did not start: {last}", hint=f"its log is {log_path}")
