"""Runs the real program `coral` in a home of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

DEADLINE_SECONDS = 60.0
_Answer = TypeVar("_Answer")
# Nothing listens there: port 9 (discard) is not served on loopback.
NOWHERE = "127.0.0.1:9"


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it printed."""

    code: int
    stdout: str
    stderr: str


class Program:
    """`coral`, with configuration, state and home below one directory, and a shared cache."""

    def __init__(self, home: Path, cache: Path) -> None:
        self.home = home
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH") or os.pathsep.join(sys.path),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_STATE_HOME": str(home / "state"),
            "CORAL_CACHE_DIR": str(cache),
            "CORAL_COLONY": NOWHERE,
        }

    def command(self, *arguments: str) -> list[str]:
        """The whole command line."""
        return [sys.executable, "-m", "coral", *arguments]

    def start(
        self, *arguments: str, pass_fds: tuple[int, ...] = (), **variables: str
    ) -> subprocess.Popen[bytes]:
        """Starts a command."""
        return subprocess.Popen(
            self.command(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**self.environment, **variables},
            cwd=self.home,
            pass_fds=pass_fds,
        )

    def raw(
        self, *arguments: str, stdin: bytes = b"", **variables: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Runs a command to its end; output as bytes."""
        return subprocess.run(
            self.command(*arguments),
            input=stdin,
            capture_output=True,
            env={**self.environment, **variables},
            cwd=self.home,
            timeout=DEADLINE_SECONDS,
            check=False,
        )

    def run(self, *arguments: str, stdin: bytes = b"", **variables: str) -> Result:
        """Runs a command to its end."""
        ended = self.raw(*arguments, stdin=stdin, **variables)
        return Result(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    def script(self, text: str, name: str = "script.ts") -> str:
        """Writes a script below the home and returns its path."""
        path = self.home / "scripts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return str(path)


def until(question: Callable[[], _Answer | None]) -> _Answer:
    """Asks until there is an answer."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        answer = question()
        if answer:
            return answer
        time.sleep(0.01)
    raise AssertionError("no answer in time")


def first_line(process: subprocess.Popen[bytes]) -> str:
    """Waits for the first line of a command's output."""
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


def deno_below(process: subprocess.Popen[bytes]) -> psutil.Process:
    """Waits for the Deno that a command has started."""

    def find() -> psutil.Process | None:
        children = [child for child in psutil.Process(process.pid).children() if child.name() == "deno"]
        return children[0] if children else None

    return until(find)


def finish(process: subprocess.Popen[bytes]) -> Result:
    """Waits for a command's end."""
    stdout, stderr = process.communicate(timeout=DEADLINE_SECONDS)
    return Result(process.returncode, stdout.decode(), stderr.decode())


def interrupt(process: subprocess.Popen[bytes], number: int = signal.SIGINT) -> None:
    """Sends a signal to the command alone, not to what it has started."""
    os.kill(process.pid, number)
