"""How summaries age on a colony: minutes, then 15 minutes, hours, days; and how they are kept compact.

Every round merges young segments (the deltas of all agents for one minute become one row), moves what is
older than its tier's age into the next tier by adding histograms, and drops what is older than the last.
Each step replaces whole segments in one transaction, so a crash never loses or doubles a row, and works
on a bounded piece. Late rows for an old minute are merged by a later round; until then a bucket may
have several rows, which every reader adds up anyway.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from coral.clock import Clock
from coral.errors import UsageError
from coral.limits import MAX_TIER_ROWS
from coral.store.api import Segment, SegmentEditor, Store
from coral.store.duckdb.compaction import MINUTE, Merge, mergeable_tables, write_merged
from coral.store.duckdb.retention import SteadyClock
from coral.store.duckdb.segments import quoted
from coral.store.duckdb.tables import ROLLUPS, ROLLUPS_1D, ROLLUPS_1H, ROLLUPS_15M, SegmentedTable

_log = logging.getLogger(__name__)
_EPOCH: Final = datetime(1970, 1, 1)
_PARTS: Final = 8  # of an age: what arrived within one is merged together, and waits at most that long
_FAN_IN: Final = 8
_SIZE_CLASSES: Final = (10_000, 100_000, 500_000)
_UNMERGED_WINDOW: Final = timedelta(hours=6)  # of tables that have no tiers
_STEPS_PER_ROUND: Final = 200
_LEFT_SECONDS: Final = 1800.0

DEFAULT_AGES: Final[Mapping[str, timedelta]] = {
    ROLLUPS.name: timedelta(days=7),
    ROLLUPS_15M.name: timedelta(days=30),
    ROLLUPS_1H.name: timedelta(days=90),
    ROLLUPS_1D.name: timedelta(days=365),
}
"""Age of a bucket at which it goes into the next tier, or, from the last, away."""


@dataclass(frozen=True)
class Tier:
    """One tier of the rollups.

    Attributes:
        table: Its segments' table.
        width: The length of its buckets.
        age: Age at which a bucket leaves it.
    """

    table: SegmentedTable
    width: timedelta
    age: timedelta

    @property
    def interval(self) -> str:
        """The width as SQL writes it."""
        return f"{self.width // timedelta(minutes=1)} minutes"


def rollup_tiers(ages: Mapping[str, timedelta]) -> tuple[Tier, ...]:
    """The tiers, finest first.

    Args:
        ages: Ages by table, where they differ from `DEFAULT_AGES`.

    Raises:
        UsageError: A coarser tier is left at a lower age than a finer one.
    """
    known = {**DEFAULT_AGES, **{name: age for name, age in ages.items() if name in DEFAULT_AGES}}
    tables = (ROLLUPS, ROLLUPS_15M, ROLLUPS_1H, ROLLUPS_1D)
    tiers = tuple(Tier(table, table.width, known[table.name]) for table in tables)
    for finer, coarser in pairwise(tiers):
        if coarser.age < finer.age and coarser.table.name in ages:
            raise UsageError(
                f"{coarser.table.name} are kept for {coarser.age}, {finer.table.name} for {finer.age}",
                hint=f"keep {coarser.table.name} at least as long",
            )
    return tiers


class Tiers:
    """Keeps the segments of a colony's store compact and ages them. `run` blocks: call it from a thread."""

    def __init__(
        self,
        store: Store,
        tiers: Sequence[Tier],
        *,
        scratch: Path,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
        moved: Callable[[datetime], None] = lambda before: None,
        merge: Callable[[Sequence[Segment], Merge, Path], int] | None = None,
    ) -> None:
        """Binds the job.

        Args:
            store: The colony's store.
            tiers: From `rollup_tiers`.
            scratch: A folder for files in the making; emptied here.
            clock: The time; when it jumps, nothing ages until it has run evenly for a while.
            monotonic: Seconds that never jump.
            moved: Told, from the job's thread, the time before which there may be no single minutes.
            merge: Calls `write_merged`, where that should be done by another thread.
        """
        self._store = store
        self._tiers = tiers
        self._scratch = scratch
        self._clock = clock
        self._steady = SteadyClock(clock, monotonic=monotonic)
        self._moved = moved
        self._merge = merge
        self._stopped = threading.Event()
        self._left: dict[Path, float] = {}  # until when a segment is left alone, monotonic seconds
        self._monotonic = monotonic
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True, exist_ok=True)

    def stop(self) -> None:
        """Makes a round under way end after its present step."""
        self._stopped.set()

    def run(self) -> int:
        """Does what is due now; answers the number of steps made.

        Raises:
            CoralError: A step failed and changed nothing; the next round tries again.
        """
        steps = 0
        while steps < _STEPS_PER_ROUND and not self._stopped.is_set() and self._step():
            steps += 1
        return steps

    def _step(self) -> bool:
        """One replacement, or an attempt; False when none is due."""
        now = self._steady.now()
        ticks = self._monotonic()
        self._left = {path: until for path, until in self._left.items() if ticks < until}
        segments = [segment for segment in self._store.segments() if segment.path not in self._left]
        for table in mergeable_tables():
            if run := self._compactable(segments, table):
                return self._replace(run, [(table, Merge(table))])
        for tier in self._tiers[1:]:
            if run := self._compactable(segments, tier.table.name):
                return self._replace(run, [(tier.table.name, Merge(ROLLUPS.name, tier.interval))])
        return now is not None and self._age(segments, now)

    def _age(self, segments: Sequence[Segment], now: datetime) -> bool:
        """Moves one piece of the first tier that has something too old."""
        followers: list[Tier | None] = [*self._tiers[1:], None]
        for tier, following in zip(self._tiers, followers, strict=True):
            cutoff = _floor(now - tier.age, (following or tier).width)
            old = [
                segment
                for segment in segments
                if segment.table == tier.table.name
                and (segment.max_time < cutoff or segment.min_time < cutoff - tier.age / _PARTS)
            ]
            if not old:
                continue
            piece = _bounded(sorted(old, key=lambda segment: segment.min_time))
            if tier is self._tiers[0]:
                self._moved(cutoff)
            literal = f"TIMESTAMP '{cutoff.isoformat(sep=' ')}'"
            merges = [(tier.table.name, Merge(ROLLUPS.name, tier.interval, f"bucket_time >= {literal}"))]
            if following is not None:
                older = Merge(ROLLUPS.name, following.interval, f"bucket_time < {literal}")
                merges.append((following.table.name, older))
            return self._replace(piece, merges)
        return False

    def _replace(self, old: Sequence[Segment], merges: Sequence[tuple[str, Merge]]) -> bool:
        """Replaces segments by their merged rows; False when they are no longer the listed ones."""
        files: list[Path] = []
        new: list[tuple[str, str]] = []
        try:
            for table, merge in merges:
                path = self._scratch / f"{table}-{uuid.uuid4().hex}.parquet"
                files.append(path)
                if (self._merge or write_merged)(old, merge, path):
                    new.append((table, f"SELECT * FROM read_parquet({quoted(path)})"))
            return self._store.maintain(lambda editor: _swap(editor, old, new))
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            # Perhaps a segment went meanwhile (given up for lack of room), one is damaged, or the disk is
            # full: the rest goes on without them, and they are tried again some time.
            _log.warning("merging %d segments of %s failed: %s", len(old), old[0].table, error)
            until = self._monotonic() + _LEFT_SECONDS
            self._left |= {segment.path: until for segment in old}
            return True
        finally:
            for path in files:
                path.unlink(missing_ok=True)

    def _compactable(self, segments: Sequence[Segment], table: str) -> list[Segment]:
        """The next neighbours of a table to merge; empty when none is worth it.

        Only what arrived in the same part of the tier's age is merged, so that a segment leaves its tier
        as a whole some time.
        """
        ages = {tier.table.name: tier.age for tier in self._tiers}
        window = ages[table] / _PARTS if table in ages else _UNMERGED_WINDOW
        mine = [segment for segment in segments if segment.table == table]
        current = (self._clock.now() - _EPOCH) // window
        for number, group in groupby(mine, key=lambda segment: (segment.created_at - _EPOCH) // window):
            members = list(group)
            for limit in _SIZE_CLASSES:
                small: list[Segment] = []
                for segment in members:
                    small = [*small, segment] if segment.row_count < limit else []
                    if len(small) == _FAN_IN:
                        return _bounded(small)
            over = [segment for segment in members if segment.row_count < _SIZE_CLASSES[-1]]
            if number < current and len(over) > 1:
                return _bounded(over)
        return []


def _swap(editor: SegmentEditor, old: Sequence[Segment], new: Sequence[tuple[str, str]]) -> bool:
    listed = {segment.path for segment in editor.segments()}
    if not all(segment.path in listed for segment in old):
        return False
    editor.replace(old, new)
    return True


def _bounded(segments: Sequence[Segment]) -> list[Segment]:
    """The first segments that together have at most `MAX_TIER_ROWS` rows, or the first alone."""
    taken: list[Segment] = []
    rows = 0
    for segment in segments:
        if taken and rows + segment.row_count > MAX_TIER_ROWS:
            break
        taken.append(segment)
        rows += segment.row_count
    return taken


def _floor(time_: datetime, width: timedelta) -> datetime:
    return time_ - (time_ - _EPOCH) % width


__all__ = ("DEFAULT_AGES", "MINUTE", "Tier", "Tiers", "rollup_tiers")
