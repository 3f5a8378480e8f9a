"""What the operating system offers: the layers of the sandbox, and BPF."""

from __future__ import annotations

import os
import platform

from coral import __version__
from coral.cli.checks import Finding
from coral.errors import CoralError

_BTF = "/sys/kernel/btf/vmlinux"
# A container may have nothing but the dynamic linker, which is a program too.
_ANY_PROGRAM = (
    "/bin/true",
    "/usr/bin/true",
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
)
_CAPABILITIES = {"CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38, "CAP_BPF": 39}


def check_versions() -> list[Finding]:
    """The versions of Coral, Python and the system."""
    text = f"{__version__}, Python {platform.python_version()}, {platform.system()} {platform.release()}"
    return [Finding("coral", "ok", f"{text}, {platform.machine()}")]


def check_sandbox(deno: str | None) -> list[Finding]:
    """Each layer that holds scripts: whether it is in force, and what is missing where it is not.

    Args:
        deno: A Deno to try them with; without one, another program is tried.
    """
    if platform.system() == "Windows":
        return [Finding("sandbox", "note", "no scripts are run on Windows")]
    if platform.system() != "Linux":
        text = f"Deno's own walls only: {platform.system()} offers no others"
        return [Finding("sandbox", "note", text, "docs/security.md says what that means")]
    from coral.runner.containment.report import report

    program = deno or next((path for path in _ANY_PROGRAM if os.access(path, os.X_OK)), None)
    if program is None:
        text = f"it cannot be tried: no Deno is unpacked, and there is no {', '.join(_ANY_PROGRAM)}"
        return [Finding("sandbox", "note", text, "coral doctor --prepare unpacks Deno")]
    try:
        layers = report(program)
    except CoralError as error:
        return [Finding("sandbox", "problem", error.message, error.hint)]
    found = []
    for layer in layers:
        if layer.in_force:
            found.append(Finding(f"sandbox: {layer.name}", "ok", layer.detail))
        else:
            reason = "" if layer.missing is None else f": {layer.missing}"
            text = f"not in force{reason}; {layer.detail}" if layer.detail else f"not in force{reason}"
            found.append(Finding(f"sandbox: {layer.name}", "note", text))
    return found


def check_audit() -> list[Finding]:
    """Where runs are written down that were refused something, hit a limit or lacked a wall."""
    from coral.runner.audit import audit_file, records

    try:
        count = sum(1 for _ in records())
    except CoralError as error:
        return [Finding("audit", "problem", error.message, error.hint)]
    return [Finding("audit", "ok", f"{count} records in {audit_file()}; coral audit shows them")]


def check_bpf() -> list[Finding]:
    """Whether programs of this user could watch the kernel by BPF; scripts never can."""
    if platform.system() != "Linux":
        return [Finding("bpf", "note", f"{platform.system()} has none")]
    missing = []
    if not os.access(_BTF, os.R_OK):
        missing.append(f"the kernel's types ({_BTF})")
    held = _held_capabilities()
    if "CAP_SYS_ADMIN" not in held and not {"CAP_BPF", "CAP_PERFMON"} <= held:
        missing.append("CAP_BPF and CAP_PERFMON (or root)")
    kinds = [kind for kind in ("kprobe", "uprobe") if os.path.exists(f"/sys/bus/event_source/devices/{kind}")]
    text = f"{' and '.join(kinds) or 'neither kprobes nor uprobes'}"
    if missing:
        return [Finding("bpf", "note", f"{text}; missing: {', '.join(missing)}")]
    return [Finding("bpf", "ok", f"{text}, kernel types, capabilities")]


def _held_capabilities() -> set[str]:
    with open("/proc/self/status", encoding="ascii") as file:
        line = next((line for line in file if line.startswith("CapEff:")), "CapEff: 0")
    bits = int(line.split()[1], 16)
    return {name for name, number in _CAPABILITIES.items() if bits >> number & 1}
