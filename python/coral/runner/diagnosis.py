"""Why a script cannot be loaded, told by Deno without running it.

Deno ends with code 1 for a script that threw and for one that it could not load. Asked afterwards, it loads
the script once more and stops before its first line runs (20-50 ms, only after a failure): so the second
kind is known for certain, and gets a hint and an exit code of its own.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable
from urllib.parse import quote

from coral.errors import CoralError, LimitError, MemoryLimitError, ScriptError, TypeCheckError
from coral.runner.import_errors import Text, ends_early, of_user, worded
from coral.runner.policy import PASSES, check_flags, file_url
from coral.runner.terminal import harmless, plain_text
from coral.script_limits import CHECK_SECONDS, GRAPH_SECONDS, QUESTION_MEMORY_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coral.runner.question import Answer
    from coral.runner.script import Prepared

_SIGNALS = 128  # above it a code is that of a signal: V8 ends itself by one where its heap is full
_LEAST_SECONDS = 1.5  # it takes 20 ms as a rule; a script is not to outlive its time limit by it


# All modules are read, compiled and linked before the first one is evaluated, which is this one.
_STOP = "data:text/javascript,Deno.exit(0)"


def load_failure(
    prepared: Prepared, ends: float | None = None, *, checked: bool = False
) -> CoralError | None:
    """Says why a script cannot be loaded.

    Args:
        prepared: The run that failed.
        ends: When its time is over, by the monotonic clock; None for Coral's own limit.
        checked: Whether it was a check of types that failed, which shows what V8 does not take as well.

    Returns:
        The error, or None if the script loads. Where the place is not in it, it has been printed.
    """
    seconds = GRAPH_SECONDS
    if ends is not None:
        seconds = min(seconds, max(_LEAST_SECONDS, ends - time.monotonic()))
    with prepared.ask(load_command(prepared), seconds=seconds) as question:
        answer = question.wait()
    if answer.code == 0 or answer.exceeded is not None or answer.code > _SIGNALS:
        return None
    text = plain_text(answer.stderr).removeprefix("error: ").rstrip()
    of_v8 = text.startswith("Uncaught ")
    if checked and of_v8:
        return None
    own = _text(prepared)
    failure = worded(text, prepared.script, prepared.folder.path, own)
    if failure is not None:
        return failure
    if checked or not (of_v8 or re.match(PASSES, text)):  # else the run has shown it
        shown = answer.stderr.decode(errors="replace")
        sys.stderr.write(harmless(shown if own is None else of_user(text, own)))
    name = os.path.basename(prepared.script) if own is None else own.shown
    hint = "correct the place that is shown above and run it again"
    if own is not None and ends_early(text, own.path):
        hint = "it ends too early: is a bracket or a quote open?"
    return ScriptError(f"{name} could not be loaded", hint=hint)


def _text(prepared: Prepared) -> Text | None:
    run = prepared.directory.path
    return Text(prepared.script) if run is not None and prepared.script.startswith(f"{run}/") else None


def check_types(
    prepared: Prepared,
    *,
    name: str,
    limit: float | None = None,
    patience: float = GRAPH_SECONDS,
    waiting: Callable[[], None] | None = None,
) -> None:
    """Checks a script's types; Deno's report goes to stderr.

    Args:
        prepared: The run, with an import map whose `@coral/sdk` is the type declarations.
        name: What to call the script.
        limit: Seconds that it may take, or None for Coral's own limit.
        patience: Seconds after which `waiting` is called.
        waiting: Says that it takes time.

    Raises:
        TypeCheckError: The types do not fit.
        LimitError: It took too long.
        CoralError: The script cannot be loaded at all.
    """
    seconds = min(limit or CHECK_SECONDS, CHECK_SECONDS)
    ends = time.monotonic() + seconds
    with prepared.ask(check_command(prepared), seconds=seconds, checks=True) as question:
        answer = question.wait_for(patience)
        if answer is None:
            if waiting is not None:
                waiting()
            answer = question.wait()
    if answer.code == 0:
        return
    unchecked = unchecked_types(answer, name, seconds)
    if unchecked is not None:
        raise unchecked
    failure = load_failure(prepared, ends, checked=True)
    if failure is not None:
        raise failure
    sys.stderr.write(check_report(answer.stderr))  # lines of the script are in it
    own = _text(prepared)
    name = name if own is None else own.shown
    raise TypeCheckError(f"{name} has type errors", hint="correct them, or run it with --no-check")


def unchecked_types(answer: Answer, name: str, seconds: float) -> LimitError | None:
    """Says why a check of types came to no end; None where it did.

    Args:
        answer: What it said.
        name: What to call the script.
        seconds: How long it was given.
    """
    if answer.exceeded == "time":
        return LimitError(
            f"the types of {name} were not checked within {seconds:g} s",
            hint="run it with --no-check, or with a longer --timeout",
        )
    if answer.exceeded is not None or answer.code > _SIGNALS:
        return MemoryLimitError(
            f"the types of {name} could not be checked within {QUESTION_MEMORY_BYTES >> 20} MiB of memory",
            hint="run it with --no-check, or make it smaller",
        )
    return None


def load_command(prepared: Prepared) -> list[str]:
    """The command that loads a script and runs no line of it: code 0, or what is wrong on stderr."""
    text = f"import {json.dumps(_STOP)};import {json.dumps(file_url(prepared.script))};"
    flags = ["--no-prompt", "--cached-only", *check_flags(prepared.import_map)]
    return [prepared.deno, "run", *flags, f"data:text/javascript,{quote(text)}"]


def graph_command(prepared: Prepared) -> list[str]:
    """The command that prints a script's graph, in 20 ms."""
    flags = check_flags(prepared.import_map)
    return [prepared.deno, "info", "--json", *flags, prepared.script]


def check_command(prepared: Prepared) -> list[str]:
    """The command that checks a script's types: code 0, or a report on stderr."""
    flags = check_flags(prepared.import_map)
    return [prepared.deno, "check", "--quiet", *flags, prepared.script]


def check_report(report: bytes) -> str:
    """What it reports, for a terminal."""
    lines = harmless(report.decode(errors="replace")).splitlines(keepends=True)
    last = lines[-1] if lines else ""
    if plain_text(last.encode()) == "error: Type checking failed.\n":
        lines.pop()  # Coral says it
    return "".join(lines)


def has_type_errors(report: str) -> bool:
    """Whether what a check reports is of types, and not of a script that cannot be loaded."""
    return re.search(r"\bTS[0-9]+\b", plain_text(report.encode())) is not None
