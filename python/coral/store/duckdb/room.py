"""Room on the disk of a store: refusing new data before it is full, and getting by when it is.

Two lines of defence. Below `MIN_FREE_DISK_BYTES` new raw data are refused and the oldest are dropped,
while summaries, deletes and queries go on. Should the disk run full all the same (other programs write
to it as well), a reserve file is released, so that there is space to delete with; until it could be
made again, and has its full length on the disk, new data are refused.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from pathlib import Path
from typing import Final

from coral.errors import StorageError, StorageFullError
from coral.limits import MIN_FREE_DISK_BYTES, RESERVE_DISK_BYTES
from coral.store.duckdb.faults import Fault, fault_of

_log = logging.getLogger(__name__)
_MIB: Final = 1024 * 1024


class DiskRoom:
    """Watches one directory's disk. Any thread may ask."""

    def __init__(
        self, directory: Path, *, min_free: int = MIN_FREE_DISK_BYTES, reserve: int = RESERVE_DISK_BYTES
    ) -> None:
        """Makes the reserve, if there is room for it.

        Args:
            directory: The data directory, which exists.
            min_free: Free bytes below which new data are refused; at most a twentieth of the disk.
            reserve: Length of the reserve file, bytes; at most a twentieth of the disk.
        """
        self._directory = directory
        self._file = directory / "reserve"
        total = shutil.disk_usage(directory).total
        self.min_free = min(min_free, total // 20)
        self._reserve = min(reserve, total // 20)
        self._lock = threading.Lock()
        self._full = False
        self._refused = 0
        self._hold()

    @property
    def refused(self) -> int:
        """How many writes were refused since the start."""
        return self._refused

    @property
    def full(self) -> bool:
        """Whether a write has failed for lack of space, and the reserve could not be made again."""
        return self._full

    def free(self) -> int:
        """Free bytes as of now.

        Raises:
            StorageError: The directory is not there any more.
        """
        try:
            return shutil.disk_usage(self._directory).free
        except OSError as error:
            raise StorageError(
                f"the data directory {self._directory} cannot be used any more: {error.strerror}",
                hint="stop this program, put the directory back, or start afresh with another one",
            ) from error

    def missing(self) -> int:
        """Bytes to free until new data are taken again with some room to spare; 0 when they are taken now."""
        free = self.free()
        if free >= self.min_free and not self._full:
            return 0
        return max(1, self.min_free + self.min_free // 4 + self._reserve - free)

    def check(self) -> None:
        """Passes when there is room for new data.

        Raises:
            StorageFullError: There is not.
            StorageError: The directory is not there any more.
        """
        free = self.free()
        if free >= self.min_free and not self._full:
            return
        with self._lock:
            self._refused += 1
        raise self.error(free)

    def error(self, free: int | None = None) -> StorageFullError:
        """The error that says so."""
        free = self.free() if free is None else free
        return StorageFullError(
            f"the disk of {self._directory} has {free / _MIB:.1f} MiB free; new data are stored only with"
            f" {self.min_free / _MIB:.1f} MiB (MIN_FREE_DISK_BYTES)",
            hint="free space on it; what is stored can be queried, and writing goes on by itself",
        )

    def ran_full(self) -> None:
        """Notes that a write failed for lack of space, and releases the reserve."""
        with self._lock:
            if not self._full:
                _log.error("%s", self.error().message)
            self._full = True
            self._file.unlink(missing_ok=True)

    def recover(self) -> bool:
        """Tries to take new data again after the disk was full. Returns whether they are taken now."""
        with self._lock:
            if not self._full:
                return self.free() >= self.min_free
            if self.free() < self.min_free + self._reserve or not self._hold():
                return False
            self._full = False
            _log.info("the disk of %s has room again, new data are stored", self._directory)
            return True

    def release(self) -> None:
        """Deletes the reserve; for the end."""
        self._file.unlink(missing_ok=True)

    def _hold(self) -> bool:
        try:
            descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(descriptor, 0, self._reserve)
                else:
                    os.write(descriptor, b"\0" * self._reserve)
            finally:
                os.close(descriptor)
        except OSError as error:
            self._file.unlink(missing_ok=True)
            self._full = True
            if fault_of(error) is not Fault.FULL:
                raise
            return False
        return True
