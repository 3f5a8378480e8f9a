"""Runs a command with pipes or at a terminal, counts what it prints, and ends it if it does not end."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

KEPT_BYTES = 4 << 20
"""How much of the output is kept to look at; all of it is counted."""

_TYPING_SECONDS = 0.3
_PR_SET_CHILD_SUBREAPER = 36

# Takes the terminal on stdin as its own, as a shell's job does, and becomes the command.
_AT_TERMINAL = (
    "import fcntl, os, sys, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execv(sys.argv[1], sys.argv[1:])\n"
)


@dataclass
class Ended:
    """How a command ended.

    Attributes:
        code: Its exit code; 128 + n after signal n.
        seconds: How long it took.
        output: The first `KEPT_BYTES` of stdout and stderr together.
        printed_bytes: How much it printed.
        gave_up: Whether it had to be killed from here.
        terminal_spoiled: Whether the terminal's settings were other ones at the end than at the start.
        leftovers: Command lines of processes of its session that were still there.
    """

    code: int
    seconds: float
    output: bytes
    printed_bytes: int
    gave_up: bool
    terminal_spoiled: bool
    leftovers: list[str]


def execute(
    command: list[str],
    *,
    environment: dict[str, str],
    folder: Path,
    seconds: float,
    terminal: bool = False,
    types: bytes = b"",
    memory_bytes: int | None = None,
    pass_fds: tuple[int, ...] = (),
    stdin: Path | None = None,
    stdout: Path | None = None,
) -> Ended:
    """Runs a command to its end.

    Args:
        command: Path of the program and its arguments.
        environment: Its whole environment.
        folder: Where it starts.
        seconds: After these it is killed.
        terminal: Whether to give it a terminal for stdin, stdout and stderr instead of pipes.
        types: What is typed at the terminal, several times a second.
        memory_bytes: Resident memory at which the program is killed, where nothing else bounds it.
        pass_fds: Descriptors that it inherits.
        stdin: A file to read from, instead of nothing.
        stdout: A file to append to, instead of a pipe; stderr stays a pipe.
    """
    ours: list[int] = []
    before: list[object] = []
    if terminal:
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        before = termios.tcgetattr(slave)
        command = [sys.executable, "-S", "-c", _AT_TERMINAL, *command]
        started = time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            cwd=folder,
            start_new_session=True,
            pass_fds=pass_fds,
        )
        ours = [master]
    else:
        started = time.monotonic()
        with contextlib.ExitStack() as files:
            process = subprocess.Popen(
                command,
                stdin=files.enter_context(stdin.open("rb")) if stdin else subprocess.DEVNULL,
                stdout=files.enter_context(stdout.open("a+b")) if stdout else subprocess.PIPE,
                stderr=subprocess.PIPE if stdout else subprocess.STDOUT,
                env=environment,
                cwd=folder,
                start_new_session=True,
                pass_fds=pass_fds,
            )
        printed_to = process.stderr if stdout else process.stdout
        assert printed_to is not None
        ours = [printed_to.fileno()]
    output, printed, gave_up = _collect(process, ours[0], started + seconds, memory_bytes, types)
    took = time.monotonic() - started
    spoiled = False
    if terminal:
        # Echo, line editing and signals at Ctrl-C; speeds and sizes are nobody's business.
        spoiled = termios.tcgetattr(slave)[:4] != before[:4]
        os.close(slave)
        os.close(master)
    else:
        assert printed_to is not None
        printed_to.close()
    if stdout is not None:
        output += stdout.read_bytes()[:KEPT_BYTES]
    code = process.returncode
    return Ended(
        code if code >= 0 else 128 - code,
        took,
        output,
        printed,
        gave_up,
        spoiled,
        _end_session(process.pid),
    )


def _collect(
    process: subprocess.Popen[bytes],
    source: int,
    deadline: float,
    memory_bytes: int | None,
    types: bytes,
) -> tuple[bytes, int, bool]:
    kept = bytearray()
    printed = 0
    gave_up = False
    next_typing = time.monotonic()
    while True:
        # Again and again: a question throws away what was typed before it.
        if types and time.monotonic() >= next_typing:
            os.write(source, types)
            next_typing = time.monotonic() + _TYPING_SECONDS
        ended = process.poll() is not None
        readable, _, _ = select.select([source], [], [], 0 if ended else 0.02)
        if readable:
            try:
                chunk = os.read(source, 1 << 20)
            except OSError:
                chunk = b""  # the terminal's other end is closed
            printed += len(chunk)
            kept += chunk[: max(0, KEPT_BYTES - len(kept))]
            if chunk:
                continue
            if not ended:
                process.wait()
            return bytes(kept), printed, gave_up
        if ended:
            # Somebody else may hold the pipe open still: what has come is all that counts.
            return bytes(kept), printed, gave_up
        too_large = memory_bytes is not None and _resident_bytes(process.pid) > memory_bytes
        if (time.monotonic() > deadline or too_large) and not gave_up:
            gave_up = True
            os.killpg(process.pid, signal.SIGKILL)
            for child in _session(process.pid):
                child.kill()


def _resident_bytes(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0  # it ended meanwhile
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def _session(leader: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue  # it ended meanwhile
    return found


def _end_session(leader: int) -> list[str]:
    """Kills what is left of a command's session and says what it was."""
    left = []
    for process in _session(leader):
        try:
            left.append(" ".join(process.cmdline())[:120] or process.name())
            process.kill()
        except psutil.NoSuchProcess:
            continue  # it ended meanwhile
    return left


def adopt_orphans() -> None:
    """Makes this process the parent of whatever its descendants leave behind (Linux)."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def own_children() -> frozenset[int]:
    """The processes that this one has started or adopted."""
    return frozenset(child.pid for child in psutil.Process().children())


def end_strays(known: frozenset[int]) -> list[str]:
    """Kills children that are not known and answers what they were; nothing else may run meanwhile."""
    said: list[str] = []
    while strays := [child for child in psutil.Process().children() if child.pid not in known]:
        for child in strays:  # what they leave behind is ours in the next round
            try:
                if child.status() != psutil.STATUS_ZOMBIE:
                    said.append(" ".join(child.cmdline())[:120] or child.name())
                child.kill()
                child.wait(5)
            except psutil.NoSuchProcess:
                continue  # it ended meanwhile
    return said
