"""Query workers, kept warm, bounded in number, killed when their time is up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import struct
import sys
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

import coral
from coral.errors import (
    CoralError,
    DeniedError,
    LimitError,
    MemoryLimitError,
    OverloadedError,
    QueryError,
)
from coral.query_limits import DEFAULT_QUERY_LIMITS, QueryLimits
from coral.store.guard import protocol
from coral.store.guard.journal import Journal, QueryEntry
from coral.store.guard.slots import FairSlots

_KEEP_IDLE: Final = 2


@dataclass(frozen=True)
class Columns:
    """The columns of a result: (name, DuckDB type) each, and their Arrow schema message."""

    columns: list[tuple[str, str]]
    arrow_schema: bytes


@dataclass(frozen=True)
class Rows:
    """A run of rows as an Arrow record batch message."""

    row_count: int
    arrow_batch: bytes


Part = Columns | Rows | protocol.Outcome

ENDINGS: Final = (
    "answered",
    "failed",
    "refused",
    "timed_out",
    "out_of_memory",
    "overloaded",
    "abandoned",
    "cancelled",
    "worker_died",
)
"""How a job can end. A worker is killed when its job timed out, ran out of memory, or was abandoned by its
caller."""


@dataclass(frozen=True)
class PoolStatistics:
    """What a pool has done since its start, and does now.

    Attributes:
        running: Jobs that have a worker now.
        queued: Jobs that wait for one.
        ended: Jobs by how they ended, one of `ENDINGS`.
        seconds: Time from a job's arrival to its end, by how it ended, added up.
    """

    running: int
    queued: int
    ended: Mapping[str, int]
    seconds: Mapping[str, float]


class QueryPool:
    """Runs jobs in worker processes, `QueryLimits.at_once`; the others wait in fair order.

    Used from one event loop.
    """

    def __init__(self, kind: str, limits: QueryLimits = DEFAULT_QUERY_LIMITS) -> None:
        self._kind = kind
        self.limits = limits
        self._idle: list[asyncio.subprocess.Process] = []
        self._slots = FairSlots(limits)
        self.journal = Journal()
        self._ended = dict.fromkeys(ENDINGS, 0)
        self._seconds = dict.fromkeys(ENDINGS, 0.0)
        self._closed = False

    def statistics(self) -> PoolStatistics:
        """Figures as of now. From any thread."""
        return PoolStatistics(
            self._slots.running, self._slots.waiting, dict(self._ended), dict(self._seconds)
        )

    async def warm_up(self) -> None:
        """Starts a worker ahead of the first query."""
        self._idle.append(await self._start())

    async def run(
        self, job: protocol.Job, *, timeout: float, caller: str = "", more_time: str = "ask for more time"
    ) -> AsyncGenerator[Part, None]:
        """Runs a job: one `Columns`, then `Rows`, then one `Outcome`.

        Closing the generator early kills the worker, and so the query.

        Args:
            job: The statement.
            timeout: Seconds until it is killed, waiting for a worker included.
            caller: Who asks; places are handed out fairly between callers.
            more_time: What to do for more time, for the error's hint.

        Raises:
            DeniedError: The statement may not run.
            QueryError: It failed.
            LimitError: Its time is up.
            OverloadedError: Too many queries wait already.
        """
        entry = self.journal.begin(caller, job.sql)
        ending = "abandoned"
        try:
            async with contextlib.aclosing(self._run(job, timeout, entry, more_time)) as parts:
                async for part in parts:
                    if isinstance(part, protocol.Outcome):
                        ending = "answered"
                    elif isinstance(part, Rows):
                        entry.row_count += part.row_count
                    yield part
        except CoralError as error:
            ending = "cancelled" if entry.cancelled else _ending(error)
            if entry.cancelled:
                raise QueryError(
                    "the query was cancelled by an operator", hint="coral queries shows what runs"
                ) from None
            raise
        finally:
            self.journal.end(entry, ending)
            self._ended[ending] += 1
            self._seconds[ending] += entry.seconds

    async def _run(
        self, job: protocol.Job, timeout: float, entry: QueryEntry, more_time: str
    ) -> AsyncGenerator[Part, None]:
        try:
            async with asyncio.timeout(timeout):
                waiting = asyncio.ensure_future(self._slots.acquire(entry.caller))
                entry.kill = partial(_cancel, waiting)
                try:
                    await waiting
                except asyncio.CancelledError:
                    if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
                        self._slots.release(entry.caller)  # it came at the same moment
                    if entry.cancelled:
                        raise QueryError("the query was cancelled while it waited") from None
                    raise
                entry.state = "running"
                try:
                    async with contextlib.aclosing(self._run_in_worker(job, entry)) as parts:
                        async for part in parts:
                            yield part
                finally:
                    self._slots.release(entry.caller)
        except TimeoutError:
            raise LimitError(
                f"the query ran longer than its time limit of {timeout:g} s and was ended",
                hint=f"narrow the time range, aggregate less, or {more_time}",
            ) from None

    async def close(self) -> None:
        """Ends the idle workers; busy ones end with their queries."""
        self._closed = True
        for worker in self._idle:
            await _kill(worker)
        self._idle.clear()

    async def _run_in_worker(self, job: protocol.Job, entry: QueryEntry) -> AsyncGenerator[Part, None]:
        worker = self._idle.pop() if self._idle else await self._start()
        reusable = False
        entry.kill = worker.kill
        try:
            encoded = pickle.dumps(job)
            assert worker.stdin is not None
            worker.stdin.write(struct.pack(">I", len(encoded)) + encoded)
            await worker.stdin.drain()
            async for part in _answers(worker):
                if isinstance(part, protocol.Failure):
                    reusable = part.kind != "memory"
                    raise _error(part)
                reusable = isinstance(part, protocol.Outcome) and not part.spent
                yield part
        except (asyncio.IncompleteReadError, ConnectionError):
            raise await _death(worker) from None
        finally:
            if reusable and not self._closed and len(self._idle) < _KEEP_IDLE:
                self._idle.append(worker)
            else:
                await asyncio.shield(_kill(worker))

    async def _start(self) -> asyncio.subprocess.Process:
        package_root = str(Path(coral.__file__).parent.parent)
        environment = {
            name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "HOME") if name in os.environ
        }
        environment["PYTHONPATH"] = os.pathsep.join([package_root, os.environ.get("PYTHONPATH", "")])
        # Arrow's own allocator reserves a gigabyte, which the worker's limit on memory counts.
        environment["ARROW_DEFAULT_MEMORY_POOL"] = "system"
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "coral.store.guard.worker",
            self._kind,
            str(self.limits.worker_memory),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            cwd="/",
            start_new_session=True,
        )


async def _answers(worker: asyncio.subprocess.Process) -> AsyncGenerator[Part | protocol.Failure, None]:
    assert worker.stdout is not None
    columns: list[tuple[str, str]] = []
    while True:
        kind, length = protocol.HEADER.unpack(await worker.stdout.readexactly(protocol.HEADER.size))
        payload = await worker.stdout.readexactly(length)
        if kind == protocol.COLUMNS:
            columns = msgspec.msgpack.decode(payload, type=list[tuple[str, str]])
        elif kind == protocol.SCHEMA:
            yield Columns(columns, payload)
        elif kind == protocol.BATCH:
            yield Rows(int.from_bytes(payload[:4], "big"), payload[4:])
        elif kind == protocol.END:
            yield msgspec.msgpack.decode(payload, type=protocol.Outcome)
            return
        else:
            yield msgspec.msgpack.decode(payload, type=protocol.Failure)
            return


class _WorkerDiedError(MemoryLimitError):
    """A query whose worker ended without an answer: no memory was left for one, or the stack overflowed."""


async def _death(worker: asyncio.subprocess.Process) -> CoralError:
    code = await worker.wait()
    how = f"signal {-code}" if code < 0 else f"code {code}"
    return _WorkerDiedError(
        f"the query ended its worker process ({how}), most likely by using too much memory",
        hint="aggregate in SQL, select fewer columns, or narrow the time range",
    )


def _cancel(waiting: asyncio.Future[None]) -> None:
    waiting.cancel()


def _ending(error: CoralError) -> str:
    """How a job ended that raised."""
    kinds: tuple[tuple[type[CoralError], str], ...] = (
        (_WorkerDiedError, "worker_died"),
        (MemoryLimitError, "out_of_memory"),
        (DeniedError, "refused"),
        (LimitError, "timed_out"),
        (OverloadedError, "overloaded"),
    )
    return next((ending for kind, ending in kinds if isinstance(error, kind)), "failed")


def _error(failure: protocol.Failure) -> CoralError:
    return protocol.FAILURES[failure.kind](failure.message, hint=failure.hint or None)


async def _kill(worker: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        worker.kill()
    # What is left in the pipe is read to its end, else its transport would stay open.
    while worker.stdout is not None and await worker.stdout.read(1 << 16):
        pass
    await worker.wait()
