"""The newest directly written rows, still in memory: who needs them soon need not read the files."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

import pyarrow as pa

from coral.limits import RECENT_ROWS_BYTES, RECENT_WHOLE_ROWS_BYTES
from coral.store.duckdb.footer import sequence_of

_MOST_THINNING: Final = 30
"""What is in a thinner sample than this is not kept at all."""


@dataclass(frozen=True, eq=False)
class Kept:
    """What is in memory of one file.

    Attributes:
        rows: Every row, in the columns that somebody needs of every row.
        whole: A sample of the rows in all columns.
        thinning: Of that sample.
        likely: Others in all columns that somebody probably wants.
    """

    rows: pa.Table
    whole: pa.Table
    thinning: int
    likely: pa.Table


class Reduction(Protocol):
    """What is kept of rows. Neither result may hold on to the memory of what is not kept."""

    def narrowed(self, rows: pa.Table) -> pa.Table:
        """Every row, in some columns."""

    def sample(self, rows: pa.Table, thinning: int) -> pa.Table:
        """Some rows, in all columns: all for the thinning 0, about half as many with every further one.

        A sample contains every thinner one.
        """

    def likely(self, rows: pa.Table, narrowed: pa.Table) -> pa.Table:
        """A few rows, in all columns, that somebody probably wants whole.

        Args:
            rows: All rows.
            narrowed: What `narrowed` made of them.
        """


class RecentRows:
    """Rows by file, bounded in bytes. Any thread.

    When there is no room, the oldest that were taken (`taken`) go first. If none of them is left, new ones
    are not kept: who takes rows comes to the oldest first, and would find none of them any more. The samples
    are thinned. Without a reduction nothing is kept.
    """

    def __init__(
        self, max_bytes: int = RECENT_ROWS_BYTES, max_whole_bytes: int = RECENT_WHOLE_ROWS_BYTES
    ) -> None:
        self._max_bytes = max_bytes
        self._max_whole_bytes = max_whole_bytes
        self._lock = threading.Lock()
        self._kept: dict[Path, Kept] = {}
        self._bytes = 0
        self._whole_bytes = 0
        self._thinning = 0
        self._taken_seq = 0
        self._reduction: Reduction | None = None

    def keep(self, reduction: Reduction) -> None:
        """Keeps what a reduction makes of rows, from now on."""
        self._reduction = reduction

    def relax(self, thinning: int) -> None:
        """Takes more of the rows to come into their samples, when fewer come in than before."""
        with self._lock:
            size = sum(kept.whole.nbytes for path, kept in self._kept.items() if not self._is_taken(path))
            while self._thinning > thinning and 2 * size <= self._max_whole_bytes:
                size *= 2
                self._thinning -= 1

    def taken(self, upto_seq: int) -> None:
        """Notes that rows up to a sequence were taken: whoever needs them now is served by luck."""
        self._taken_seq = upto_seq

    def add(self, path: Path, rows: pa.Table) -> None:
        """Keeps rows of a file."""
        reduction = self._reduction
        if reduction is None:
            return
        narrowed = reduction.narrowed(rows)
        likely = reduction.likely(rows, narrowed)
        size = rows.nbytes
        with self._lock:
            # A sample that would soon be thinned again is not copied first.
            while self._thinning < _MOST_THINNING and size >> self._thinning > self._max_whole_bytes // 8:
                self._thinning += 1
            kept = Kept(narrowed, reduction.sample(rows, self._thinning), self._thinning, likely)
            self._kept[path] = kept
            self._bytes += kept.rows.nbytes + likely.nbytes
            self._whole_bytes += kept.whole.nbytes
            while self._bytes > self._max_bytes:
                oldest = next(iter(self._kept))
                gone = self._kept.pop(oldest if self._is_taken(oldest) else path)
                self._bytes -= gone.rows.nbytes + gone.likely.nbytes
                self._whole_bytes -= gone.whole.nbytes
            self._bound_whole(reduction)

    def _bound_whole(self, reduction: Reduction) -> None:
        for path, kept in self._kept.items():
            if self._whole_bytes <= self._max_whole_bytes or not self._is_taken(path):
                break
            if kept.whole.num_rows:
                self._replace_whole(path, kept.whole.schema.empty_table(), kept.thinning)
        while self._whole_bytes > self._max_whole_bytes:
            # A client chooses trace ids, and can choose ones that are in every sample.
            last = self._thinning == _MOST_THINNING
            self._thinning = min(self._thinning + 1, _MOST_THINNING)
            for path, kept in self._kept.items():
                if last or kept.thinning < self._thinning:
                    whole = kept.whole.schema.empty_table() if last else kept.whole
                    self._replace_whole(path, reduction.sample(whole, self._thinning), self._thinning)
            if last:
                break

    def _replace_whole(self, path: Path, whole: pa.Table, thinning: int) -> None:
        kept = self._kept[path]
        self._whole_bytes += whole.nbytes - kept.whole.nbytes
        self._kept[path] = replace(kept, whole=whole, thinning=thinning)

    def _is_taken(self, path: Path) -> bool:
        return (sequence_of(path) or 0) <= self._taken_seq

    def get(self, path: Path) -> Kept | None:
        """What is kept of a file, or None when it is gone."""
        return self._kept.get(path)

    def newest(self, *, upto_seq: int, most_rows: int) -> list[Kept]:
        """What is kept of the newest files up to a sequence, of at most so many rows; newest first."""
        with self._lock:
            newest_first = list(reversed(self._kept.items()))
        found: list[Kept] = []
        count = 0
        for path, kept in newest_first:
            if (sequence_of(path) or 0) > upto_seq:
                continue
            count += kept.rows.num_rows
            if count > most_rows:
                break
            found.append(kept)
        return found
