"""The native kernel: OTLP trace bytes to Arrow columns, by ctypes and the Arrow C data interface.

`coral.agent.native` loads the library. ctypes lets go of the GIL during the call, so
requests are decoded in parallel.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import pyarrow as pa

from coral.agent.decode.columns import SPAN_SCHEMA, Resource
from coral.agent.native import MALFORMED, OK, ArrowArray, native_library
from coral.limits import (
    MAX_ATTRIBUTE_DEPTH,
    MAX_ATTRIBUTE_LENGTH,
    MAX_ATTRIBUTES,
    MAX_FUTURE_SECONDS,
    MAX_ITEMS_PER_REQUEST,
    MAX_NAME_LENGTH,
    MAX_SPAN_EVENTS,
    MAX_SPAN_NAME_LENGTH,
)

_MAX_NS: Final = 2**63 - 1

Reason = Literal["resource", "too_many", "trace_id", "span_id", "start_time"]
_REASONS: Final[tuple[Reason, ...]] = (
    "resource",  # 0 is never asked for
    "resource",
    "resource",
    "too_many",
    "trace_id",
    "span_id",
    "start_time",
)
_RESOURCE_SCHEMA: Final = pa.schema(
    [(name, pa.string()) for name in ("service_name", "instance_id", "attributes")]
)


class _Limits(ctypes.Structure):
    """`coral_limits`."""

    _fields_ = (
        ("latest_ns", ctypes.c_int64),
        *(
            (name, ctypes.c_uint64)
            for name in (
                *("max_spans", "max_attributes", "max_text", "max_depth"),
                *("max_name", "max_span_name", "max_events"),
            )
        ),
    )


class _Decoded(ctypes.Structure):
    """`coral_decoded`."""

    _fields_ = (
        ("rows", ArrowArray),
        ("resources", ArrowArray),
        ("refused", ctypes.c_uint64),
        ("reason", ctypes.c_uint64),
        ("start_ns", ctypes.c_uint64),
        *(
            (name + part, kind)
            for name in ("name", "id", "service", "instance")
            for part, kind in (("", ctypes.c_void_p), ("_size", ctypes.c_uint64))
        ),
    )


@dataclass(frozen=True)
class RefusedSpan:
    """The first span that was refused: why, and what is needed to tell it."""

    reason: Reason
    name: str
    id: bytes
    start_ns: int
    service_name: str
    instance_id: str


@dataclass(frozen=True)
class KernelResult:
    """What the kernel found.

    Attributes:
        rows: The accepted spans in `SPAN_SCHEMA`.
        resources: Of each part of the request that has an accepted span.
        refused: Number of refused spans.
        first_refused: The first of them.
    """

    rows: pa.Table
    resources: list[Resource]
    refused: int
    first_refused: RefusedSpan | None


class TraceKernel:
    """The loaded library. Its methods may be called from several threads at once."""

    def __init__(self, library: ctypes.CDLL) -> None:
        """Binds the function of the library."""
        self._decode = library.coral_decode_traces
        self._decode.restype = ctypes.c_int
        self._decode.argtypes = (
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.POINTER(_Limits),
            ctypes.POINTER(_Decoded),
        )

    def decode(self, body: bytes, *, now_ns: int) -> KernelResult | None:
        """Decodes an `ExportTraceServiceRequest`; None when `body` is none.

        Args:
            body: The serialised message.
            now_ns: The time, in nanoseconds since 1970.

        Raises:
            MemoryError: There is no memory for the columns.
        """
        limits = _Limits(
            latest_ns=min(now_ns + MAX_FUTURE_SECONDS * 10**9, _MAX_NS),
            max_spans=MAX_ITEMS_PER_REQUEST,
            max_attributes=MAX_ATTRIBUTES,
            max_text=MAX_ATTRIBUTE_LENGTH,
            max_depth=MAX_ATTRIBUTE_DEPTH,
            max_name=MAX_NAME_LENGTH,
            max_span_name=MAX_SPAN_NAME_LENGTH,
            max_events=MAX_SPAN_EVENTS,
        )
        found = _Decoded()
        answer = self._decode(body, len(body), limits, found)
        if answer == MALFORMED:
            return None
        if answer != OK:
            raise MemoryError(f"the native kernel has no memory for a request of {len(body)} bytes")
        # Both take over what the kernel made and free it when the last view of it is gone.
        rows = pa.RecordBatch._import_from_c(ctypes.addressof(found.rows), SPAN_SCHEMA)
        resources = pa.RecordBatch._import_from_c(ctypes.addressof(found.resources), _RESOURCE_SCHEMA)
        return KernelResult(
            pa.Table.from_batches([rows]),
            [
                Resource(*row)
                for row in zip(*(column.to_pylist() for column in resources.columns), strict=True)
            ],
            found.refused,
            _first_refused(found) if found.refused else None,
        )


def _first_refused(found: _Decoded) -> RefusedSpan:
    # The addresses lie in the body, which the caller still holds.
    def part(name: str) -> bytes:
        address, size = getattr(found, name), getattr(found, f"{name}_size")
        return ctypes.string_at(address, size) if size else b""

    return RefusedSpan(
        _REASONS[found.reason],
        part("name").decode(),
        part("id"),
        found.start_ns,
        part("service").decode(),
        part("instance").decode(),
    )


@cache
def trace_kernel() -> TraceKernel | None:
    """The kernel, or None where the library path is to be taken."""
    library = native_library()
    return None if library is None else TraceKernel(library)
