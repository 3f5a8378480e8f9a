"""Puts the terminal filter between a script and the terminal, and keeps the terminal's mode.

Those of our descriptors 1 and 2 that are terminals go through a process that filters (`coral.runner.relay`).
What is no terminal is left alone: the script has it directly.
"""

from __future__ import annotations

import os
import select
import signal
import termios
from typing import Any

from coral.runner.relay import PIECE, Relay, write_all
from coral.runner.terminal import TerminalFilter


class Screen:
    """A context manager; inside, 1 and 2 do not reach a terminal directly.

    Args:
        most_bytes: What is passed on; the rest is thrown away. The watchdog ends a script that writes more,
            and sees that when a write is complete, which may be a large one.
        pipes: As of `Relay`: where a script may write to already.
    """

    def __init__(self, most_bytes: int, pipes: list[tuple[int, int]] | None = None) -> None:
        self._most_bytes = most_bytes
        self._pipes = pipes

    def __enter__(self) -> Screen:
        # A script may switch off echo and line editing, and then end in any way.
        self._mode = termios.tcgetattr(0) if os.isatty(0) else None
        self._relay = Relay([number for number in (1, 2) if os.isatty(number)], self._filter, self._pipes)
        self._relay.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._relay.__exit__()
        finally:
            if self._mode is not None:
                _set_mode(self._mode)

    def _filter(self, routes: dict[int, int]) -> None:
        """The filter's process: copies until nobody can write to the pipes any more."""
        filters = {reader: TerminalFilter() for reader in routes}
        left = self._most_bytes
        cut = False
        while filters:
            for reader in select.select(list(filters), [], [])[0]:
                data = os.read(reader, PIECE)
                terminal = filters[reader]
                if data:
                    passed = terminal.feed(data[:left])
                    if len(data) > left and not cut:
                        cut = True
                        limit = f"limit {self._most_bytes >> 20} MiB, CORAL_OUTPUT=1g raises it"
                        passed += f"\ncoral: what it prints from here on is left out ({limit})\n".encode()
                    left -= min(left, len(data))
                else:
                    del filters[reader]
                    passed = terminal.end()
                write_all(routes[reader], passed)


def _set_mode(mode: list[Any]) -> None:
    # Where we are in the background the terminal would stop us for this (SIGTTOU).
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        termios.tcsetattr(0, termios.TCSADRAIN, mode)
    except termios.error:
        pass  # the terminal is gone, and its mode with it
    finally:
        signal.signal(signal.SIGTTOU, before)
