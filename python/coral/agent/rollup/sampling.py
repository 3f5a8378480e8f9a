"""Samples of traces by their id, thinned by powers of two when there is much.

A trace is in the sample of thinning k when the last k bits of its id are zero. So all agents choose the
same traces, a sample contains every thinner one, and each trace stands for 2^k.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

_LONGEST_SECONDS: Final = 60.0


class Budget:
    """How many rows may be taken now: so many per second, and up to a burst of them saved."""

    def __init__(self, per_second: float, *, burst: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._left = burst
        self._filled_at: datetime | None = None

    def available(self, now: datetime) -> int:
        """What may be taken at this time; at least 1, so that rare things are seen now and then."""
        if self._filled_at is not None:
            # A clock that was set gives nothing back, and nothing for free.
            elapsed = min(max(0.0, (now - self._filled_at).total_seconds()), _LONGEST_SECONDS)
            self._left = min(self._burst, self._left + elapsed * self._per_second)
        self._filled_at = now
        return max(1, int(self._left))

    def spend(self, count: int) -> None:
        """Takes some; more than there is makes later ones wait longer, by at most a burst."""
        self._left = max(-self._burst, self._left - count)


def thinning(rows: int, wanted: int) -> int:
    """The k by which about `wanted` of `rows` rows are taken."""
    return max(0, math.ceil(math.log2(max(rows, 1) / max(wanted, 1))))


def in_sample(k: int, column: str = "trace_id") -> str:
    """A SQL condition that holds for traces (32 lower-case hex digits) in the sample of thinning k."""
    digits, bits = divmod(k, 4)
    zeros = min(digits, 31)
    conditions = [f"ends_with({column}, '{'0' * zeros}')"] if zeros else []
    if bits:
        allowed = ", ".join(f"'{value:x}'" for value in range(0, 16, 2**bits))
        conditions.append(f"substring({column}, {32 - zeros}, 1) IN ({allowed})")
    return " AND ".join(conditions) or "true"


def sample_mask(trace_ids: pa.ChunkedArray, k: int) -> pa.ChunkedArray:
    """Which of trace ids are in the sample of thinning k: what `in_sample` tells, of a column in memory.

    Args:
        trace_ids: Hexadecimal texts, or 16 bytes each.
        k: The thinning.
    """
    if pa.types.is_fixed_size_binary(trace_ids.type):
        zeros, bits = divmod(k, 8)
        tails = [bytes((value, *bytes(zeros))) for value in range(0, 256, 2**bits)]
        return pc.is_in(pc.binary_slice(trace_ids, 15 - zeros, 16), pa.array(tails, pa.binary(zeros + 1)))
    zeros, bits = divmod(k, 4)
    zeros = min(zeros, 31)
    digits = [f"{value:x}{'0' * zeros}" for value in range(0, 16, 2**bits)]
    return pc.is_in(
        pc.binary_slice(pc.cast(trace_ids, pa.binary()), 31 - zeros, 32), pa.array(digits, pa.binary())
    )
