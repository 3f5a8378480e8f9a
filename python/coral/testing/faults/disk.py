"""A small disk of its own for a data directory, which can be filled and freed (Linux, root)."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_CHUNK: Final = 1024 * 1024
_FILLER: Final = "filler"


class SmallDisk:
    """A mounted file system; `folder` is inside it."""

    def __init__(self, mount: Path) -> None:
        self._mount = mount
        self.folder = mount / "data"
        """Where the data directory goes."""

    def fill(self) -> None:
        """Takes all the space that is left, to the last block."""
        with (self._mount / _FILLER).open("ab", buffering=0) as filler:
            for size in (_CHUNK, 4096, 512, 1):
                try:
                    while filler.write(bytes(size)):
                        pass
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self) -> None:
        """Gives back what `fill` took."""
        (self._mount / _FILLER).unlink(missing_ok=True)


def can_mount() -> bool:
    """Whether this process may mount file systems."""
    if os.geteuid() != 0:
        return False
    probe = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
    )
    return probe.returncode == 0


@contextlib.contextmanager
def small_disk(mount: Path, *, size_mib: int) -> Iterator[SmallDisk]:
    """Mounts a tmpfs of a size, and unmounts it at the end; what is on it is gone then."""
    mount.mkdir(parents=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m,mode=0700", "coral-test", str(mount)], check=True
    )
    try:
        yield SmallDisk(mount)
    finally:
        subprocess.run(["umount", str(mount)], check=True)
