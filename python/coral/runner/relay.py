"""Puts a process of our own between a script and where its output goes.

While it stands, our descriptors 1 and 2 (or one of them) are pipes, which the script inherits; the process
reads them and writes on. A process and not a thread: the parent starts the script by fork.
"""

from __future__ import annotations

import os
import select
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PIECE = 1 << 16
"""Bytes that are read at once."""

_DRAIN_SECONDS = 2.0


class Relay:
    """A context manager; inside, what is written to the descriptors reaches the process and nothing else.

    Args:
        numbers: The descriptors, 1 and 2 or one of them.
        work: What the process does. It gets, for each pipe to read, the descriptor where its text belongs,
            and returns when nobody can write to the pipes any more. An OSError that it raises ends it.
        pipes: Those to use, for reading and for writing, instead of new ones.
    """

    def __init__(
        self,
        numbers: list[int],
        work: Callable[[dict[int, int]], None],
        pipes: list[tuple[int, int]] | None = None,
    ) -> None:
        self._numbers = numbers
        self._work = work
        self._pipes = list(pipes or [])
        self._saved: dict[int, int] = {}
        self._pid = 0

    def __enter__(self) -> Relay:
        sys.stdout.flush()
        sys.stderr.flush()
        numbers = self._numbers
        # One pipe for both where both lead to the same place: so their order stays as it was written.
        groups = [numbers] if len(numbers) == 2 and _same_place(*numbers) else [[each] for each in numbers]
        routes: dict[int, int] = {}
        self._saved = {number: os.dup(number) for number in numbers}
        writers: list[tuple[int, list[int]]] = []
        for group in groups:
            reader, writer = self._pipes.pop(0) if self._pipes else os.pipe()
            routes[reader] = self._saved[group[0]]
            writers.append((writer, group))
        if not routes:
            return self
        self._pid = os.fork()
        if self._pid == 0:
            self._run(routes, [writer for writer, _ in writers])
        for reader in routes:
            os.close(reader)
        for writer, group in writers:
            for number in group:
                os.dup2(writer, number)
            os.close(writer)
        return self

    def _run(self, routes: dict[int, int], writers: list[int]) -> None:
        try:
            # The script decides when it ends, also after Ctrl-C; then the pipes are closed.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
                signal.signal(number, signal.SIG_IGN)
            signal.set_wakeup_fd(-1)
            for descriptor in (*writers, 0, 1, 2):
                os.close(descriptor)
            self._work(routes)
        except OSError:
            pass  # its target is gone; the script gets EPIPE and so does Coral
        finally:
            os._exit(0)

    def __exit__(self, *_: object) -> None:
        for number, saved in self._saved.items():
            os.dup2(saved, number)
            os.close(saved)
        if not self._saved:
            return
        # All that the script wrote is in the pipe by now; wait until it is where it belongs.
        try:
            watch = os.pidfd_open(self._pid)
        except OSError:  # an old kernel
            os.waitpid(self._pid, 0)
            return
        try:
            if not select.select([watch], [], [], _DRAIN_SECONDS)[0]:
                os.kill(self._pid, signal.SIGKILL)  # something of the script lives on and holds the pipe
        finally:
            os.close(watch)
        os.waitpid(self._pid, 0)


def write_all(descriptor: int, data: bytes) -> None:
    """Writes everything."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _same_place(first: int, second: int) -> bool:
    one, other = os.fstat(first), os.fstat(second)
    if os.isatty(first) and os.isatty(second):
        return one.st_rdev == other.st_rdev
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
