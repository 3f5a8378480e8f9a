"""Logs of servers: one record a line on stderr, as text or JSON, and no flood of the same one.

A broken disk or an absent colony would repeat its message for every request. The same message is
written once per `REPEAT_SECONDS`; the next one that is written says how many were left out, and what is
left at the end is written then.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any, Final

from coral.printing import visible, visible_json, visible_lines

REPEAT_SECONDS: Final = 30.0
"""How long a message that was written is not written again."""
_VARIANTS: Final = 20
"""Different texts of one message (one per address, say) that are written within that time."""
_REMEMBERED: Final = 1000
"""Messages remembered at once."""

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure_logs(*, level: str, style: str, stream: IO[str] | None = None) -> None:
    """Sends the logs of this process, uvicorn's and gRPC's included, to stderr.

    Args:
        level: The least severity written: `debug`, `info`, `warning` or `error`.
        style: `text` or `json`.
        stream: Where to instead of stderr.
    """
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "grpc"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True


class TextFormatter(logging.Formatter):
    """A line for people: time (UTC), level, logger, message, then the traceback, if any."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """UTC, to the millisecond."""
        return _time(record)

    def format(self, record: logging.LogRecord) -> str:
        """The line; line breaks inside the message are escaped, so that no one can forge a record.

        So is what would steer the terminal that it may come to.
        """
        text = super().format(record)
        suffix = "".join(f" {name}={value}" for name, value in _fields(record).items())
        head, line_break, traceback = text.partition("\n") if record.exc_info else (text, "", "")
        return visible(f"{head}{suffix}") + line_break + visible_lines(traceback)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `message`, `exception` if any, extra fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        document: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        fields = _fields(record)
        if fields:
            document["fields"] = fields
        return visible_json(json.dumps(document, ensure_ascii=False, default=str))


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{int(record.msecs):03d}Z"


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What `extra=` gave."""
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


@dataclass
class _Seen:
    """A message, or a kind of message, within its time."""

    since: float
    last: logging.LogRecord
    texts: int = 0  # different texts written; only of a kind
    left_out: int = 0


class RepeatFilter:
    """Decides which records are written.

    Call `admit` for every record and `left_out` at the end. Thread-safe.
    """

    def __init__(
        self, seconds: float = REPEAT_SECONDS, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._messages: dict[tuple[str, int, str], _Seen] = {}
        self._kinds: dict[tuple[str, int, str], _Seen] = {}
        self._lock = threading.Lock()

    def admit(self, record: logging.LogRecord) -> list[logging.LogRecord]:
        """What to write now: this record or not, behind summaries of what was left out before."""
        now = self._monotonic()
        text = record.getMessage()
        with self._lock:
            told = self._expire(now)
            kind = self._kinds.setdefault((record.name, record.levelno, str(record.msg)), _Seen(now, record))
            message = self._messages.get((record.name, record.levelno, text))
            repeated = message if message is not None else kind if kind.texts >= _VARIANTS else None
            if repeated is not None:
                repeated.left_out += 1
                repeated.last = record
                return told
            self._messages[record.name, record.levelno, text] = _Seen(now, record)
            kind.texts += 1
            return [*told, record]

    def left_out(self) -> list[logging.LogRecord]:
        """Summaries of all that was left out and not told yet."""
        with self._lock:
            return self._expire(float("inf"))

    def _expire(self, now: float) -> list[logging.LogRecord]:
        told = []
        for table in (self._messages, self._kinds):
            reach = now if len(table) < _REMEMBERED else float("inf")
            # Oldest first, as they were put in.
            for key, seen in list(table.items()):
                if reach - seen.since < self._seconds:
                    break
                del table[key]
                if seen.left_out:
                    told.append(_summary(seen, self._seconds))
        return told


def _summary(seen: _Seen, seconds: float) -> logging.LogRecord:
    count = seen.left_out
    record = logging.makeLogRecord(vars(seen.last))
    times = "once more" if count == 1 else f"{count} times more"
    record.msg = f"{seen.last.getMessage()} ({times} within {seconds:g} s)"
    record.args = ()
    record.exc_info = None
    record.exc_text = None
    return record


class _Handler(logging.StreamHandler[IO[str]]):
    """A stream handler that leaves repetitions out."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(stream)
        self._repeats = RepeatFilter()

    def emit(self, record: logging.LogRecord) -> None:
        for admitted in self._repeats.admit(record):
            super().emit(admitted)

    def close(self) -> None:
        for summary in self._repeats.left_out():
            super().emit(summary)
        super().close()
