"""A small disk of its own for a data directory, which can be filled and freed (Linux, root)."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
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
        """Takes all the space that is left at some moment, to the last block.

        The program whose disk it is frees space at the same time (it gives up what it can), so each size is
        written a bounded number of times: byte by byte through megabytes freed late would take minutes.
        """
        most = shutil.disk_usage(self._mount).total // _CHUNK + 1
        with (self._mount / _FILLER).open("ab", buffering=0) as filler:
            for size, larger in ((_CHUNK, most * _CHUNK), (4096, _CHUNK), (512, 4096), (1, 512)):
                try:
                    for _ in range(larger // size):
                        filler.write(bytes(size))
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
