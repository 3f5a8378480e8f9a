"""Questions to Deno about a script: how they are bounded, and what is said where one has no end."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from coral.errors import LimitError, MemoryLimitError
from coral.runner.diagnosis import load_failure, unchecked_types
from coral.runner.question import Answer, Question
from coral.runner.script import Job, Prepared
from coral.runner.source import find_source
from tests.runner.program import Program

if sys.platform == "win32":
    pytest.skip("Windows runs no scripts", allow_module_level=True)


def _ask(*command: str, seconds: float) -> Question:
    program = os.path.realpath(command[0])
    return Question([program, *command[1:]], {}, seconds=seconds, trees=["/dev"], files=[])


def test_an_answer() -> None:
    with _ask("/bin/echo", "yes", seconds=60) as question:
        answer = question.wait()
    assert (answer.code, answer.stdout, answer.exceeded) == (0, b"yes\n", None)


def test_patience_ends_nothing() -> None:
    with _ask("/bin/sleep", "0.3", seconds=60) as question:
        assert question.wait_for(0.01) is None
        assert question.wait().code == 0


def test_a_question_has_a_time_limit() -> None:
    with _ask("/bin/sleep", "600", seconds=0.1) as question:
        answer = question.wait()
    assert (answer.code, answer.exceeded) == (137, "time")


def test_what_is_said_of_types_that_were_not_checked() -> None:
    late = unchecked_types(Answer(137, b"", b"", "time"), "a.ts", 3.0)
    assert type(late) is LimitError
    assert late.message == "the types of a.ts were not checked within 3 s"
    for answer in (Answer(137, b"", b"", "memory"), Answer(133, b"", b""), Answer(134, b"", b"")):
        large = unchecked_types(answer, "a.ts", 3.0)
        assert type(large) is MemoryLimitError
        assert "within 1024 MiB of memory" in large.message
    assert unchecked_types(Answer(1, b"", b"error"), "a.ts", 3.0) is None


def test_types_that_are_not_checked_in_time_are_no_type_errors(coral: Program) -> None:
    script = coral.script("console.log(1);")
    ended = coral.run("run", script, "--check", "--timeout", "1ms")
    assert (ended.code, ended.stdout) == (124, "")
    assert ended.stderr == (
        "error: the types of script.ts were not checked within 0.001 s\n"
        "hint: run it with --no-check, or with a longer --timeout\n"
    )


def test_a_failed_script_does_not_outlive_its_time_limit(
    coral: Program, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its imports are read then, of which there may be many: what is left of its time bounds that."""
    given: list[float] = []
    ask = Prepared.ask

    def noted(self: Prepared, command: list[str], *, seconds: float, checks: bool = False) -> Question:
        given.append(seconds)
        return ask(self, command, seconds=seconds, checks=checks)

    monkeypatch.setattr(Prepared, "ask", noted)
    monkeypatch.setenv("CORAL_CACHE_DIR", str(cache))
    script = coral.script('throw new Error("boom");')
    for limit in (None, 3600.0, 5.0, 0.001):
        job = Job(find_source(script), colony=None, time_limit=limit)
        with Prepared(job) as prepared:
            ends = None if limit is None else time.monotonic() + limit
            assert load_failure(prepared, ends) is None
    assert given[:2] == [10.0, 10.0]
    assert 1.5 <= given[2] <= 5.0
    assert given[3] == 1.5
