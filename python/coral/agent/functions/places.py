"""Paths of another process as paths of ours."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

_MOST_LINKS: Final = 40  # as Linux


def inside(root: str, path: str) -> Path | None:
    """The real place of a path below a file system root; None when it does not exist.

    A service in a container has a root of its own, `/proc/PID/root`. The kernel would follow an
    absolute link found there from *our* root, to files that are none of the service's; so links are
    followed here.

    Args:
        root: The service's root, `/` for ours.
        path: An absolute path as the service sees it.
    """
    base = Path(root)
    pending = [part for part in path.split("/") if part not in ("", ".")][::-1]
    done: list[str] = []
    links = 0
    while pending:
        part = pending.pop()
        if part == "..":
            del done[-1:]
            continue
        place = base.joinpath(*done, part)
        try:
            target = os.readlink(place)
        except ValueError:
            return None  # it holds a zero byte
        except OSError:
            done.append(part)  # no link; whether it exists shows at the end
            continue
        links += 1
        if links > _MOST_LINKS:
            return None
        if target.startswith("/"):
            done = []
        pending += [piece for piece in target.split("/") if piece not in ("", ".")][::-1]
    place = base.joinpath(*done)
    try:
        return place if place.exists() else None
    except OSError:
        return None  # a part of it is too long to be a name, or not ours to look into


def open_regular(path: str | Path) -> BinaryIO:
    """Opens a file for reading, and nothing but a file: a pipe in its place would make a reader wait.

    Raises:
        OSError: It cannot be opened, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is no regular file", str(path))
    return os.fdopen(descriptor, "rb")
