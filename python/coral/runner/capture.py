"""Runs a child whose output is kept instead of shown: of stdout the last part, of stderr nothing.

The child inherits our descriptors, so they are exchanged around it. A process of its own reads the pipe:
whatever the child prints, it neither blocks on us nor fills a disk.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from typing import NoReturn, TypeVar

_Answer = TypeVar("_Answer")
_PIECE = 1 << 16


def captured(run: Callable[[], _Answer], most: int) -> tuple[bytes, _Answer]:
    """Calls something that starts a child and waits for it.

    Args:
        run: What to call. Its child reads nothing from stdin.
        most: Bytes of stdout that are kept at most, the last ones.

    Returns:
        The child's stdout, and what `run` returned.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    reader, writer = os.pipe()
    with tempfile.TemporaryFile() as kept:
        pid = os.fork()
        if pid == 0:
            _collect(reader, writer, kept.fileno(), most)
        os.close(reader)
        saved = {number: os.dup(number) for number in (0, 1, 2)}
        null = os.open(os.devnull, os.O_RDWR)
        try:
            for number, target in ((0, null), (1, writer), (2, null)):
                os.dup2(target, number)
            os.close(writer)
            os.close(null)
            answer = run()
        finally:
            for number, descriptor in saved.items():
                os.dup2(descriptor, number)
                os.close(descriptor)
            os.waitpid(pid, 0)
        kept.seek(0)
        return kept.read(), answer


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
