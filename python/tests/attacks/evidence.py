"""What an attack left behind, seen from outside: what it printed, files, connections, the terminal."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from tests.attacks.canary import Canary, Secret
from tests.attacks.corpus import Attack
from tests.attacks.execution import Ended

_CLAIM = re.compile(rb"^CAPTURED\b.*$", re.MULTILINE)
_LONGEST = 160

Tree = dict[str, tuple[int, int, int, str]]
"""By path: mode, size, time of change in ns, and where a link leads."""


def snapshot(folders: Iterable[Path]) -> Tree:
    """Everything below some folders, the folders included."""
    found: Tree = {}
    for folder in folders:
        if not folder.exists():
            continue  # an attack may have removed it; the comparison tells
        found[str(folder)] = _facts(str(folder))
        for parent, names, files in os.walk(folder):
            for name in (*names, *files):
                path = os.path.join(parent, name)
                found[path] = _facts(path)
    return found


def changes(before: Tree, after: Tree) -> list[str]:
    """What is new, gone or different, a line each."""
    said = []
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old is None:
            said.append(f"new file {path}")
        elif new is None:
            said.append(f"file gone: {path}")
        elif old[0] != new[0] or old[3] != new[3]:
            said.append(f"mode or target changed: {path}")
        elif old[1:3] != new[1:3] and not stat.S_ISDIR(old[0]):
            said.append(f"file changed: {path}")
    return said


def captures(attack: Attack, ended: Ended, secret: Secret, canary: Canary, changed: list[str]) -> list[str]:
    """Every sign that the attack got what it is after; empty where it got nothing."""
    signs = [_short(line) for line in _CLAIM.findall(ended.output)]
    if secret.text.encode() in ended.output and not signs:
        signs.append("the secret is in the output")
    if attack.seen is not None and (found := re.search(attack.seen.encode(), ended.output)):
        signs.append(f"the output holds {found[0][:60]!r}")
    if attack.over_bytes is not None and ended.printed_bytes > attack.over_bytes:
        signs.append(f"printed {ended.printed_bytes} bytes")
    signs += [f"contact: {contact}" for contact in canary.contacts]
    signs += changed
    if canary.victim.poll() is not None:
        signs.append(f"the other process ended with {canary.victim.returncode}")
    if ended.terminal_spoiled:
        signs.append("the terminal's settings were changed")
    signs += [f"still running: {command}" for command in ended.leftovers]
    return signs


class UsersFile:
    """A file of the user's that a script gets as stdin or stdout, and may not change but by what it prints."""

    _OLD = "what stood here before\n"

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_text(self._OLD)
        path.chmod(0o640)
        self._before = path.stat()

    def damage(self) -> list[str]:
        """What was done to it, a line each."""
        now = self.path.stat()
        signs = []
        if not self.path.read_text(errors="replace").startswith(self._OLD):
            signs.append("what stood in the user's file is gone")
        if (now.st_mode, now.st_uid, now.st_gid) != (
            self._before.st_mode,
            self._before.st_uid,
            self._before.st_gid,
        ):
            signs.append(f"mode or owner of the user's file changed: {now.st_mode:o} {now.st_uid}")
        if now.st_mtime < self._before.st_mtime:
            signs.append("the user's file was dated back")
        return signs


class PeakMemory:
    """By how much a process's resident memory grew at its most, from the construction on."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        # 5 resets the peak; where that is not allowed, an earlier peak counts, which only hides growth.
        with contextlib.suppress(OSError):
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        self._start = self._kib("VmRSS")

    def bytes(self) -> int:
        """The growth in bytes; 0 where the process is gone."""
        try:
            return (self._kib("VmHWM") - self._start) * 1024
        except OSError:
            return 0

    def _kib(self, name: str) -> int:
        for line in Path(f"/proc/{self._pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
        return 0


def _short(line: bytes) -> str:
    text = line.decode(errors="replace").rstrip()
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _facts(path: str) -> tuple[int, int, int, str]:
    status = os.lstat(path)
    target = os.readlink(path) if stat.S_ISLNK(status.st_mode) else ""
    return status.st_mode, status.st_size, status.st_mtime_ns, target
