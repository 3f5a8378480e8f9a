"""What parameters a script declares (`--help-script`, and the shell's completion).

The script is run, inside the same walls and without a network, up to `coral.defineParams`, where it ends.
Reading its text instead would be wrong as soon as a default is computed or a declaration imported.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass

from coral.errors import LimitError, ScriptError
from coral.runner.capture import captured
from coral.runner.process import run_child
from coral.runner.script import Job, Prepared, load_failure_of
from coral.script_limits import DESCRIBE_SECONDS, MAX_SCRIPT_BYTES


@dataclass(frozen=True)
class DeclaredParam:
    """One parameter that a script declares.

    Attributes:
        name: Its name.
        kind: `number`, `integer`, `string`, `boolean`, `duration` or `json`.
        description: What it is for; may be empty.
        default: Its default, or None.
        required: Whether it must be given.
        choices: The values that are allowed; empty for any.
        least: The smallest number that is allowed, or None.
        most: The largest number that is allowed, or None.
    """

    name: str
    kind: str
    description: str
    default: object
    required: bool
    choices: tuple[str, ...]
    least: float | None
    most: float | None


def declared_params(job: Job) -> list[DeclaredParam] | None:
    """Asks a script for its parameters.

    Args:
        job: The script; it gets neither a colony nor parameters, and nothing that it prints is shown.

    Returns:
        The parameters in the order of their declaration, or None if it declares none.

    Raises:
        CoralError: The script cannot be loaded, or did not get as far in time.
    """
    word = secrets.token_hex(16)
    asked = Job(job.source, colony=None, describe=word, colour=False)
    with Prepared(asked) as prepared:
        confinement = prepared.confinement()
        try:
            answer, ended = captured(
                lambda: run_child(prepared.argv, prepared.environment, DESCRIBE_SECONDS, confinement),
                MAX_SCRIPT_BYTES,
            )
        finally:
            confinement.close()
        for line in reversed(answer.decode(errors="replace").splitlines()):
            if line.startswith(word):
                return _read(line.removeprefix(word), job.source.name)
        if ended.timed_out:
            raise LimitError(
                f"{job.source.name} declared no parameters within {DESCRIBE_SECONDS:g} s",
                hint="coral.defineParams stands at the script's beginning",
            )
        if ended.code:
            failure = load_failure_of(prepared)
            if failure is not None:
                raise failure
    return None


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
        return [_param(key, spec) for key, spec in specs.items()]
    except (ValueError, AttributeError, TypeError, KeyError):
        raise ScriptError(
            f"the parameters of {name} cannot be read", hint="coral.defineParams takes an object of objects"
        ) from None


def _param(name: str, spec: dict[str, object]) -> DeclaredParam:
    default = spec.get("default")
    choices = spec.get("choices") or []
    least, most = spec.get("min"), spec.get("max")
    return DeclaredParam(
        name=name,
        kind=str(spec["type"]),
        description=str(spec.get("description") or ""),
        default=default,
        required=default is None and not spec.get("optional"),
        choices=tuple([str(choice) for choice in choices]) if isinstance(choices, list) else (),
        least=least if isinstance(least, (int, float)) else None,
        most=most if isinstance(most, (int, float)) else None,
    )
