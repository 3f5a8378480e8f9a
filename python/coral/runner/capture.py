"""Runs a child whose output is kept instead of shown, the last part of it.

The child inherits our descriptors, so they are exchanged around it. A process of its own reads each
pipe: whatever the child prints, it neither blocks on us nor fills a disk.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, TypeVar

_Answer = TypeVar("_Answer")
_PIECE = 1 << 16


@dataclass(frozen=True)
class Output:
    """What a child printed, the last part.

    Attributes:
        stdout: Its stdout.
        stderr: Its stderr.
    """

    stdout: bytes
    stderr: bytes


def captured(run: Callable[[], _Answer], most: int) -> tuple[Output, _Answer]:
    """Calls something that starts a child and waits for it.

    Args:
        run: What to call. Its child reads nothing from stdin.
        most: Bytes of stdout, and of stderr, that are kept at most, the last ones.

    Returns:
        What the child printed, and what `run` returned.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        collectors = [_collector(file.fileno(), most) for file in (stdout, stderr)]
        saved = {number: os.dup(number) for number in (0, 1, 2)}
        null = os.open(os.devnull, os.O_RDWR)
        targets = [null, *[writer for _, writer in collectors]]
        try:
            for number, target in enumerate(targets):
                os.dup2(target, number)
            for target in targets:
                os.close(target)
            answer = run()
        finally:
            for number, descriptor in saved.items():
                os.dup2(descriptor, number)
                os.close(descriptor)
            for pid, _ in collectors:
                os.waitpid(pid, 0)
        for file in (stdout, stderr):
            file.seek(0)
        return Output(stdout.read(), stderr.read()), answer


def _collector(target: int, most: int) -> tuple[int, int]:
    """Starts a process that reads a pipe; returns its id and the pipe's other end."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        _collect(reader, writer, target, most)
    os.close(reader)
    return pid, writer


def _collect(reader: int, writer: int, target: int, most: int) -> NoReturn:
    try:
        os.close(writer)
        kept = b""
        while data := os.read(reader, _PIECE):
            kept += data
            if len(kept) > 2 * most:
                kept = kept[-most:]
        view = memoryview(kept[-most:])
        while view:
            view = view[os.write(target, view) :]
    finally:
        os._exit(0)
