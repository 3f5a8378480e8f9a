"""From request bodies into the store; answered after the commit.

Requests that wait together are written together: one INSERT per table, one commit. While the writer is
busy with one group, the next one gathers, so that groups grow with the load by themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from coral.agent.decode.columns import EMPTY, Decoded
from coral.agent.group import Item, Signal, WrittenResources, write_items
from coral.agent.resent import StoredRequests, request_digest
from coral.agent.telemetry import COMMIT_SECONDS, DECODE_SECONDS, RECEIVED_BYTES
from coral.clock import Clock
from coral.errors import CoralError, OverloadedError, StorageFullError
from coral.limits import LARGE_OTLP_BODY_BYTES, MAX_GROUP_ROWS, MAX_OTLP_BYTES_IN_FLIGHT, MIN_DIRECT_ROWS
from coral.store.api import Store, Transaction

_REQUEST_COST_BYTES: Final = 4 * 1024
"""What a request under way takes beside its body."""

_JOIN_SECONDS: Final = 0.05
"""How long a group of a high load waits for more requests."""


@dataclass(frozen=True)
class IngestStatistics:
    """What came in since the start; counts, and what is under way now.

    Attributes:
        accepted: Stored items (spans, points, log records) by signal.
        refused: Items that could not be stored, by signal.
        resent_requests: Requests that were stored before and were not stored again.
        overloaded_requests: Requests that were refused for lack of room.
        bytes_in_flight: Bodies of requests under way now.
    """

    accepted: dict[Signal, int]
    refused: dict[Signal, int]
    resent_requests: int
    overloaded_requests: int
    bytes_in_flight: int

    @property
    def spans_accepted(self) -> int:
        """Spans stored."""
        return self.accepted[Signal.SPANS]

    @property
    def spans_refused(self) -> int:
        """Spans refused."""
        return self.refused[Signal.SPANS]

    @property
    def points_accepted(self) -> int:
        """Metric points stored."""
        return self.accepted[Signal.POINTS]

    @property
    def points_refused(self) -> int:
        """Metric points refused."""
        return self.refused[Signal.POINTS]

    @property
    def records_accepted(self) -> int:
        """Log records stored."""
        return self.accepted[Signal.LOGS]

    @property
    def records_refused(self) -> int:
        """Log records refused."""
        return self.refused[Signal.LOGS]


@dataclass(eq=False)
class _Waiting:
    """A decoded request and who waits for its commit."""

    item: Item
    stored: asyncio.Future[None]


@dataclass
class _Counts:
    accepted: dict[Signal, int] = field(default_factory=lambda: dict.fromkeys(Signal, 0))
    refused: dict[Signal, int] = field(default_factory=lambda: dict.fromkeys(Signal, 0))
    resent: int = 0
    overloaded: int = 0


class Ingest:
    """Stores spans, metric points and log records of one agent. Used from one event loop."""

    def __init__(self, store: Store, *, agent_id: str, clock: Clock) -> None:
        self._store = store
        self._agent_id = agent_id
        self._clock = clock
        self._counts = _Counts()
        self._bytes_in_flight = 0
        self._in_flight = 0  # requests being decoded or waiting for their commit
        self._large_groups = False  # the last one was
        self._last_count = 0  # of requests in it
        self._timer: asyncio.TimerHandle | None = None  # ends the time in which others may join a group
        self._large = asyncio.Lock()  # decoding takes many times a body's size
        self._requests = StoredRequests(store, now=clock.now())
        self._resources = WrittenResources()
        self._under_way: dict[bytes, asyncio.Future[None]] = {}
        self._lock = threading.Lock()  # of the three below: the writer's thread takes from them
        self._gathered: list[_Waiting] = []
        self._resent_uncounted = 0
        self._queued = False  # a job that will take what is gathered waits for the writer

    async def receive(self, signal: Signal, body: bytes, parse: Callable[[bytes], Decoded]) -> Decoded:
        """Decodes a request and stores it; returns once it is durable.

        A request that was stored within the last `REMEMBER_REQUESTS_SECONDS`, or is under way on another
        connection, is not stored again.

        Args:
            signal: What the request carries.
            body: The request, decompressed.
            parse: Decodes the body; called in a thread.

        Returns:
            What was decoded; no rows for a request that was stored before.

        Raises:
            UsageError: The body cannot be decoded.
            OverloadedError: There is no room; nothing was stored.
            StorageError: Writing failed; nothing was stored.
        """
        RECEIVED_BYTES.add(len(body), signal.value)
        room = self._take_room(len(body))
        stored: asyncio.Future[None] | None = None
        try:
            async with self._large if len(body) >= LARGE_OTLP_BODY_BYTES else contextlib.nullcontext():
                digest, decoded = await asyncio.to_thread(self._decode, signal, body, parse)
            while (other := self._under_way.get(digest)) is not None:
                await asyncio.wait([other])
            if decoded is None or digest in self._requests:
                self._count_resent()
                return EMPTY
            stored = self._gather(Item(signal, decoded, digest))
            # The rows are written even if the client goes away meanwhile; they take their room till then.
            stored.add_done_callback(lambda _: self._give_back(room))
            with COMMIT_SECONDS.timed(signal.value):
                await asyncio.shield(stored)
            return decoded
        finally:
            if stored is None:
                self._give_back(room)

    async def store(self, signal: Signal, decoded: Decoded) -> None:
        """Stores what was decoded elsewhere; returns once it is durable.

        Raises:
            StorageError: Writing failed; nothing was stored.
        """
        await asyncio.shield(self._gather(Item(signal, decoded, None)))

    async def spans(self, decoded: Decoded) -> None:
        """Stores spans that were not received as one request."""
        await self.store(Signal.SPANS, decoded)

    async def points(self, decoded: Decoded) -> None:
        """Stores metric points that were not received as one request."""
        await self.store(Signal.POINTS, decoded)

    def statistics(self) -> IngestStatistics:
        """Counts since the start."""
        counts = self._counts
        return IngestStatistics(
            dict(counts.accepted),
            dict(counts.refused),
            counts.resent,
            counts.overloaded,
            self._bytes_in_flight,
        )

    def _take_room(self, size: int) -> int:
        cost = size + _REQUEST_COST_BYTES
        if self._bytes_in_flight + cost > MAX_OTLP_BYTES_IN_FLIGHT:
            self._counts.overloaded += 1
            raise OverloadedError(
                f"requests of {self._bytes_in_flight} bytes are under way,"
                f" the limit MAX_OTLP_BYTES_IN_FLIGHT is {MAX_OTLP_BYTES_IN_FLIGHT}",
                hint="retry later; the sender should back off",
            )
        self._bytes_in_flight += cost
        self._in_flight += 1
        return cost

    def _give_back(self, cost: int) -> None:
        self._bytes_in_flight -= cost
        self._in_flight -= 1

    def _decode(
        self, signal: Signal, body: bytes, parse: Callable[[bytes], Decoded]
    ) -> tuple[bytes, Decoded | None]:
        digest = request_digest(signal.value, body)
        if digest in self._requests:
            return digest, None
        try:
            with DECODE_SECONDS.timed(signal.value):
                return digest, parse(body)
        except MemoryError as error:
            raise OverloadedError(
                f"there is no memory to decode a request of {len(body)} bytes", hint="send smaller batches"
            ) from error

    def _gather(self, item: Item) -> asyncio.Future[None]:
        """Puts a request into the next group; the future ends with its commit."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._counts.refused[item.signal] += item.decoded.refused
        if item.decoded.rows.num_rows == 0:
            stored.set_result(None)
            return stored
        if item.digest is not None:
            self._under_way[item.digest] = stored
        with self._lock:
            self._gathered.append(_Waiting(item, stored))
        self._write_soon()
        return stored

    def _count_resent(self) -> None:
        self._counts.resent += 1
        with self._lock:
            self._resent_uncounted += 1
        self._write_soon()

    def _write_soon(self) -> None:
        """Queues a job that takes what is gathered when the writer gets to it."""
        with self._lock:
            if self._queued and self._timer is None:
                return
            self._queued = True
            complete = len(self._gathered) >= max(self._in_flight, self._last_count)
        if self._timer is None and self._large_groups and not complete:
            # Fewer, larger groups are what makes a high load cheap. Not waiting for more than came last time:
            # clients that wait for their acknowledgement would be waited for in vain.
            self._timer = asyncio.get_running_loop().call_later(_JOIN_SECONDS, self._write_joined)
        elif self._timer is None:
            self._submit(_GroupJob(self))
        elif complete:
            self._timer.cancel()
            self._write_joined()

    def _write_joined(self) -> None:
        self._timer = None
        self._submit(_GroupJob(self))

    def _submit(self, job: _GroupJob) -> None:
        loop = asyncio.get_running_loop()
        try:
            future = self._store.submit(job)
        except CoralError as error:
            self._take(job)
            self._settle(job, error)
            return
        future.add_done_callback(lambda done: loop.call_soon_threadsafe(self._finish, job, done))

    def _finish(self, job: _GroupJob, done: Future[None]) -> None:
        error = done.exception()
        if error is not None and not isinstance(error, StorageFullError) and len(job.taken) > 1:
            # One request must not fail its neighbours: each is tried alone.
            alone = job.taken
            job.taken = []
            self._settle(job, error)
            for waiting in alone:
                self._submit(_GroupJob(self, [waiting]))
            return
        self._settle(job, error)

    def _settle(self, job: _GroupJob, error: BaseException | None) -> None:
        """Tells those who wait; back in the event loop."""
        if error is None:
            self._last_count = len(job.taken)
            self._large_groups = sum(w.item.decoded.rows.num_rows for w in job.taken) >= MIN_DIRECT_ROWS
            self._resources.add(job.resources)
            self._requests.add([w.item.digest for w in job.taken if w.item.digest is not None])
        elif job.resent:
            with self._lock:
                self._resent_uncounted += job.resent
        for waiting in job.taken:
            item = waiting.item
            if item.digest is not None:
                self._under_way.pop(item.digest, None)
            if error is not None:
                waiting.stored.set_exception(error)
                waiting.stored.exception()  # nobody may be left to look at it
            else:
                self._counts.accepted[item.signal] += item.decoded.rows.num_rows
                waiting.stored.set_result(None)
        with self._lock:
            more = bool(self._gathered)
        if more:
            self._write_soon()

    def _take(self, job: _GroupJob) -> None:
        """Gives a job what is gathered, up to `MAX_GROUP_ROWS`."""
        with self._lock:
            self._queued = False
            rows = count = 0
            for waiting in self._gathered:
                rows += waiting.item.decoded.rows.num_rows
                if count and rows > MAX_GROUP_ROWS:
                    break
                count += 1
            job.taken, self._gathered = self._gathered[:count], self._gathered[count:]
            job.resent, self._resent_uncounted = self._resent_uncounted, 0

    def _write(self, job: _GroupJob, transaction: Transaction) -> None:
        now = self._clock.now()
        items = [waiting.item for waiting in job.taken]
        due = self._resources.due(resource for item in items for resource in item.decoded.resources)
        write_items(transaction, items, due.values(), agent_id=self._agent_id, now=now, resent=job.resent)
        self._requests.insert(transaction, [item.digest for item in items if item.digest is not None], now)
        self._requests.forget_old(transaction, now)
        job.resources = list(due)


class _GroupJob:
    """A job for the writer. It takes its requests when it first runs, and keeps them if it must run again."""

    def __init__(self, ingest: Ingest, taken: list[_Waiting] | None = None) -> None:
        self._ingest = ingest
        self._has_taken = taken is not None
        self.taken = taken or []
        self.resent = 0
        self.resources: list[bytes] = []

    def __call__(self, transaction: Transaction) -> None:
        if not self._has_taken:
            self._has_taken = True
            self._ingest._take(self)
        self._ingest._write(self, transaction)
