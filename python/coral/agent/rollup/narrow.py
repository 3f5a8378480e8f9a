"""What of the newest spans is kept in memory for the next rollup.

Of every span the columns that are added up or compared, a tenth of its size (a fifth without the native
kernel); as they are, the spans of a sample of traces (see `sampling.py`), and those of traces that are slow
or failed enough to be sent. A rollup can so take many spans at once, which makes it cheap, and seldom reads
files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from coral.agent.rollup.kernel import LONG_COLUMNS, RollupKernel
from coral.agent.rollup.sampling import sample_mask
from coral.limits import EXEMPLAR_ATTRIBUTES_BYTES, EXEMPLAR_TRACES_PER_SERVICE

_COLUMNS: Final = (
    *("trace_id", "span_id", "service_name", "span_name", "kind", "start_time", "duration_ns", "status_code"),
    "ingest_seq",
)
_MOST_LIKELY: Final = 2_000  # rows of one file
_NEVER: Final = 2**63 - 1
_SEQUENCES: Final = pa.dictionary(pa.int8(), pa.int64())  # one word: a file is of one transaction

NARROW_SQL: Final = (
    f"{', '.join(_COLUMNS)}, parent_span_id = '' AS is_root, CAST("
    + " + ".join(f"least(coalesce(strlen({name}), 0), {EXEMPLAR_ATTRIBUTES_BYTES})" for name in LONG_COLUMNS)
    + " AS INTEGER) AS size"
)
"""What is kept of every span, as SQL over all columns. `size` is what the span would take of a batch."""


class Narrowing:
    """Reduces spans (a `Reduction`). All is copied, as the columns of one request share their memory."""

    def __init__(self, kernel: RollupKernel | None = None) -> None:
        """Expects nothing yet.

        Args:
            kernel: Makes the rows compact; None is the library path.
        """
        self._kernel = kernel
        self._slow: Mapping[str, int] = {}
        self._failed: Mapping[str, int] = {}
        self._traces = pa.array([], pa.string())

    def expect(self, *, slow: Mapping[str, int], failed: Mapping[str, int], traces: pa.Array) -> None:
        """Tells which spans are likely to be sent.

        Args:
            slow: By service, in ns: a slower span than this takes its trace with it.
            failed: The same for failed spans.
            traces: Traces that were chosen lately: more of their spans may come.
        """
        self._slow, self._failed, self._traces = slow, failed, traces

    def narrowed(self, rows: pa.Table) -> pa.Table:
        """What `NARROW_SQL` makes of rows; with the native kernel as `is_compact` tells."""
        if self._kernel is None:
            return _copied(narrowed(rows))
        narrow = self._kernel.narrow(rows, longest=EXEMPLAR_ATTRIBUTES_BYTES)
        sequences = pc.dictionary_encode(rows.column("ingest_seq")).cast(_SEQUENCES)
        return narrow.append_column("ingest_seq", sequences)

    def sample(self, rows: pa.Table, thinning: int) -> pa.Table:
        """The spans of a sample of traces."""
        return _copied(rows.filter(sample_mask(rows.column("trace_id"), thinning)) if thinning else rows)

    def likely(self, rows: pa.Table, narrowed: pa.Table) -> pa.Table:
        """The spans of traces that have a span as expected, and of those that were chosen lately."""
        (services,) = narrowed.column("service_name").chunks
        durations = narrowed.column("duration_ns")
        is_failed = pc.equal(narrowed.column("status_code"), "ERROR")
        found = pc.or_(
            pc.greater(durations, _by_word(services, self._slow)),
            pc.and_(is_failed, pc.greater(durations, _by_word(services, self._failed))),
        )
        slow = rows.column("trace_id").filter(found).unique()
        if self._kernel is not None:
            slow = pa.concat_arrays([slow, self._slowest(self._kernel, services.dictionary, narrowed)])
        for traces in (pa.concat_arrays([slow, self._traces]), slow):
            wanted = pc.is_in(rows.column("trace_id"), traces)
            if len(traces) and (pc.sum(wanted).as_py() or 0) <= _MOST_LIKELY:
                return _copied(rows.filter(wanted))
        return rows.schema.empty_table()

    def _slowest(self, kernel: RollupKernel, services: pa.Array, narrowed: pa.Table) -> pa.Array:
        """The slowest traces of services whose thresholds are not known: at the start of a minute."""
        names = set(services.to_pylist())
        if not names - self._slow.keys() and not names - self._failed.keys():
            return pa.array([], pa.string())
        slowest = kernel.roll_up(narrowed, per_service=EXEMPLAR_TRACES_PER_SERVICE).slowest.to_pylist()
        return pa.array(
            [
                one["trace_id"]
                for one in slowest
                if one["service_name"] not in (self._failed if one["failed"] else self._slow)
            ],
            pa.string(),
        )


def is_compact(rows: pa.Table) -> bool:
    """Whether narrowed rows are the native kernel's: ids as bytes, words in dictionaries of their own."""
    return bool(pa.types.is_fixed_size_binary(rows.schema.field("trace_id").type))


def of_traces(rows: pa.Table, trace_ids: pa.Array) -> pa.Table:
    """The narrowed rows of some traces, as `NARROW_SQL` makes them.

    Args:
        rows: Narrowed, compact or not.
        trace_ids: Hexadecimal.
    """
    wanted = trace_ids
    if is_compact(rows):
        wanted = pa.array([bytes.fromhex(trace_id) for trace_id in trace_ids.to_pylist()], pa.binary(16))
    found = rows.filter(pc.is_in(rows.column("trace_id"), wanted))
    if not is_compact(rows):
        return found
    for name in ("trace_id", "span_id"):
        texts = pa.array([value.hex() for value in found.column(name).to_pylist()], pa.string())
        found = found.set_column(found.column_names.index(name), name, texts)
    for name, kind in (("is_root", pa.bool_()), ("ingest_seq", pa.int64())):
        found = found.set_column(found.column_names.index(name), name, found.column(name).cast(kind))
    return found


def sampled_traces(rows: pa.Table, thinning: int) -> list[str]:
    """Ids of the traces in a sample, of rows that are compact or not, narrowed or whole."""
    trace_ids = rows.column("trace_id")
    found = trace_ids.filter(sample_mask(trace_ids, thinning)).unique().to_pylist()
    return [one.hex() if isinstance(one, bytes) else one for one in found]


def _by_word(words: pa.DictionaryArray, values: Mapping[str, int]) -> pa.Array:
    """The value of each row's word; a word without one has the largest there is."""
    of_words = [values.get(word, _NEVER) for word in words.dictionary.to_pylist()]
    return pa.array(of_words, pa.int64()).take(words.indices)


def narrowed(rows: pa.Table) -> pa.Table:
    """What `NARROW_SQL` makes of rows."""
    size = None
    for name in LONG_COLUMNS:
        length = pc.fill_null(pc.binary_length(rows.column(name)), 0)
        one = pc.min_element_wise(length, pa.scalar(EXEMPLAR_ATTRIBUTES_BYTES, pa.int32()))
        size = one if size is None else pc.add(size, one)
    narrow = rows.select(_COLUMNS)
    place = _COLUMNS.index("span_name")
    narrow = narrow.set_column(place, "span_name", narrow.column(place).dictionary_encode())
    narrow = narrow.append_column("is_root", pc.equal(rows.column("parent_span_id"), ""))
    return narrow.append_column("size", size)


def _copied(rows: pa.Table) -> pa.Table:
    """Rows in memory of their own, in one chunk."""
    if rows.column(0).num_chunks == 1:
        rows = rows.take(pa.array(range(rows.num_rows), pa.int64()))
    rows = rows.combine_chunks()  # which copies, but a single chunk it would pass on
    for place, column in enumerate(rows.columns):
        # The words of a dictionary may still be those of a request.
        if pa.types.is_dictionary(column.type) and column.num_chunks:
            chunk = column.chunk(0)
            words = pa.array(chunk.dictionary.to_pylist(), chunk.type.value_type)
            rows = rows.set_column(
                place, rows.field(place), pa.DictionaryArray.from_arrays(chunk.indices, words, safe=False)
            )
    return rows
