"""Why a script cannot be loaded, told by Deno without running it.

Deno ends with code 1 for a script that threw and for one that it could not load. Asked afterwards,
`deno info` tells them apart (12-50 ms, only after a failure), and the second kind gets a hint and an
exit code of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
from urllib.parse import unquote

from coral.errors import CoralError, DeniedError, ScriptError, TypeCheckError
from coral.runner.policy import DENIED_SCHEME, check_flags, file_url

_ALLOWED = "scripts may import @coral/sdk and files below their own folder"
_SECONDS = 30


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
    answer = subprocess.run(command, capture_output=True, env=environment, timeout=_SECONDS, check=False)
    try:
        graph = json.loads(answer.stdout)
        modules = {module["specifier"]: module for module in graph["modules"]}
    except (ValueError, KeyError):
        return None  # Deno has said already what is wrong
    name = os.path.basename(script)
    for specifier in _static_imports(modules, file_url(script)):
        text = modules.get(specifier, {}).get("error")
        if not text:
            continue
        if specifier.startswith(DENIED_SCHEME):
            path = "/" + unquote(specifier.removeprefix(DENIED_SCHEME))
            return DeniedError(f"{name} imports {path}, which is outside its folder", hint=_ALLOWED)
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


def check_types(deno: str, script: str, import_map: str, environment: dict[str, str]) -> None:
    """Checks a script's types; Deno's report goes to stderr.

    Args:
        deno: Path of Deno.
        script: Real path of the script.
        import_map: Path of an import map whose `@coral/sdk` is the type declarations.
        environment: The child's environment.

    Raises:
        TypeCheckError: The types do not fit.
        CoralError: The script cannot be loaded at all.
    """
    command = [deno, "check", "--quiet", *check_flags(import_map), script]
    answer = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=2, env=environment, timeout=_SECONDS * 4, check=False
    )
    if answer.returncode == 0:
        return
    failure = load_failure(deno, script, import_map, environment)
    if failure is not None:
        raise failure
    raise TypeCheckError(
        f"{os.path.basename(script)} has type errors", hint="correct them, or run it without --check"
    )


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
