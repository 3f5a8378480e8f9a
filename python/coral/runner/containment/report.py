"""Which layers hold on this machine, tried out with a real child, and what is missing."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from coral.runner.containment import landlock
from coral.runner.containment.confine import Confinement, Files
from coral.runner.containment.kernel import kernel
from coral.runner.containment.launch import Walls, launch
from coral.runner.policy import Policy

_NEEDS_NO_KERNEL = {
    "memory": "a watchdog looks every 50 ms, and RLIMIT_DATA stops what is faster",
    "tasks": "a watchdog counts threads every 50 ms",
    "cpu": "nothing else holds it; the time limit ends the script",
}


@dataclass(frozen=True)
class Layer:
    """One wall of the operating system.

    Attributes:
        name: `landlock`, `seccomp`, `no_new_privs`, `rlimits`, `memory`, `tasks`, `cpu`, `parent_death` or
            `descriptors`.
        in_force: Whether it holds.
        detail: How it holds, or what stands in for it.
        missing: Why it does not hold, or None.
    """

    name: str
    in_force: bool
    detail: str
    missing: str | None


def report(program: str | None = None) -> list[Layer]:
    """Tries all layers.

    Args:
        program: A program to start with `--version` behind them; None for the embedded Deno.

    Raises:
        ConfigError: The switches name no layer.
        RuntimeMissingError: There is no usable Deno.
    """
    from coral.runner.binary import find_deno

    program = program or find_deno()
    policy = Policy("cli", connect="127.0.0.1:9")
    confinement = Confinement(policy, Files(program, trees=[], files=[]))
    try:
        null = os.open(os.devnull, os.O_RDWR)
        try:
            arguments = [program, "--version"]
            pid, refused = launch(arguments, {}, confinement.walls, own_group=True, stdio=(null, null, null))
        finally:
            os.close(null)
        _, status = os.waitpid(pid, 0)
        _settle_one_that_waits(confinement)
        code = os.waitstatus_to_exitcode(status)
        held = confinement.held()
    finally:
        confinement.close()
    why: dict[str, str] = {}
    for line in [*confinement.missing, *refused]:
        names, _, reason = line.partition(": ")
        for name in names.split(", "):
            why.setdefault(name, reason)
    if code:
        why.setdefault("landlock", f"{program} ended with {code} behind it")
    return [*_of_child(why, policy), *_of_group(why, held, policy)]


def _settle_one_that_waits(confinement: Confinement) -> None:
    """Tries the group: with a process that is still there, as systemd moves none that has ended."""
    read, write = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    try:
        waits = [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()"]
        pid, _ = launch(waits, {}, Walls(None), own_group=True, stdio=(read, null, null))
    finally:
        os.close(read)
        os.close(null)
    try:
        confinement.settle(pid, 0)
    finally:
        os.close(write)
        os.waitpid(pid, 0)


def _of_child(why: dict[str, str], policy: Policy) -> list[Layer]:
    system = kernel()
    version = landlock.abi(system) if system is not None else 0
    details = {
        "landlock": f"ABI {version}: files" + (", TCP" if version >= 4 else "")
        + (", signals and abstract sockets" if version >= 6 else ""),
        "seccomp": "no programs, no listening, no other sockets, nothing opened for writing",
        "no_new_privs": "setuid programs have no effect",
        "rlimits": f"{policy.open_files} open files, no core files, files of at most"
        f" {policy.file_bytes >> 20} MiB",
        "parent_death": "ends with coral",
        "descriptors": "only stdin, stdout and stderr are passed on",
    }  # fmt: skip
    layers = []
    for name, detail in details.items():
        missing = why.get(name)
        if missing is None and system is None and name != "descriptors":
            missing = "only Linux on x86-64 and arm64 has it"
        layers.append(Layer(name, missing is None, detail if missing is None else "", missing))
    return layers


def _of_group(why: dict[str, str], held: list[str], policy: Policy) -> list[Layer]:
    limits = {
        "memory": ("memory", f"{policy.memory_bytes >> 20} MiB by a control group"),
        "tasks": ("pids", f"{policy.tasks} threads by a control group"),
        "cpu": ("cpu", f"{policy.cpu_percent} % of a processor by a control group"),
    }
    layers = []
    for name, (controller, detail) in limits.items():
        if controller in held:
            layers.append(Layer(name, True, detail, None))
        elif name == "cpu" and policy.cpu_percent >= 100 * (os.cpu_count() or 1):
            layers.append(Layer(name, True, f"this machine has no more than {policy.cpu_percent} %", None))
        else:
            missing = why.get(controller) or why.get("cgroup") or why.get("memory") or "no control group"
            layers.append(Layer(name, False, _NEEDS_NO_KERNEL[name], missing))
    return layers
