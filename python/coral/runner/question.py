"""Asks Deno something about a script that it does not run: its imports, its types.

Deno then reads files that an attacker wrote, by itself and without permissions; so it is behind walls as
well, and what it says is read from files whose size is bounded.
"""

from __future__ import annotations

import os
import select
import tempfile
import time

from coral.errors import RuntimeMissingError
from coral.runner.containment.confine import Confinement, Files
from coral.runner.containment.launch import launch
from coral.runner.policy import Policy
from coral.script_limits import QUESTION_MEMORY_BYTES

_LOOK_SECONDS = 0.05


class Answer:
    """What Deno said.

    Attributes:
        code: Its exit code; 128 + n after signal n.
        stdout: What it printed there.
        stderr: And there.
        exceeded: Why it was ended: `time`, or a limit of the watchdog; None where it has ended itself.
    """

    __slots__ = ("code", "exceeded", "stderr", "stdout")

    def __init__(self, code: int, stdout: bytes, stderr: bytes, exceeded: str | None = None) -> None:
        self.code = code
        self.exceeded = exceeded
        self.stdout = stdout
        self.stderr = stderr


class Question:
    """A command of Deno whose answer is awaited; a context manager that ends it."""

    def __init__(
        self,
        command: list[str],
        environment: dict[str, str],
        *,
        seconds: float,
        trees: list[str],
        files: list[str],
        written: list[str] | None = None,
    ) -> None:
        """Starts it.

        Args:
            command: Deno and its arguments.
            environment: Its whole environment.
            seconds: How long it may take.
            trees: Folders of which it may read everything.
            files: Further files that it may read.
            written: Folders in which it may write.

        Raises:
            RuntimeMissingError: Deno cannot be started.
        """
        self._code: int | None = None
        self._exceeded: str | None = None
        self._deadline = time.monotonic() + seconds
        needs = Files(command[0], trees=trees, files=files, written=written)
        self._confinement = Confinement(Policy("question", memory_bytes=QUESTION_MEMORY_BYTES), needs)
        self._out = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
        self._err = tempfile.TemporaryFile()  # noqa: SIM115
        null = os.open(os.devnull, os.O_RDONLY)
        try:
            stdio = (null, self._out.fileno(), self._err.fileno())
            self._pid, _ = launch(command, environment, self._confinement.walls, own_group=True, stdio=stdio)
        except OSError as error:
            self._code = 127
            self.close()
            raise RuntimeMissingError(f"{command[0]} cannot be started: {error.strerror}") from None
        finally:
            os.close(null)
        self._watchdog = self._confinement.started(self._pid)

    def __enter__(self) -> Question:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def answer(self) -> Answer | None:
        """Returns the answer once it is there."""
        if self._code is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if not pid:
                late = time.monotonic() > self._deadline
                self._exceeded = self._exceeded or self._watchdog.exceeded() or ("time" if late else None)
                if self._exceeded is not None:
                    os.kill(self._pid, 9)
                return None
            code = os.waitstatus_to_exitcode(status)
            self._code = code if code >= 0 else 128 - code
        self._out.seek(0)
        self._err.seek(0)
        return Answer(self._code, self._out.read(), self._err.read(), self._exceeded)

    def wait(self) -> Answer:
        """Waits for the answer, which comes soon after the time that it may take."""
        while (answer := self.wait_for(60.0)) is None:
            pass
        return answer

    def wait_for(self, seconds: float) -> Answer | None:
        """Waits for the answer, at most so long; None if it is not there then."""
        deadline = time.monotonic() + seconds
        watch = os.pidfd_open(self._pid) if hasattr(os, "pidfd_open") else None
        try:
            while (answer := self.answer()) is None and (left := deadline - time.monotonic()) > 0:
                pause = min(left, _LOOK_SECONDS)
                if watch is None:
                    time.sleep(pause)
                else:
                    select.select([watch], [], [], pause)
        finally:
            if watch is not None:
                os.close(watch)
        return answer

    def close(self) -> None:
        """Ends it, whether it has answered or not."""
        if self._code is None:
            os.kill(self._pid, 9)
            os.waitpid(self._pid, 0)
            self._code = 137
        self._out.close()
        self._err.close()
        self._confinement.close()
