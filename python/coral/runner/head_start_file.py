"""Plans of earlier runs in the cache, and their gates (`head_start.py`): making, keeping, throwing away."""

from __future__ import annotations

import fcntl
import os
import stat

_MOST_PLANS = 200
_TO_GO = 50
_GATE = ".gate"
_NEW = ".new"


def open_gate(path: str) -> int:
    """Makes a gate if need be, and locks it for this process.

    Args:
        path: Its path, in a folder that is made.

    Returns:
        Its descriptor; -1 where another run has it, or it cannot be made: then a run does without.
    """
    folder = os.path.dirname(path)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if not _is_private(os.lstat(folder), stat.S_IFDIR):
            return -1
        while True:
            if (gate := _locked(path)) is not None:
                return gate
            try:
                if _is_private(os.lstat(path), stat.S_IFIFO):
                    return -1  # another run has it
                os.unlink(path)  # not what it should be
            except FileNotFoundError:
                _make_room(folder)
            os.mkfifo(path, 0o600)
    except OSError:
        return -1  # a full disk, or another run was faster


def keep(path: str, plan: bytes) -> None:
    """Writes a plan. Its gate is locked by this process, so nobody else writes it.

    Without it everything works, so where it cannot be written nothing is said.

    Args:
        path: Where the plan is to be.
        plan: What `coral.runner.containment.launch.plan` has made.
    """
    temporary = path + _NEW
    try:
        if os.path.lexists(temporary):
            os.unlink(temporary)  # of a run that was killed
        # By a new name, so that who reads the old one reads all of it.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "wb") as file:
            file.write(plan)
        os.replace(temporary, path)
    except OSError:
        pass  # a full disk


def in_use(folder: str) -> bool:
    """Says whether a run waits at a gate in a folder, or has it."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name.endswith(_GATE) and stat.S_ISFIFO(os.lstat(path).st_mode):
            gate = _locked(path)
            if gate is None:
                return True
            os.close(gate)
    return False


def _locked(path: str) -> int | None:
    """Returns the descriptor of a gate that this process now holds alone; None if it cannot."""
    try:
        gate = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if _is_private(os.fstat(gate), stat.S_IFIFO):
            fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(gate), os.lstat(path)):
                return gate
    except OSError:
        pass  # another run has it, or it was taken away before
    os.close(gate)
    return None


def _is_private(status: os.stat_result, kind: int) -> bool:
    mode = status.st_mode
    return stat.S_IFMT(mode) == kind and status.st_uid == os.geteuid() and not mode & 0o077


def _make_room(folder: str) -> None:
    """Lets the oldest plans go where there are too many, and their gates, but for those that are in use."""
    ages: dict[str, float] = {}
    for entry in os.scandir(folder):
        name = entry.name.partition(".")[0]
        ages[name] = max(ages.get(name, 0.0), entry.stat(follow_symlinks=False).st_mtime)
    if len(ages) < _MOST_PLANS:
        return
    for name in sorted(ages, key=lambda name: ages[name])[:_TO_GO]:
        path = os.path.join(folder, name)
        has_gate = os.path.lexists(path + _GATE)
        gate = _locked(path + _GATE) if has_gate else None
        if has_gate and gate is None:
            continue  # somebody waits at it
        for ending in (_NEW, "", _GATE):
            if os.path.lexists(path + ending):
                os.unlink(path + ending)
        if gate is not None:
            os.close(gate)
