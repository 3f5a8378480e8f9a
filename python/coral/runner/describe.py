"""What parameters a script declares (`--help-script`, and the shell's completion).

The script is run, inside the same walls and without a network, up to `coral.defineParams`, where it ends.
Reading its text instead would be wrong as soon as a default is computed or a declaration imported.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
from dataclasses import dataclass

from coral.config.fast_json import dumps, is_deeper
from coral.errors import CoralError, LimitError, ScriptError
from coral.printing import say
from coral.runner.capture import captured
from coral.runner.ending import failure_of
from coral.runner.graph import import_graph
from coral.runner.process import Ended, run_child
from coral.runner.script import Job, Prepared, load_failure_of
from coral.runner.terminal import harmless
from coral.script_limits import DESCRIBE_SECONDS, MAX_PARAM_NESTING, MAX_SCRIPT_BYTES

_PATIENCE_SECONDS = 1.0
_SHOWN_BYTES = 64 * 1024
_CALL = b"defineParams"
_EXITED = "exited"  # what describe.js says of a script that ended itself


@dataclass(frozen=True)
class DeclaredParam:
    """One parameter that a script declares.

    Attributes:
        name: Its name.
        kind: `number`, `integer`, `string`, `boolean`, `duration` or `json`.
        description: What it is for; may be empty.
        default: Its default, or None; `has_default` tells it from null.
        has_default: Whether it has a default.
        required: Whether it must be given.
        choices: The values that are allowed; empty for any.
        least: The smallest value that is allowed, or None.
        most: The largest value that is allowed, or None.
    """

    name: str
    kind: str
    description: str
    default: object
    has_default: bool
    required: bool
    choices: tuple[object, ...]
    least: object
    most: object

    def typed(self, value: object) -> str:
        """Returns a value as it is typed after `-p NAME=`."""
        return value if isinstance(value, str) and self.kind != "json" else dumps(value)


@dataclass(frozen=True)
class Declaration:
    """What a script said when it was asked.

    Attributes:
        params: Its parameters in the order of their declaration, or None if it declares none.
        exited: Whether it declared none because it ended itself, by `Deno.exit(0)`.
    """

    params: list[DeclaredParam] | None
    exited: bool = False


def ask_params(job: Job, *, seconds: float = DESCRIBE_SECONDS, says: bool = True) -> Declaration:
    """Asks a script for its parameters.

    What it prints is not shown, unless it fails: then what it wrote to stderr is.

    Args:
        job: The script; it gets neither a colony nor parameters.
        seconds: How long it may take to declare them.
        says: Whether anything goes to stderr.

    Raises:
        CoralError: The script cannot be loaded, failed before it declared anything, or did not get as far
            in time.
    """
    word = secrets.token_hex(16)
    asked = Job(job.source, colony=None, describe=word, colour=False)
    with Prepared(asked) as prepared, os.fdopen(os.dup(2), "w") as terminal:
        confinement = prepared.confinement()

        def wait() -> None:
            say(f"{job.source.name} has declared no parameters yet", to=terminal)

        waiting = (_PATIENCE_SECONDS, wait) if says and terminal.isatty() and not job.quiet else None
        try:
            answer, ended = captured(
                lambda: run_child(prepared.argv, prepared.environment, seconds, confinement, waiting),
                MAX_SCRIPT_BYTES,
            )
        finally:
            confinement.close()
        for line in reversed(answer.stdout.decode(errors="replace").splitlines()):
            text = line.removeprefix(word)
            if text != line:
                if text == _EXITED:
                    break
                return Declaration(_read(text, job.source.name))
        else:
            text = ""
        failure = _failure(prepared, asked, ended, seconds)
        if failure is None:
            return Declaration(None, exited=text == _EXITED and _declares(prepared))
        if says:
            sys.stderr.write(harmless(answer.stderr[-_SHOWN_BYTES:].decode(errors="replace")))
        raise failure


def _failure(prepared: Prepared, asked: Job, ended: Ended, seconds: float) -> CoralError | None:
    """Says why a script declared nothing; None where it declares nothing, however it ended."""
    name = asked.source.name
    if ended.signal == signal.SIGINT:
        raise KeyboardInterrupt
    if ended.code == 0 and not ended.timed_out:
        return None
    failure = None if ended.timed_out else load_failure_of(prepared)
    if failure is not None or not _declares(prepared):
        return failure
    if ended.timed_out:
        return LimitError(
            f"{name} declared no parameters within {seconds:g} s",
            hint="coral.defineParams stands at the script's beginning",
        )
    failure = failure_of(ended, asked)
    if failure is None:
        failure = CoralError(
            f"{name} ended with {ended.code} before it declared parameters",
            hint="coral.defineParams comes first: a script that is asked for its parameters has no colony",
        )
        failure.exit_code = ended.code
    return failure


def _declares(prepared: Prepared) -> bool:
    """Whether a script would have declared something: whether it, or what it imports, has the call at all."""
    for module in import_graph(prepared):
        try:
            with open(module.path, "rb") as file:
                if _CALL in file.read():
                    return True
        except OSError:
            return True  # nobody knows
    return False


def doc_comment(text: str) -> str:
    """Returns what a script says of itself: the comment that it begins with, as plain text."""
    lines: list[str] = []
    in_block = False
    for raw in text.splitlines():
        line = raw.strip()
        if not in_block and line.startswith("/*"):
            lines.clear()  # lines before it are about the file: a licence, a name
            in_block = True
        if in_block:
            in_block = "*/" not in line
            line = line.removeprefix("/**").removeprefix("/*").partition("*/")[0].strip()
            lines.append(line.removeprefix("* ").removeprefix("*").strip())
            if not in_block:
                break
        elif line.startswith("//"):
            lines.append(line.removeprefix("//").strip())
        elif line.startswith("#!") or (not line and not lines):
            continue
        else:
            break
    return "\n".join([line for line in lines if not line.startswith("@")]).strip()


def _read(text: str, name: str) -> list[DeclaredParam]:
    try:
        specs = json.loads(text)
        if is_deeper(specs, 2 + MAX_PARAM_NESTING):
            raise RecursionError
        return [_param(key, spec) for key, spec in specs.items()]
    except (ValueError, AttributeError, TypeError, KeyError):
        raise ScriptError(
            f"the parameters of {name} cannot be read", hint="coral.defineParams takes an object of objects"
        ) from None
    except RecursionError:
        raise ScriptError(
            f"a parameter of {name} is nested deeper than {MAX_PARAM_NESTING} levels",
            hint="a default that large belongs into a file beside the script",
        ) from None


def _param(name: str, spec: dict[str, object]) -> DeclaredParam:
    choices = spec.get("choices")
    return DeclaredParam(
        name=name,
        kind=str(spec["type"]),
        description=str(spec.get("description") or ""),
        default=spec.get("default"),
        has_default="default" in spec,
        required="default" not in spec and not spec.get("optional"),
        choices=tuple(choices) if isinstance(choices, list) else (),
        least=spec.get("min"),
        most=spec.get("max"),
    )
