"""Child processes that speak JSON lines on stdout, stop on SIGTERM and never outlive their parent."""

from __future__ import annotations

import ctypes
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from coral.errors import CoralError

STOP_SECONDS = 6.0
"""How long a child may take to stop after SIGTERM before it is killed; colony and agent promise 5 s."""

LOG_TAIL_LINES = 8
"""How much of a failed child's log is shown."""

_PR_SET_PDEATHSIG = 1

Event = dict[str, Any]


class ChildError(CoralError):
    """A child process ended or said nothing when it should have worked."""


class Child:
    """A running child process.

    Stdout is read as one JSON object per line; stderr goes to a log file. The child is in a session of
    its own, so that Ctrl-C reaches the parent alone, which then stops its children in order. On Linux
    the kernel sends SIGTERM to the child when the thread that started it ends, however it ends.
    """

    def __init__(self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as log_file:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
                env=dict(environment),
                start_new_session=True,
                preexec_fn=_die_with_parent(),
            )
        self._events: queue.Queue[Event | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, name=f"{name}-events", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def expect(self, event: str, timeout_seconds: float) -> Event:
        """Waits for the next event, which must be the named one.

        Raises:
            ChildError: The child ended, said something else or nothing in time; the hint has its log.
        """
        try:
            answer = self._events.get(timeout=timeout_seconds)
        except queue.Empty:
            raise self._error(f"{self.name} did not say {event!r} within {timeout_seconds:g} s") from None
        if answer is None:
            raise self._error(f"{self.name} ended with exit code {self._process.wait()}")
        if answer.get("event") != event:
            raise self._error(f"{self.name} said {answer!r} where {event!r} was expected")
        return answer

    def tell(self, message: Event) -> None:
        """Writes one JSON line to the child's stdin.

        Raises:
            ChildError: The child has ended.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._error(f"{self.name} ended with exit code {self._process.wait()}") from None

    def check(self) -> None:
        """Raises ChildError when the child has ended."""
        code = self.exit_code
        if code is not None:
            raise self._error(f"{self.name} ended with exit code {code}")

    def signal(self, number: int) -> None:
        """Sends a signal, if the child still runs."""
        self._process.send_signal(number)

    def wait(self, timeout_seconds: float) -> int:
        """Waits for the end and answers the exit code.

        Raises:
            subprocess.TimeoutExpired: It still runs.
        """
        return self._process.wait(timeout_seconds)

    def stop(self, timeout_seconds: float = STOP_SECONDS) -> int:
        """Sends SIGTERM, kills what has not stopped in time, and answers the exit code."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout_seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
        code = self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            try:
                stream.close()
            except BrokenPipeError:
                # Text for a child that is gone; nobody is left to read it.
                continue
        return code

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                self._events.put(json.loads(line))
            except json.JSONDecodeError:
                self._events.put({"event": "not JSON", "line": line.decode(errors="replace").rstrip()})
        self._events.put(None)

    def _error(self, message: str) -> ChildError:
        tail = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return ChildError(message, hint="\n".join([f"the end of its log, {self.log}:", *tail]))


def wait_until(condition: Callable[[], bool], timeout_seconds: float, interval_seconds: float = 0.05) -> bool:
    """Asks again and again until the condition holds; false when the time is over."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(interval_seconds)
    return True


def _die_with_parent() -> Callable[[], None] | None:
    """What the child does between fork and exec, on Linux; None elsewhere."""
    if sys.platform != "linux":
        return None
    # Looked up before the fork: loading a library is not safe between fork and exec.
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def prepare() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            # The parent died before the request was made, so the signal will never come.
            os._exit(1)

    return prepare
