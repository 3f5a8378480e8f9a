"""The data directory as a whole: its lock and its size."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path
from typing import Final

from coral.errors import StorageError

_PATIENCE_SECONDS: Final = 3.0
_LOOK_SECONDS: Final = 0.05


def used_bytes(directory: Path) -> int:
    """Size of all files of a data directory, but for what was put aside as damaged."""
    total = 0
    for folder in (directory, directory / "segments", directory / "tmp"):
        with contextlib.suppress(FileNotFoundError):
            for entry in os.scandir(folder):
                with contextlib.suppress(FileNotFoundError):
                    if entry.is_file() and ".damaged-" not in entry.name:
                        total += entry.stat().st_size
    return total


def lock_directory(directory: Path) -> int:
    """Takes the directory's lock; the descriptor holds it.

    A process that was killed has its lock until its last thread has ended, which takes a moment on a busy
    machine: who starts it anew at once would be refused.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(
            f"the data directory {directory} cannot be used: {error.strerror}",
            hint="choose another one with --data",
        ) from error
    ends = time.monotonic() + _PATIENCE_SECONDS
    while not _lock(descriptor):
        if time.monotonic() > ends:
            os.close(descriptor)
            raise StorageError(
                f"the data directory {directory} is in use by another Coral process",
                hint="stop that process, or choose another directory with --data",
            )
        time.sleep(_LOOK_SECONDS)
    return descriptor


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
