from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from coral.serve.logs import JsonFormatter, RepeatFilter, TextFormatter, configure_logs


def record(message: str, *args: object, level: int = logging.WARNING, **extra: object) -> logging.LogRecord:
    made = logging.makeLogRecord(
        {"name": "coral.x", "levelno": level, "levelname": logging.getLevelName(level), "msg": message}
    )
    made.args = args
    made.created, made.msecs = 1_795_478_400.25, 250.0
    vars(made).update(extra)
    return made


def test_a_json_record_has_its_fields_and_exception() -> None:
    try:
        raise ValueError("no")
    except ValueError as error:
        failed = record("it %s\nbadly", "went", agent="a1", size=3)
        failed.exc_info = (type(error), error, error.__traceback__)
    line = JsonFormatter().format(failed)
    assert "\n" not in line
    found = json.loads(line)
    assert found.pop("exception").endswith("ValueError: no")
    assert found == {
        "time": "2026-11-24T00:00:00.250Z",
        "level": "warning",
        "logger": "coral.x",
        "message": "it went\nbadly",
        "fields": {"agent": "a1", "size": 3},
    }


def test_a_text_record_cannot_forge_another_one() -> None:
    line = TextFormatter().format(
        record("got %s", "x\n2026-11-24T00:00:00.000Z ERROR coral: stolen", agent=1)
    )
    assert line == (
        "2026-11-24T00:00:00.250Z WARNING coral.x: got x\\n2026-11-24T00:00:00.000Z ERROR coral: stolen agent=1"
    )


def test_a_traceback_keeps_its_lines() -> None:
    try:
        raise ValueError("no")
    except ValueError as error:
        failed = record("failed")
        failed.exc_info = (type(error), error, error.__traceback__)
    lines = TextFormatter().format(failed).splitlines()
    assert lines[0] == "2026-11-24T00:00:00.250Z WARNING coral.x: failed"
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: no"


class Filtered:
    def __init__(self) -> None:
        self.now = 0.0
        self.filter = RepeatFilter(30.0, monotonic=lambda: self.now)

    def log(self, message: str, *args: object, level: int = logging.WARNING) -> list[str]:
        return [told.getMessage() for told in self.filter.admit(record(message, *args, level=level))]


def test_the_same_message_is_written_once_and_then_counted() -> None:
    logs = Filtered()
    assert logs.log("disk full") == ["disk full"]
    for _ in range(5):
        assert logs.log("disk full") == []
    assert logs.log("disk full", level=logging.ERROR) == ["disk full"]  # another severity is another message
    logs.now = 29.9
    assert logs.log("other") == ["other"]
    logs.now = 30.0
    assert logs.log("disk full") == ["disk full (5 times more within 30 s)", "disk full"]
    assert logs.log("disk full") == []
    assert [told.getMessage() for told in logs.filter.left_out()] == ["disk full (once more within 30 s)"]
    assert logs.filter.left_out() == []


def test_a_message_with_many_values_is_bounded_as_well() -> None:
    logs = Filtered()
    written = [text for number in range(100) for text in logs.log("client %d refused", number)]
    assert written == [f"client {number} refused" for number in range(20)]
    logs.now = 31.0
    assert logs.log("calm")[0] == "client 99 refused (80 times more within 30 s)"


def test_what_is_remembered_is_bounded() -> None:
    logs = Filtered()
    for number in range(5000):
        logs.log(f"message {number}")
    assert len(logs.filter._messages) <= 1000
    assert len(logs.filter._kinds) <= 1000


@pytest.fixture
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(False)
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)


@pytest.mark.usefixtures("_logging_as_before")
def test_libraries_log_the_same_way() -> None:
    stream = io.StringIO()
    configure_logs(level="info", style="json", stream=stream)
    logging.getLogger("uvicorn.error").error("cannot")
    logging.getLogger("coral.x").info("done", extra={"agent": "a"})
    logging.getLogger("coral.x").debug("not shown")
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(one["level"], one["logger"], one["message"]) for one in found] == [
        ("error", "uvicorn.error", "cannot"),
        ("info", "coral.x", "done"),
    ]
    assert found[1]["fields"] == {"agent": "a"}
