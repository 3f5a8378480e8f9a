"""Which traces travel with their spans: a uniform sample, and the slowest and failed ones of each minute.

Everything is bounded: traces per service and minute and over all services, spans per trace, per second
and in bytes. What a trace leaves out is counted at the first of its spans that are sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from coral.agent.rollup.candidates import Candidate, candidates, choose, durations, thresholds, unremembered
from coral.agent.rollup.narrow import NARROW_SQL, Narrowing, of_traces
from coral.agent.rollup.part import Fresh, Made
from coral.agent.rollup.relations import relations
from coral.agent.rollup.sampling import Budget, in_sample, thinning
from coral.agent.rollup.statements import statement
from coral.agent.rollup.trim import LONGEST_CELL, trimmed
from coral.limits import (
    EXEMPLAR_BUSY_ROWS,
    EXEMPLAR_BYTES_PER_ROLLUP,
    EXEMPLAR_LOOK_BACK_ROWS,
    EXEMPLAR_SPANS_PER_SECOND,
    EXEMPLAR_SPANS_PER_TRACE,
    SAMPLED_SPANS_PER_SECOND,
)
from coral.store.api import Transaction
from coral.store.duckdb.recent import Kept
from coral.store.duckdb.segments import parquet_scan
from coral.store.duckdb.store import DuckDBStore

_REMEMBER: Final = timedelta(minutes=10)
_FOLLOW: Final = timedelta(minutes=1)  # in which most of a trace's later spans come
_IN_MEMORY: Final = "chosen_span_rows"
_WHOLE: Final = "whole_span_rows"
_CHOSEN: Final = pa.schema(
    [
        ("trace_id", pa.string()),
        ("sample_weight", pa.float64()),
        ("service_name", pa.string()),
        ("failed", pa.bool_()),
        ("duration_ns", pa.int64()),
        ("sent", pa.int64()),
        ("is_new", pa.bool_()),
    ]
)


class Exemplars:
    """Chooses traces and remembers them for some minutes, so that their later spans follow."""

    def __init__(self, store: DuckDBStore, narrowing: Narrowing) -> None:
        self._store = store
        self._narrowing = narrowing
        self._sampled = Budget(SAMPLED_SPANS_PER_SECOND, burst=60 * SAMPLED_SPANS_PER_SECOND)
        self._sent = Budget(EXEMPLAR_SPANS_PER_SECOND, burst=60 * EXEMPLAR_SPANS_PER_SECOND)

    def make(self, connection: duckdb.DuckDBPyConnection, fresh: Fresh) -> Made:
        """Spans to send: the fresh ones of chosen traces, and the older ones of traces chosen now."""
        if not fresh.spans:
            return Made({})
        remembered = _remembered(connection, fresh.now)
        k = thinning(fresh.spans, self._sampled.available(fresh.now))
        weight = float(2**k)
        sample = dict.fromkeys(unremembered(_sample(connection, fresh, k), remembered))
        sent_before = durations(remembered, fresh.now.replace(second=0, microsecond=0))
        chosen: dict[str, dict[str, Any]] = {}
        for one in choose(candidates(connection, fresh), remembered, sent_before):
            chosen[one.trace_id] = _row(one.trace_id, weight if one.trace_id in sample else 0.0, one)
        for trace_id in sample:
            chosen.setdefault(trace_id, _row(trace_id, weight, None))
        self._narrowing.expect(
            slow=thresholds(sent_before, False),
            failed=thresholds(sent_before, True),
            traces=_followed(remembered, chosen, fresh.now),
        )
        new = pa.Table.from_pylist(list(chosen.values()), _CHOSEN)
        spans, sent, cut = self._spans(connection, fresh, remembered.select(_CHOSEN.names), new)
        if sample:
            weights = spans.column("sample_weight")
            self._sampled.spend(sum(1 for weight in weights.to_pylist() if weight))
        self._sent.spend(spans.num_rows)

        def commit(transaction: Transaction) -> None:
            _remember(transaction.connection, fresh, list(chosen.values()), sent)

        return Made({"spans": spans}, commit, {"exemplar_spans_cut": cut})

    def _spans(
        self, connection: duckdb.DuckDBPyConnection, fresh: Fresh, remembered: pa.Table, new: pa.Table
    ) -> tuple[pa.Table, dict[str, int], int]:
        """The spans to send, how many of each trace, and how many were cut."""
        older = self._store.recent.newest(upto_seq=fresh.low, most_rows=EXEMPLAR_LOOK_BACK_ROWS)
        if not new.num_rows:
            older = []
        limits = {
            "lo": fresh.low,
            "per_trace": EXEMPLAR_SPANS_PER_TRACE,
            "room": self._sent.available(fresh.now),
            "bytes": EXEMPLAR_BYTES_PER_ROLLUP,
        }
        chosen = pa.concat_tables([remembered, new])
        in_memory = [kept.rows for kept in older]
        if fresh.in_memory is not None:
            in_memory.append(fresh.in_memory.rows)
        rows = _of_traces(in_memory, chosen)
        with relations(connection, exemplar_chosen=chosen, **rows):
            source = " UNION ALL BY NAME ".join(
                [fresh.stored_source, *(f"SELECT * FROM {name}" for name in rows)]
                + ([self._older_source(connection, fresh, older)] if new.num_rows else [])
            )
            sql = statement("exemplar_picks").replace("{spans}", f"({source})")
            picked = connection.sql(sql, params=limits).to_arrow_table()
        whole = [part for kept in older for part in (kept.whole, kept.likely)]
        if fresh.in_memory is not None:
            whole += [fresh.in_memory.whole, fresh.in_memory.likely]
        spans = self._whole_spans(connection, picked, whole)
        sent: dict[str, int] = defaultdict(int)
        for trace_id in spans.column("trace_id").to_pylist():
            sent[trace_id] += 1
        cut = sum(spans.column("spans_cut").to_pylist())
        return trimmed(spans), dict(sent), cut

    def _older_source(
        self, connection: duckdb.DuckDBPyConnection, fresh: Fresh, in_memory: Sequence[Kept]
    ) -> str:
        """A SELECT: spans before the fresh ones that memory does not hold; of the sealed ones the newest."""
        stored = [f"SELECT * FROM main.spans WHERE ingest_seq <= {fresh.low:d}"]
        if fresh.spans <= EXEMPLAR_BUSY_ROWS:
            known = sum(kept.rows.num_rows for kept in in_memory)
            if paths := self._older_files(connection, fresh, known=known):
                stored.append(parquet_scan(paths))
        return f"SELECT {NARROW_SQL} FROM ({' UNION ALL BY NAME '.join(stored)})"

    def _older_files(self, connection: duckdb.DuckDBPyConnection, fresh: Fresh, *, known: int) -> list[Path]:
        """The newest files, up to the limit of rows, that are not in memory."""
        rows = connection.execute(
            "SELECT path, row_count FROM main.segments WHERE table_name = 'spans' AND last_seq <= ?"
            " ORDER BY last_seq DESC LIMIT 100",
            [fresh.low],
        ).fetchall()
        paths = []
        room = EXEMPLAR_LOOK_BACK_ROWS - known
        for name, count in rows:
            path = self._store.segment_path(name)
            if self._store.recent.get(path) is not None:
                continue
            room -= count
            if room < 0:
                break
            paths.append(path)
        return paths

    def _whole_spans(
        self, connection: duckdb.DuckDBPyConnection, picked: pa.Table, whole: Sequence[pa.Table]
    ) -> pa.Table:
        """The picked spans with all their columns: from memory what is there, else from the files."""
        stored = "SELECT * FROM main.spans"
        rows = {_WHOLE: pa.concat_tables(whole)} if whole else {}
        if whole:
            stored += f" UNION ALL BY NAME SELECT * FROM {_WHOLE}"
        found = _read_whole(connection, stored, picked, rows)
        if found.num_rows == picked.num_rows:
            return found
        missing = picked.join(
            found.select(["trace_id", "span_id"]), ["trace_id", "span_id"], join_type="left anti"
        )
        with relations(connection, exemplar_missing=missing):
            paths = connection.execute(
                "SELECT DISTINCT path FROM main.segments JOIN exemplar_missing"
                " ON ingest_seq BETWEEN first_seq AND last_seq WHERE table_name = 'spans'"
            ).fetchall()
        if not paths:
            return found
        stored = parquet_scan([self._store.segment_path(name) for (name,) in paths])
        more = _read_whole(connection, f"FROM main.spans WHERE false UNION ALL BY NAME {stored}", missing, {})
        return pa.concat_tables([found, more])


def _read_whole(
    connection: duckdb.DuckDBPyConnection, spans: str, picked: pa.Table, rows: Mapping[str, pa.Table]
) -> pa.Table:
    sql = statement("exemplar_spans").replace("{spans}", f"({spans})")
    with relations(connection, exemplar_picked=picked, **rows):
        return connection.sql(sql, params={"longest": LONGEST_CELL}).to_arrow_table()


def _of_traces(parts: Sequence[pa.Table], chosen: pa.Table) -> dict[str, pa.Table]:
    """The rows of chosen traces, as the relation `_IN_MEMORY`, for a join that need not look at all rows."""
    traces = chosen.column("trace_id").combine_chunks()
    return {_IN_MEMORY: of_traces(pa.concat_tables(parts), traces)} if parts else {}


def _followed(remembered: pa.Table, chosen: Mapping[str, Mapping[str, Any]], now: datetime) -> pa.Array:
    """The traces of which more spans may come that memory does not hold whole: sampled ones it does."""
    lately = pc.and_(
        pc.greater_equal(remembered.column("selected_at"), now - _FOLLOW),
        pc.equal(remembered.column("sample_weight"), 0.0),
    )
    found = remembered.filter(lately).column("trace_id").to_pylist()
    found += [trace_id for trace_id, row in chosen.items() if not row["sample_weight"]]
    return pa.array(found, pa.string())


def _remembered(connection: duckdb.DuckDBPyConnection, now: datetime) -> pa.Table:
    """The traces that were chosen lately: `_CHOSEN`, and when that was."""
    return connection.sql(
        "SELECT trace_id, sample_weight, service_name, failed, duration_ns,"
        " coalesce(span_count, 0) AS sent, false AS is_new, selected_at"
        " FROM main.exemplar_traces WHERE selected_at >= ? AND selected_at <= ?",
        params=[now - _REMEMBER, now + _REMEMBER],
    ).to_arrow_table()


def _sample(connection: duckdb.DuckDBPyConnection, fresh: Fresh, k: int) -> list[str]:
    """The fresh traces in the sample of thinning k, up to a limit."""
    most = 60 * SAMPLED_SPANS_PER_SECOND
    found = [] if fresh.in_memory is None else fresh.in_memory.sampled_traces(k)
    if fresh.has_stored:
        rows = connection.execute(
            f"SELECT DISTINCT trace_id FROM ({fresh.stored_source}) WHERE {in_sample(k)} LIMIT {most:d}"
        ).fetchall()
        found += [trace_id for (trace_id,) in rows]
    return found[:most]


def _row(trace_id: str, weight: float, why: Candidate | None) -> dict[str, Any]:
    return {
        "trace_id": trace_id,
        "sample_weight": weight,
        "service_name": why.service if why else None,
        "failed": why.failed if why else None,
        "duration_ns": why.duration_ns if why else None,
        "sent": 0,
        "is_new": True,
    }


def _remember(
    connection: duckdb.DuckDBPyConnection, fresh: Fresh, chosen: list[dict[str, Any]], sent: dict[str, int]
) -> None:
    connection.execute(
        "DELETE FROM exemplar_traces WHERE selected_at < ? OR selected_at > ?",
        [fresh.now - _REMEMBER, fresh.now + _REMEMBER],
    )
    new = {row["trace_id"] for row in chosen}
    rows = [{**row, "sent": sent.get(row["trace_id"], 0)} for row in chosen]
    again = {trace_id: count for trace_id, count in sent.items() if trace_id not in new}
    table = pa.Table.from_pylist(rows, _CHOSEN)
    more = pa.table({"trace_id": pa.array(again, pa.string()), "more": pa.array(again.values(), pa.int64())})
    with relations(connection, exemplars_new=table, exemplars_again=more):
        connection.execute(
            "INSERT INTO exemplar_traces BY NAME SELECT trace_id, sample_weight, service_name, failed,"
            " duration_ns, sent AS span_count, ?::BIGINT AS selected_seq, ?::TIMESTAMP AS selected_at"
            " FROM exemplars_new",
            [fresh.high, fresh.now],
        )
        connection.execute(
            "UPDATE exemplar_traces SET span_count = coalesce(span_count, 0) + more"
            " FROM exemplars_again AS a WHERE exemplar_traces.trace_id = a.trace_id"
        )
