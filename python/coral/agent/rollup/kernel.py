"""The native kernel's part in a rollup: sums of spans in memory.

Where the library is not there (`coral.agent.native`), `rollup_kernel` answers None and SQL does the same,
ten times slower.
"""

from __future__ import annotations

import contextlib
import ctypes
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import pyarrow as pa

from coral.agent.native import MALFORMED, OK, ArrowArray, native_library
from coral.wire.batches import BATCH_TABLES

_WORDS: Final = pa.dictionary(pa.int32(), pa.string())
_FEW_WORDS: Final = pa.dictionary(pa.int8(), pa.string())
LONG_COLUMNS: Final = ("attributes", "events", "links")
"""Columns of spans whose texts may be long: each is sent up to a limit."""

_INPUT: Final = pa.schema(
    [
        *((name, pa.string()) for name in ("trace_id", "span_id", "parent_span_id", "span_name")),
        *((name, _WORDS) for name in ("service_name", "kind", "status_code")),
        ("start_time", pa.timestamp("us")),
        ("duration_ns", pa.int64()),
        *((name, pa.string()) for name in LONG_COLUMNS),
    ]
)
_SUMMED: Final = pa.schema(
    [
        ("trace_id", pa.binary(16)),
        ("span_id", pa.binary(8)),
        *((name, _WORDS) for name in ("service_name", "span_name")),
        *((name, _FEW_WORDS) for name in ("kind", "status_code")),
        ("start_time", pa.timestamp("us")),
        ("duration_ns", pa.int64()),
    ]
)
NARROW: Final = pa.schema([*_SUMMED, ("is_root", pa.int8()), ("size", pa.int32())])
"""What the kernel keeps of spans: 55 bytes of each."""

_SLOWEST: Final = pa.schema(
    [
        ("service_name", pa.string()),
        ("trace_id", pa.string()),
        ("duration_ns", pa.int64()),
        ("failed", pa.int8()),
    ]
)
_Arrays = ctypes.POINTER(ctypes.POINTER(ArrowArray))
_RELEASE: Final = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class _RolledUp(ctypes.Structure):
    """`coral_rolled_up`."""

    _fields_ = (("rows", ArrowArray), ("slowest", ArrowArray))


@dataclass(frozen=True, eq=False)
class Sums:
    """What the kernel makes of spans.

    Attributes:
        rows: Deltas per minute, service, operation and kind, as the table `rollups`, sorted by them.
        slowest: The slowest spans of each service, then its failed ones, each slowest first:
            `service_name`, `trace_id`, `duration_ns`, `failed` (1 or 0).
    """

    rows: pa.Table
    slowest: pa.Table


class RollupKernel:
    """The functions of the library. They may be called from several threads at once."""

    def __init__(self, library: ctypes.CDLL) -> None:
        """Binds them."""
        # Clients choose names and ids: hashes that they could know would let them choose the slowest.
        self._seed = secrets.randbits(64)
        self._narrow = library.coral_narrow
        self._narrow.restype = ctypes.c_int
        self._narrow.argtypes = (
            *(ctypes.POINTER(ArrowArray), ctypes.c_uint64, ctypes.c_uint64),
            ctypes.POINTER(ArrowArray),
        )
        self._roll_up = library.coral_roll_up
        self._roll_up.restype = ctypes.c_int
        self._roll_up.argtypes = (
            *(_Arrays, ctypes.c_size_t, ctypes.c_uint64, ctypes.c_uint64),
            ctypes.POINTER(_RolledUp),
        )

    def narrow(self, rows: pa.Table, *, longest: int) -> pa.Table:
        """What is kept of spans for `roll_up`, in memory of its own.

        Args:
            rows: Spans, in one chunk.
            longest: Bytes of attributes, events and links, each, that count for `size`.

        Returns:
            Each of them, as `NARROW`.

        Raises:
            ValueError: The rows are no spans as the kernel decodes them.
            MemoryError: There is no memory.
        """
        if not rows.num_rows:
            return NARROW.empty_table()
        columns = rows.select(_INPUT.names)
        (batch,) = columns.to_batches()
        found = ArrowArray()
        with _exported([batch]) as (arrays, _):
            known = columns.schema.equals(_INPUT)
            answer = self._narrow(arrays[0], self._seed, longest, found) if known else MALFORMED
        _check(answer, rows)
        return _imported(found, NARROW)

    def roll_up(self, spans: pa.Table, *, per_service: int) -> Sums:
        """Adds up spans.

        Args:
            spans: What `narrow` made of them.
            per_service: How many of the slowest, and of the slowest failed spans of each service are wanted.

        Raises:
            ValueError: The spans are not what `narrow` makes.
            MemoryError: There is no memory for the sums.
        """
        columns = spans.select(_SUMMED.names)
        found = _RolledUp()
        with _exported(columns.to_batches()) as (arrays, count):
            known = columns.schema.equals(_SUMMED)
            answer = self._roll_up(arrays, count, self._seed, per_service, found) if known else MALFORMED
        _check(answer, spans)
        return Sums(
            _imported(found.rows, BATCH_TABLES["rollups"]),
            _imported(found.slowest, _SLOWEST),
        )


def _check(answer: int, spans: pa.Table) -> None:
    if answer == MALFORMED:
        columns = ", ".join(f"{field.name} {field.type}" for field in spans.schema)
        raise ValueError(f"the native kernel does not know spans like these: {columns}")
    if answer != OK:
        raise MemoryError(f"the native kernel has no memory for {spans.num_rows} spans")


@contextlib.contextmanager
def _exported(arrays: Sequence[pa.RecordBatch]) -> Iterator[tuple[Any, int]]:
    """Pointers to what Arrow exports of arrays, until the block ends."""
    exported = [ArrowArray() for _ in arrays]
    try:
        for array, place in zip(arrays, exported, strict=True):
            array._export_to_c(ctypes.addressof(place))
        pointers = (ctypes.POINTER(ArrowArray) * max(1, len(exported)))(*map(ctypes.pointer, exported))
        yield pointers, len(exported)
    finally:
        for place in exported:
            if place.release:
                _RELEASE(place.release)(ctypes.addressof(place))


def _imported(array: ArrowArray, schema: pa.Schema) -> pa.Table:
    """A struct array of the kernel, which frees it when the last view of it is gone."""
    return pa.Table.from_batches([pa.RecordBatch._import_from_c(ctypes.addressof(array), schema)])


@cache
def rollup_kernel() -> RollupKernel | None:
    """The kernel, or None where the library path is to be taken."""
    library = native_library()
    return None if library is None else RollupKernel(library)
