"""Which traces travel with their spans: a uniform sample, and the slowest and failed ones."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Final

import duckdb
import pyarrow as pa

from coral.agent.rollup.statements import statement
from coral.clock import Clock
from coral.store.duckdb.rows import one_row
from coral.store.duckdb.store import DuckDBStore

SPANS_PER_ROLLUP: Final = 500
"""About how many sampled spans one rollup sends; more spans are thinned by powers of two."""
EXEMPLARS_PER_SERVICE: Final = 2
"""Slowest, and failed, traces that each service adds per rollup."""
_REMEMBER: Final = timedelta(minutes=10)
_LOOK_BACK: Final = timedelta(minutes=2)


class Exemplars:
    """Chooses traces and remembers them, so that their later spans follow."""

    def __init__(self, store: DuckDBStore, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def select(self, connection: duckdb.DuckDBPyConnection, low: int, high: int) -> pa.Table:
        """Spans to send, of those with `ingest_seq` in (low, high] and of traces chosen among them."""
        now = self._clock.now()
        (fresh,) = one_row(
            connection,
            f"SELECT count(*) FROM spans WHERE ingest_seq > {low:d} AND ingest_seq <= {high:d}",
        )
        thinning = max(0, math.ceil(math.log2(max(fresh, 1) / SPANS_PER_ROLLUP)))
        connection.execute("DELETE FROM exemplar_traces WHERE selected_at < ?", [now - _REMEMBER])
        connection.execute(
            statement("select_exemplars"),
            {
                "lo": low,
                "hi": high,
                "modulus": 2**thinning,
                "per_service": EXEMPLARS_PER_SERVICE,
                "now": now,
            },
        )
        sql = self._store.with_tables(connection, statement("exemplar_spans"), {"spans": now - _LOOK_BACK})
        return connection.sql(sql, params={"lo": low, "hi": high}).to_arrow_table()
