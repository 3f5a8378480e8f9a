"""A child's stdin, which it may only read."""

from __future__ import annotations

import os


def only_read_stdin() -> None:
    """Opens descriptor 0 of this process anew, for reading only; the native library does the same.

    What comes from a terminal or a file is open for writing too as a rule: by it a script could steer the
    terminal past the filter of its output.

    Raises:
        OSError: It cannot be opened anew, as another user's terminal: then there is nothing to read.
    """
    import fcntl

    try:
        flags = fcntl.fcntl(0, fcntl.F_GETFL)
    except OSError:
        return  # it is closed
    mode = flags & os.O_ACCMODE
    if mode == os.O_RDONLY:
        return
    failure = None
    path = os.devnull
    if mode == os.O_RDWR:
        # Elsewhere what is in /dev/fd is the same open file again, with all its rights.
        path = os.ttyname(0) if not os.path.exists("/proc/self/fd/0") and os.isatty(0) else "/proc/self/fd/0"
    try:
        reader = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        if not os.isatty(0):
            return  # a socket, or a system without /proc
        failure = error
        reader = os.open(os.devnull, os.O_RDONLY)
    try:
        place = os.lseek(0, 0, os.SEEK_CUR)
    except OSError:
        place = 0  # a terminal or a pipe
    if place > 0:
        os.lseek(reader, place, os.SEEK_SET)
    fcntl.fcntl(reader, fcntl.F_SETFL, flags & os.O_NONBLOCK)
    os.dup2(reader, 0)
    os.close(reader)
    if failure is not None:
        raise failure
