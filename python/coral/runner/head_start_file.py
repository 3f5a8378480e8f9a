"""Keeps the plan of a run in the cache, for the next run of the same command line (`head_start.py`)."""

from __future__ import annotations

import os

_MOST_PLANS = 200
_TO_GO = 50


def keep(path: str, plan: bytes) -> None:
    """Writes a plan and makes its gate.

    Without them everything works, so where they cannot be written nothing is said.

    Args:
        path: Where the plan is to be.
        plan: What `coral.runner.containment.launch.plan` has made.
    """
    folder = os.path.dirname(path)
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if not os.path.exists(f"{path}.gate"):
            _make_room(folder)
            os.mkfifo(f"{path}.gate", 0o600)
        # By a new name, so that who reads the old one reads all of it.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "wb") as file:
            file.write(plan)
        os.replace(temporary, path)
    except OSError:
        pass  # a full disk, or another run was faster


def _make_room(folder: str) -> None:
    """Lets the oldest plans go where there are too many, and their gates, but for those that are in use."""
    import fcntl

    plans = [entry for entry in os.scandir(folder) if "." not in entry.name]
    if len(plans) < _MOST_PLANS:
        return
    plans.sort(key=lambda entry: entry.stat().st_mtime)
    for entry in plans[:_TO_GO]:
        gate = os.open(f"{entry.path}.gate", os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(entry.path)
            os.unlink(f"{entry.path}.gate")
        except BlockingIOError:
            pass  # somebody waits at it
        finally:
            os.close(gate)
