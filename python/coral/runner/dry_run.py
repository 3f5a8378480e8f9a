"""What `coral run --dry-run` says: what would run, what it might do, and what holds it."""

from __future__ import annotations

import shlex
from dataclasses import asdict

from coral.runner.containment.report import report
from coral.runner.graph import import_graph
from coral.runner.policy import describe
from coral.runner.script import Job, Prepared


def plan(job: Job) -> dict[str, object]:
    """Prepares a run, looks at it, and puts it away again; nothing of the script is run.

    Returns:
        What `--dry-run -o json` prints.
    """
    with Prepared(job) as prepared:
        graph = import_graph(prepared)
        return {
            "script": prepared.script,
            "colony": job.colony,
            "params": job.params,
            "arguments": job.arguments,
            "time_limit_seconds": job.time_limit,
            "check_types": job.check,
            "permissions": [
                word for word in prepared.argv if word.startswith(("--allow-", "--deny-", "--no-prompt"))
            ],
            "command": prepared.argv,
            "environment": prepared.environment,
            "policy": describe(prepared.policy),
            "unreadable": prepared.folder.denied,
            "containment": [asdict(layer) for layer in report(prepared.deno)],
            "imports": [
                {"path": module.path, "size_bytes": module.size, "error": module.error} for module in graph
            ],
        }


def render(made: dict[str, object]) -> list[str]:
    """Renders a plan for people, in lines."""
    lines = [f"script       {made['script']}", f"colony       {made['colony'] or 'none'}"]
    limit = made["time_limit_seconds"]
    lines.append(f"time limit   {f'{limit:g} s' if isinstance(limit, float) else 'none'}")
    if made["params"]:
        lines.append(f"parameters   {made['params']}")
    lines.append(f"check types  {'yes' if made['check_types'] else 'no'}")
    lines += ["", "imports"]
    for module in _entries(made["imports"]):
        fault = f"  ({module['error']})" if module["error"] else ""
        lines.append(f"  {module['path']}{fault}")
    lines += ["", "permissions"]
    permissions = made["permissions"]
    assert isinstance(permissions, list)
    lines += [f"  {word}" for word in permissions]
    unreadable = made["unreadable"]
    assert isinstance(unreadable, list)
    if unreadable:
        lines += ["", "not readable"] + [f"  {path}" for path in unreadable]
    lines += ["", "containment"]
    for layer in _entries(made["containment"]):
        held = "holds  " if layer["in_force"] else "MISSING"
        why = "" if layer["missing"] is None else f" ({layer['missing']})"
        lines.append(f"  {layer['name']:<13} {held} {layer['detail']}{why}")
    command = made["command"]
    assert isinstance(command, list)
    return [*lines, "", "command", "  " + shlex.join(command)]


def _entries(value: object) -> list[dict[str, object]]:
    assert isinstance(value, list)
    return value
