"""Why a script cannot be loaded, told by Deno without running it.

Deno ends with code 1 for a script that threw and for one that it could not load. Asked afterwards,
`deno info` tells them apart (12-50 ms, only after a failure), and the second kind gets a hint and an
exit code of its own.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from urllib.parse import unquote

from coral.errors import CoralError, DeniedError, LimitError, MemoryLimitError, ScriptError, TypeCheckError
from coral.runner.policy import DENIED_SCHEME, check_flags, file_url
from coral.runner.terminal import harmless
from coral.script_limits import CHECK_SECONDS, GRAPH_SECONDS, QUESTION_MEMORY_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coral.runner.question import Answer
    from coral.runner.script import Prepared

_ALLOWED = "scripts may import @coral/sdk and files below their own folder"
_NO_PACKAGES = (
    "packages do not come with Coral; there are @coral/sdk and node: modules,"
    " else copy the code that you need to a file beside the script"
)
_SPELLING = "write the path as it is on disk, with its ending: ./lib.ts"
_SIGNALS = 128  # above it a code is that of a signal: V8 ends itself by one where its heap is full
_LEAST_SECONDS = 1.5  # it takes 20 ms as a rule; a script is not to outlive its time limit by it


def load_failure(prepared: Prepared, ends: float | None = None) -> CoralError | None:
    """Says why a script cannot be loaded.

    Args:
        prepared: The run that failed.
        ends: When its time is over, by the monotonic clock; None for Coral's own limit.

    Returns:
        The error, or None if the script loads. Deno has printed its own text and the place already.
    """
    script = prepared.script
    seconds = GRAPH_SECONDS
    if ends is not None:
        seconds = min(seconds, max(_LEAST_SECONDS, ends - time.monotonic()))
    with prepared.ask(graph_command(prepared), seconds=seconds) as question:
        answer = question.wait()
    try:
        graph = json.loads(answer.stdout)
        modules = {module["specifier"]: module for module in graph["modules"]}
    except (ValueError, KeyError):
        return None  # Deno has said already what is wrong
    name = os.path.basename(script)
    for specifier in _static_imports(modules, file_url(script)):
        package = _package(modules.get(specifier, {}))
        if package is not None:
            return DeniedError(f"{name} imports the package {package}", hint=_NO_PACKAGES)
        text = modules.get(specifier, {}).get("error")
        if specifier.startswith(DENIED_SCHEME):  # without an error where it would be TypeScript
            path = "/" + unquote(specifier.removeprefix(DENIED_SCHEME))
            return _denied(name, path, prepared.folder.path)
        if not text:
            continue
        if not specifier.startswith("file:"):
            return DeniedError(f"{name} imports {specifier}", hint=_NO_PACKAGES)
        if text.startswith("Module not found"):
            return ScriptError(
                f"{name} imports a file that does not exist",
                hint=_SPELLING,
            )
        return ScriptError(
            f"{name} could not be loaded", hint="correct the place that is shown above and run it again"
        )
    return None


def _package(module: dict[str, object]) -> str | None:
    """Returns what a module imports by a bare name, which nothing stands for."""
    dependencies = module.get("dependencies", [])
    for dependency in dependencies if isinstance(dependencies, list) else []:
        code = dependency.get("code", {})
        if "specifier" not in code and "not a dependency" in code.get("error", ""):
            return str(dependency["specifier"])
    return None


def _denied(name: str, path: str, folder: str) -> CoralError:
    if not path.startswith(folder.rstrip("/") + "/"):
        return DeniedError(f"{name} imports {path}, which is outside its folder", hint=_ALLOWED)
    if not os.path.lexists(path):
        return ScriptError(f"{name} imports {path}, which does not exist", hint=_SPELLING)
    return DeniedError(
        f"{name} imports {path}, which scripts may not read",
        hint="hidden entries, node_modules, links out of the folder and hard links are left out",
    )


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
    sys.stderr.write(check_report(answer.stderr))  # lines of the script are in it
    failure = load_failure(prepared, ends)
    if failure is not None:
        raise failure
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
    return harmless(report.decode(errors="replace").removesuffix("error: Type checking failed.\n"))


def _static_imports(modules: dict[str, dict[str, object]], root: str) -> list[str]:
    """Lists what is loaded before the script starts, the script itself first."""
    found = [root]
    for specifier in found:
        dependencies = modules.get(specifier, {}).get("dependencies", [])
        if not isinstance(dependencies, list):
            continue
        for dependency in dependencies:
            target = dependency.get("code", dependency.get("type", {})).get("specifier")
            if target and target not in found and not dependency.get("isDynamic"):
                found.append(target)
    return found
