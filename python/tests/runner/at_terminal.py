"""Runs a command at a terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import termios
import time

from tests.runner.program import DEADLINE_SECONDS, Program


def at_terminal(
    coral: Program, *arguments: str, until: str | None = None, **variables: str
) -> tuple[int, str, list[object]]:
    """Runs a command at a terminal of its own; returns its code, all that came, and the mode it left."""
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    process = subprocess.Popen(
        coral.command(*arguments),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**coral.environment, **variables},
        cwd=coral.home,
        start_new_session=True,
    )
    seen = b""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while process.poll() is None or select.select([master], [], [], 0)[0]:
        assert time.monotonic() < deadline, seen
        if select.select([master], [], [], 0.02)[0]:
            seen += os.read(master, 1 << 16)
        if until is not None and until.encode() in seen:
            process.terminate()
            until = None
    mode = termios.tcgetattr(slave)
    os.close(master)
    os.close(slave)
    assert mode == before
    return process.returncode, seen.decode().replace("\r\n", "\n"), mode
