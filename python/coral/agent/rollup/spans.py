"""Deltas per (service, operation, kind, minute) of spans."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from coral.agent.rollup.part import Fresh, Made
from coral.agent.rollup.statements import statement
from coral.wire.arrow import conform
from coral.wire.batches import BATCH_TABLES


def span_rollups(connection: duckdb.DuckDBPyConnection, fresh: Fresh) -> Made:
    """Rows of `rollups` of the fresh spans."""
    if not fresh.spans:
        return Made({})
    found = []
    if fresh.sums is not None:
        found.append(fresh.sums.rows)
    if (source := fresh.unsummed_source) is not None:
        rows = connection.sql(statement("rollup").replace("{fresh_spans}", source)).to_arrow_table()
        found.append(conform(rows, BATCH_TABLES["rollups"], what="rollups"))
    return Made({"rollups": pa.concat_tables(found)})
