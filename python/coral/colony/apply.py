"""Batches of all agents into the store: many at a time, each exactly once.

Batches that arrive within a moment share one transaction: one Arrow table and one INSERT per table
name, whatever the number of agents. Each batch counts once by (agent, epoch, sequence), and is
acknowledged after the commit. The queue is bounded in bytes: a stream whose batch finds it full waits,
and reads nothing further meanwhile.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import duckdb
import pyarrow as pa

from coral.colony.applied import AppliedSequences, Source
from coral.errors import CoralError
from coral.limits import MAX_APPLY_GROUP_BYTES, MAX_APPLY_QUEUE_BYTES
from coral.store.api import Store, Transaction
from coral.store.duckdb.rows import insert_rows

Tables = Mapping[str, pa.Table]
"""Rows by name of table."""

_LINGER_PER_STREAM: Final = 0.0005
_LINGER_MOST: Final = 0.4
"""Seconds. A commit costs some 20 ms whatever is in it, so the more agents there are, the longer a commit
waits for company; one agent alone does not notice."""
_OVERHEAD_BYTES: Final = 4096  # of a batch, however few rows it has


@dataclass
class ReceivedBatch:
    """A batch on its way into the store.

    Attributes:
        source: Whose it is.
        sequence: Its position in the outbox.
        tables: Its rows.
        settled: Called once, in the event loop: with None when it is durable, else with the reason.
    """

    source: Source
    sequence: int
    tables: Tables
    settled: Callable[[Exception | None], None]
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.size_bytes = _OVERHEAD_BYTES + sum(rows.get_total_buffer_size() for rows in self.tables.values())


@dataclass(frozen=True)
class ApplyStatistics:
    """What was applied since the start, and what waits now.

    Attributes:
        batches: Batches applied.
        duplicates: Batches that had been applied before.
        refused: Times that a batch could not be read or applied; its agent sends it again.
        commits: Transactions that held them.
        queued_batches: Batches that wait.
        queued_bytes: Their size in memory.
    """

    batches: int
    duplicates: int
    refused: int
    commits: int
    queued_batches: int
    queued_bytes: int


async def nobody(tables: Tables) -> None:
    """Nobody else wants to know of a commit."""


class Applier:
    """Applies batches. Used from one event loop; `run` is a task that must be running."""

    def __init__(
        self,
        store: Store,
        *,
        streams: Callable[[], int],
        committed: Callable[[Tables], Awaitable[None]] = nobody,
    ) -> None:
        """Reads how far the agents have come; blocking.

        Args:
            store: Where the rows go.
            streams: How many streams there are now.
            committed: Told the rows of each commit before any batch of it is acknowledged.
        """
        self._store = store
        self._streams = streams
        self._committed = committed
        self._sequences = AppliedSequences(store)
        self._queue: deque[ReceivedBatch] = deque()
        self._queued_bytes = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._counts = {"batches": 0, "duplicates": 0, "refused": 0, "commits": 0}

    def last_sequence(self, source: Source) -> int:
        """The highest sequence that is applied of a source."""
        return self._sequences.last(source)

    async def put(self, batch: ReceivedBatch) -> None:
        """Queues a batch; returns when the queue has room again, which is not yet its commit."""
        self._queue.append(batch)
        self._queued_bytes += batch.size_bytes
        self._arrived.set()
        if self._queued_bytes > MAX_APPLY_QUEUE_BYTES:
            self._room.clear()
        await self._room.wait()

    def count_refused(self) -> None:
        """Counts a batch that could not be read, so that it never came here."""
        self._counts["refused"] += 1

    def statistics(self) -> ApplyStatistics:
        """Figures as of now."""
        return ApplyStatistics(
            self._counts["batches"],
            self._counts["duplicates"],
            self._counts["refused"],
            self._counts["commits"],
            len(self._queue),
            self._queued_bytes,
        )

    async def run(self) -> None:
        """Commits what is queued, until cancelled."""
        while True:
            await self._arrived.wait()
            await asyncio.sleep(min(_LINGER_MOST, self._streams() * _LINGER_PER_STREAM))
            await self._settle(self._take())

    def _take(self) -> list[ReceivedBatch]:
        taken: list[ReceivedBatch] = []
        size = 0
        while self._queue and (not taken or size + self._queue[0].size_bytes <= MAX_APPLY_GROUP_BYTES):
            taken.append(self._queue.popleft())
            size += taken[-1].size_bytes
        self._queued_bytes -= size
        self._after_taking()
        return taken

    def _after_taking(self) -> None:
        if self._queued_bytes <= MAX_APPLY_QUEUE_BYTES // 2:
            self._room.set()
        if not self._queue:
            self._arrived.clear()

    async def _settle(self, group: Sequence[ReceivedBatch]) -> None:
        """Commits a group, or its batches one by one where rows of one of them spoil it."""
        try:
            await self._commit(group)
        except CoralError as error:
            if len(group) == 1 or not _blames_rows(error):
                for batch in group:
                    self._refuse(batch, error)
                return
        else:
            for batch in group:
                batch.settled(None)
            return
        refused: dict[Source, CoralError] = {}
        for batch in group:
            if (reason := refused.get(batch.source)) is None:
                try:
                    await self._commit([batch])
                except CoralError as error:
                    refused[batch.source] = reason = error
            if reason is None:
                batch.settled(None)
            else:
                self._refuse(batch, reason)

    def _refuse(self, batch: ReceivedBatch, reason: Exception) -> None:
        """Refuses a batch, and those of its outbox that wait here.

        What follows a refused batch must not be applied before it: the agent would be told that the
        colony has everything up to there, and would not send the refused one again.
        """
        self._counts["refused"] += 1
        batch.settled(reason)
        following = [later for later in self._queue if later.source == batch.source]
        if following:
            self._queue = deque(later for later in self._queue if later.source != batch.source)
            self._queued_bytes -= sum(later.size_bytes for later in following)
            for later in following:
                later.settled(reason)
            self._after_taking()

    async def _commit(self, group: Sequence[ReceivedBatch]) -> None:
        reached: dict[Source, int] = {}
        fresh: list[ReceivedBatch] = []
        for batch in group:
            if batch.sequence > reached.get(batch.source, self._sequences.last(batch.source)):
                reached[batch.source] = batch.sequence
                fresh.append(batch)
        self._counts["duplicates"] += len(group) - len(fresh)
        if not fresh:
            return
        tables = _joined(fresh)

        def write(transaction: Transaction) -> None:
            for name, rows in tables.items():
                insert_rows(transaction, name, rows)
            self._sequences.write(transaction, reached)

        # Shielded: a write under way goes on when its task is cancelled.
        await asyncio.shield(asyncio.wrap_future(self._store.submit(write)))
        self._sequences.committed(reached)
        self._counts["batches"] += len(fresh)
        self._counts["commits"] += 1
        await self._committed(tables)


def _joined(batches: Sequence[ReceivedBatch]) -> dict[str, pa.Table]:
    """The rows of all batches by table, with their agents' ids."""
    parts: dict[str, list[pa.Table]] = {}
    owners: dict[str, list[int]] = {}
    for number, batch in enumerate(batches):
        for name, rows in batch.tables.items():
            if rows.num_rows:
                parts.setdefault(name, []).append(rows)
                owners.setdefault(name, []).extend([number] * rows.num_rows)
    agents = pa.array([batch.source[0] for batch in batches], pa.string())
    return {
        name: pa.concat_tables(rows)
        .combine_chunks()
        .append_column("agent_id", agents.take(pa.array(owners[name], pa.int32())))
        for name, rows in parts.items()
    }


def _blames_rows(error: CoralError) -> bool:
    """Whether a failed write is about the rows, and not about the disk or the database."""
    kinds = (duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError, duckdb.NotSupportedError)
    return isinstance(error.__cause__, kinds)
