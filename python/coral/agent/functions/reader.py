"""Has programs read by a child process, one at a time, and remembers what was read."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections import OrderedDict
from pathlib import Path
from typing import Final

import msgspec

import coral
from coral.agent.functions.processes import Source
from coral.agent.functions.program import Failure, Job, Outcome, Program
from coral.errors import CoralError, LimitError, UsageError
from coral.limits import MAX_CACHED_PROGRAMS, MAX_PROGRAM_ANSWER_BYTES, READ_PROGRAM_SECONDS

_FRESH_SECONDS: Final = 600.0  # then a debug file that was installed meanwhile is seen


class ProgramReader:
    """Reads programs. Used from one event loop."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Semaphore(1)
        self._known: OrderedDict[tuple[object, ...], tuple[float, asyncio.Task[Program]]] = OrderedDict()

    async def read(self, source: Source) -> Program:
        """The functions of a program; callers that ask for the same one at once share the work.

        Raises:
            UsageError: It cannot be read.
            LimitError: Reading took too long or too much memory.
        """
        now = time.monotonic()
        found = self._known.get(source.identity)
        if found is None or now - found[0] > _FRESH_SECONDS or _failed(found[1]):
            found = (now, asyncio.create_task(self._read(source.job)))
            # Whoever still waits gets its error; when nobody does, it is not asyncio's to complain.
            found[1].add_done_callback(lambda task: task.cancelled() or task.exception())
            self._known[source.identity] = found
        self._known.move_to_end(source.identity)
        while len(self._known) > MAX_CACHED_PROGRAMS:
            self._known.popitem(last=False)
        return await asyncio.shield(found[1])  # a caller that gives up does not end the others' work

    async def _read(self, job: Job) -> Program:
        async with self._one_at_a_time:
            return await read_in_child(job)


def _failed(task: asyncio.Task[Program]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


async def read_in_child(job: Job, *, seconds: float = READ_PROGRAM_SECONDS) -> Program:
    """Reads one program in a process of its own, which ends with it.

    Raises:
        UsageError: It cannot be read.
        LimitError: It took longer than `seconds`, or more memory than allowed.
    """
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "coral.agent.functions.worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_environment(),
        cwd="/",
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(seconds):
            answer = await _exchange(worker, msgspec.msgpack.encode(job))
    except TimeoutError:
        raise LimitError(
            f"reading the program took longer than {seconds:g} s, the limit READ_PROGRAM_SECONDS"
        ) from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            worker.kill()
        await asyncio.shield(worker.wait())
    return await asyncio.to_thread(_decoded, answer, worker.returncode)


async def _exchange(worker: asyncio.subprocess.Process, job: bytes) -> bytes:
    assert worker.stdin is not None
    assert worker.stdout is not None
    with contextlib.suppress(ConnectionError):  # it died at once; its missing answer says so
        worker.stdin.write(job)
        worker.stdin.close()
    parts: list[bytes] = []
    size = 0
    while chunk := await worker.stdout.read(1 << 20):
        parts.append(chunk)
        size += len(chunk)
        if size > MAX_PROGRAM_ANSWER_BYTES:
            raise LimitError(
                f"the program's functions take more than {MAX_PROGRAM_ANSWER_BYTES} bytes,"
                " the limit MAX_PROGRAM_ANSWER_BYTES"
            )
    await worker.wait()
    return b"".join(parts)


def _decoded(answer: bytes, code: int | None) -> Program:
    try:
        outcome: Outcome = msgspec.msgpack.decode(answer, type=Outcome)
    except msgspec.DecodeError:
        raise CoralError(
            f"the process that read the program ended with {code}, without an answer",
            hint="the program's file is damaged in a way that its reader does not survive",
        ) from None
    if isinstance(outcome, Failure):
        raise UsageError(outcome.message, hint=outcome.hint or None)
    return outcome.program


def _environment() -> dict[str, str]:
    root = str(Path(coral.__file__).parent.parent)
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
