"""Puts the terminal filter between a script and the terminal, and keeps the terminal's mode.

While a script runs, those of our descriptors 1 and 2 that are terminals are pipes, which the script
inherits; a process of its own reads them, filters, and writes to the terminal. A process and not a thread:
the parent starts the script by fork. What is no terminal is left alone: the script has it directly.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
from typing import Any, NoReturn

from coral.runner.terminal import TerminalFilter

_PIECE = 1 << 16
_DRAIN_SECONDS = 2.0


class Screen:
    """A context manager; inside, 1 and 2 do not reach a terminal directly."""

    def __enter__(self) -> Screen:
        sys.stdout.flush()
        sys.stderr.flush()
        # A script may switch off echo and line editing, and then end in any way.
        self._mode = termios.tcgetattr(0) if os.isatty(0) else None
        terminals = [number for number in (1, 2) if os.isatty(number)]
        # One pipe for both where both are the same terminal: so their order stays as it was written.
        same = len(terminals) == 2 and os.fstat(1).st_rdev == os.fstat(2).st_rdev
        groups = [terminals] if same else [[number] for number in terminals]
        routes: dict[int, int] = {}
        self._saved = {number: os.dup(number) for number in terminals}
        writers: list[tuple[int, list[int]]] = []
        for group in groups:
            reader, writer = os.pipe()
            routes[reader] = self._saved[group[0]]
            writers.append((writer, group))
        if not routes:
            return self
        self._pid = os.fork()
        if self._pid == 0:
            _filter(routes, [writer for writer, _ in writers])
        for reader in routes:
            os.close(reader)
        for writer, group in writers:
            for number in group:
                os.dup2(writer, number)
            os.close(writer)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._give_back()
        finally:
            if self._mode is not None:
                _set_mode(self._mode)

    def _give_back(self) -> None:
        for number, saved in self._saved.items():
            os.dup2(saved, number)
            os.close(saved)
        if not self._saved:
            return
        # All that the script wrote is in the pipe by now; wait until it is on the screen.
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


def _set_mode(mode: list[Any]) -> None:
    # Where we are in the background the terminal would stop us for this (SIGTTOU).
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        termios.tcsetattr(0, termios.TCSADRAIN, mode)
    except termios.error:
        pass  # the terminal is gone, and its mode with it
    finally:
        signal.signal(signal.SIGTTOU, before)


def _filter(routes: dict[int, int], writers: list[int]) -> NoReturn:
    """The filter's process: copies until nobody can write to the pipes any more."""
    try:
        # The script decides when it ends, also after Ctrl-C; then the pipes are closed.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        for descriptor in (*writers, 0, 1, 2):
            os.close(descriptor)
        filters = {reader: TerminalFilter() for reader in routes}
        while filters:
            for reader in select.select(list(filters), [], [])[0]:
                data = os.read(reader, _PIECE)
                terminal = filters[reader]
                if not data:
                    del filters[reader]
                _write(routes[reader], terminal.feed(data) if data else terminal.end())
    except OSError:
        pass  # the terminal is gone; the script gets EPIPE and so does Coral
    finally:
        os._exit(0)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
