"""Which small segments are merged next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from coral.store.api import Segment

MERGE_FAN_IN: Final = 8
_MOST_MERGED: Final = 256  # files: under load there are many new ones a second, and each row is merged once
_SIZE_CLASSES: Final = (10_000, 100_000)
_MAX_MERGED_ROWS: Final = 1_000_000  # sorting them has to fit into the database's memory and spill limit
_MAX_MERGED_BYTES: Final = 128 * 1024 * 1024


def mergeable(segments: Sequence[Segment], *, window: timedelta, now: datetime) -> list[Segment]:
    """The first run of neighbours to merge; empty when none is worth it.

    Only segments that arrived in the same window of time are merged, so that data do not live on
    because newer ones share their file. Within the current window runs of `MERGE_FAN_IN` below a size
    class are; what is left of a window that is over is merged as far as size allows.
    """
    epoch = datetime(1970, 1, 1)
    for number, group in groupby(segments, key=lambda segment: (segment.created_at - epoch) // window):
        members = list(group)
        if number < (now - epoch) // window:
            run = _run(members, below=_MAX_MERGED_ROWS, least=2)
            if run:
                return run
            continue
        for size in _SIZE_CLASSES:
            run = _run(members, below=size, least=MERGE_FAN_IN)
            if run:
                return run
    return []


def _run(segments: Sequence[Segment], *, below: int, least: int) -> list[Segment]:
    """The first `least` to `_MOST_MERGED` neighbours of less than `below` rows each, and not too much."""
    run: list[Segment] = []
    for segment in segments:
        if segment.row_count >= below or _too_much([*run, segment]):
            if len(run) >= least:
                return run
            run = []
        if segment.row_count < below:
            run.append(segment)
        if len(run) == _MOST_MERGED:
            return run
    return run if len(run) >= least else []


def _too_much(run: Sequence[Segment]) -> bool:
    rows, size = sum(s.row_count for s in run), sum(s.size_bytes for s in run)
    return len(run) > 1 and (rows > _MAX_MERGED_ROWS or size > _MAX_MERGED_BYTES)
