"""Why a script cannot be loaded, told by Deno without running it.

Deno ends with code 1 for a script that threw and for one that it could not load. Asked afterwards,
`deno info` tells them apart (12-50 ms, only after a failure), and the second kind gets a hint and an
exit code of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from urllib.parse import unquote

from coral.errors import CoralError, DeniedError, LimitError, ScriptError, TypeCheckError
from coral.limits import CHECK_SECONDS
from coral.runner.policy import DENIED_SCHEME, check_flags, file_url
from coral.runner.terminal import harmless

_ALLOWED = "scripts may import @coral/sdk and files below their own folder"
_SECONDS = 10


def load_failure(deno: str, script: str, import_map: str, environment: dict[str, str]) -> CoralError | None:
    """Says why a script cannot be loaded.

    Args:
        deno: Path of Deno.
        script: Real path of the script.
        import_map: Path of the run's import map.
        environment: The child's environment.

    Returns:
        The error, or None if the script loads. Deno has printed its own text and the place already.
    """
    command = [deno, "info", "--json", *check_flags(import_map), script]
    try:
        answer = subprocess.run(command, capture_output=True, env=environment, timeout=_SECONDS, check=False)
        graph = json.loads(answer.stdout)
        modules = {module["specifier"]: module for module in graph["modules"]}
    except (ValueError, KeyError, subprocess.TimeoutExpired):
        return None  # Deno has said already what is wrong
    name = os.path.basename(script)
    for specifier in _static_imports(modules, file_url(script)):
        text = modules.get(specifier, {}).get("error")
        if specifier.startswith(DENIED_SCHEME):  # without an error where it would be TypeScript
            path = "/" + unquote(specifier.removeprefix(DENIED_SCHEME))
            return DeniedError(f"{name} imports {path}, which is outside its folder", hint=_ALLOWED)
        if not text:
            continue
        if not specifier.startswith("file:"):
            return DeniedError(f"{name} imports {specifier}", hint=_ALLOWED)
        if text.startswith("Module not found"):
            return ScriptError(
                f"{name} imports a file that does not exist",
                hint="write the path as it is on disk, with its ending: ./lib.ts",
            )
        return ScriptError(
            f"{name} could not be loaded", hint="correct the place that is shown above and run it again"
        )
    return None


def check_types(
    deno: str,
    script: str,
    import_map: str,
    environment: dict[str, str],
    *,
    name: str,
    limit: float | None = None,
    patience: float = _SECONDS,
    waiting: Callable[[], None] | None = None,
) -> None:
    """Checks a script's types; Deno's report goes to stderr.

    Args:
        deno: Path of Deno.
        script: Real path of the script.
        import_map: Path of an import map whose `@coral/sdk` is the type declarations.
        environment: The child's environment.
        name: What to call the script.
        limit: Seconds that it may take, or None for Coral's own limit.
        patience: Seconds after which `waiting` is called.
        waiting: Says that it takes time.

    Raises:
        TypeCheckError: The types do not fit.
        LimitError: It took too long.
        CoralError: The script cannot be loaded at all.
    """
    command = check_command(deno, script, import_map)
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=2, stderr=subprocess.PIPE, env=environment
    ) as process:
        try:
            _, report = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            if waiting is not None:
                waiting()
            seconds = min(limit or CHECK_SECONDS, CHECK_SECONDS)
            try:
                _, report = process.communicate(timeout=max(0.0, seconds - patience))
            except subprocess.TimeoutExpired:
                process.kill()
                raise LimitError(
                    f"the types of {name} were not checked within {seconds:g} s",
                    hint="run it with --no-check, or with a longer --timeout",
                ) from None
            except BaseException:
                process.kill()
                raise
    if process.returncode == 0:
        return
    sys.stderr.write(check_report(report))  # lines of the script are in it
    failure = load_failure(deno, script, import_map, environment)
    if failure is not None:
        raise failure
    raise TypeCheckError(f"{name} has type errors", hint="correct them, or run it with --no-check")


def check_command(deno: str, script: str, import_map: str) -> list[str]:
    """The command that checks a script's types: code 0, or a report on stderr."""
    return [deno, "check", "--quiet", *check_flags(import_map), script]


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
