"""`coral backtest`: a script that watches, on what has been, with the times at which it would have spoken."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from coral.errors import CoralError, LimitError, ScriptError
from coral.replay.hosting import Emitted, RecordingHost
from coral.replay.run import Ended, Spec, run_apart
from coral.script_limits import BACKTEST_SECONDS

_MARK: Final = "\x1e"
_EPOCH: Final = datetime(1970, 1, 1)
_TIME_LIMIT: Final = 124
_CHECKS_FAILED: Final = 99


@dataclass(frozen=True)
class Entry:
    """Something that a script did.

    Attributes:
        time: By the script's clock, UTC; None where it is not known (a write past the console).
        kind: `event` (emitted) or `line` (printed).
        name: The event's type, or the console's level.
        severity: The event's; empty for lines.
        text: The event's data as JSON, or the line.
    """

    time: datetime | None
    kind: str
    name: str
    severity: str
    text: str


@dataclass(frozen=True)
class Backtest:
    """What a script would have done.

    Attributes:
        start: Start of its clock, UTC.
        end: End of its clock, UTC.
        entries: What it did, in order of time.
        checks: Checks that failed, as the script's stderr tells them; empty when none did.
    """

    start: datetime
    end: datetime
    entries: list[Entry] = field(default_factory=list)
    checks: str = ""

    @property
    def fired(self) -> int:
        """How many events it emitted."""
        return sum(entry.kind == "event" for entry in self.entries)


def backtest(
    host: RecordingHost,
    script: Path,
    *,
    since: timedelta | None = None,
    params: dict[str, Any] | None = None,
    texts: dict[str, str] | None = None,
    time_limit: float = BACKTEST_SECONDS,
) -> Backtest:
    """Replays a script from a time in the recording to its end.

    Args:
        host: The recording.
        script: Path of the script.
        since: How long before the end its clock starts; None, or more than there is: all of it.
        params: What the script sees as `coral.params`.
        texts: Those that were typed, as they were typed.
        time_limit: Real seconds.

    Raises:
        LimitError: It ran into a limit of time or of jumps.
        ScriptError: It failed.
    """
    end = host.recorded_at
    start = host.start if since is None else max(host.start, end - since)
    events: list[Emitted] = []
    with host.run(script.name, events) as served:
        spec = Spec(
            str(script),
            served.socket,
            served.token,
            at=_seconds(start),
            until=_seconds(end),
            lines=True,
            time_limit=time_limit,
            params=params or {},
            texts=texts or {},
        )
        ended = run_apart(spec)
    if ended.code not in (0, _CHECKS_FAILED):
        raise _failure(script, ended)
    entries = _without_echoes(_lines(ended.stdout), events) + [_of_event(event) for event in events]
    # A line without a time stays where it is among the lines.
    entries.sort(key=lambda entry: entry.time or start)
    return Backtest(start, end, entries, ended.stderr.strip() if ended.code else "")


def _failure(script: Path, ended: Ended) -> CoralError:
    said = ended.stderr.strip() or f"exit code {ended.code}"
    if ended.code == _TIME_LIMIT:
        return LimitError(
            f"{script.name} ran into a limit:\n{said}", hint="replay a shorter time with --since"
        )
    return ScriptError(f"{script.name} ended with exit code {ended.code}:\n{said}")


def _lines(stdout: str) -> list[Entry]:
    entries = []
    for line in stdout.split("\n"):
        if line.startswith(_MARK):
            told = json.loads(line[1:])
            time = _EPOCH + timedelta(milliseconds=told["time"])
            entries.append(Entry(time, "line", told["level"], "", told["text"]))
        elif line:
            entries.append(Entry(None, "line", "log", "", line))
    return entries


def _without_echoes(lines: list[Entry], events: list[Emitted]) -> list[Entry]:
    """The lines without those by which `coral.emit` tells of an event under `coral run`."""
    echoes = {f"[{event.severity}] {event.name}:" for event in events}
    return [
        line
        for line in lines
        if line.name != "error" or not any(line.text.startswith(echo) for echo in echoes)
    ]


def _of_event(event: Emitted) -> Entry:
    return Entry(event.time, "event", event.name, event.severity, event.data)


def _seconds(time: datetime) -> float:
    return time.replace(tzinfo=UTC).timestamp()
