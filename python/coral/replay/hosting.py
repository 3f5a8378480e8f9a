"""Starts the process that serves a recording, and asks it for sockets."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from coral import errors
from coral.errors import CoralError
from coral.runner.job import Host


@dataclass(frozen=True)
class Emitted:
    """An event that a script emitted.

    Attributes:
        time: By the script's clock, UTC.
        name: Its type.
        severity: `info`, `warning` or `critical`.
        data: JSON.
    """

    time: datetime
    name: str
    severity: str
    data: str


class RecordingHost:
    """A recording that is served. A context manager; used from one thread.

    Attributes:
        start: The time from which on it has data, UTC.
        recorded_at: When it was made, UTC.
    """

    def __init__(self, path: Path) -> None:
        """Starts the process.

        Raises:
            CoralError: The file cannot be served.
        """
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "coral.replay.serving", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for us, who end it
        )
        try:
            about = self._answer()
        except BaseException:
            self.close()
            raise
        self.start = datetime.fromisoformat(about["start_time"])
        self.recorded_at = datetime.fromisoformat(about["recorded_at"])

    @contextmanager
    def run(self, name: str, events: list[Emitted] | None = None) -> Iterator[Host]:
        """Opens a socket for one run.

        Args:
            name: The run's name.
            events: Gets what the script has emitted, at the end of the block.
        """
        opened = self._ask({"open": name})
        try:
            yield Host(opened["socket"], opened["token"], mode="cli")
        finally:
            closed = self._ask({"close": opened["socket"]})
            if events is not None:
                events += [_emitted(event) for event in closed["events"]]

    def close(self) -> None:
        """Ends the process. Idempotent."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        try:
            self._child.stdin.close()
        except BrokenPipeError:
            pass  # it has ended
        self._child.wait()
        self._child.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, command: dict[str, str]) -> Any:
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(command) + "\n")
        self._child.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise CoralError(
                f"the process that serves the recording ended with {self._child.wait()}",
                hint="run it again with CORAL_DEBUG=1",
            )
        answer = json.loads(line)
        if "error" in answer:
            kind = getattr(errors, answer["error"], CoralError)
            raise kind(answer["message"], hint=answer["hint"] or None)
        return answer


def _emitted(event: dict[str, Any]) -> Emitted:
    time = datetime.fromtimestamp(event["time_ms"] / 1000, UTC).replace(tzinfo=None)
    return Emitted(time, event["name"], event["severity"], event["data"])
