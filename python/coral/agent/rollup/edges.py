"""Calls between services: deltas per (caller, callee, minute).

What counts as a call, each exactly once:

1. A SERVER or CONSUMER span whose parent span is known here and is a CLIENT or PRODUCER span, or belongs
   to another service. The caller is the parent's service; count, errors and latency are the callee's.
   It counts when the later of the two arrives, whichever that is, if the other one came at most
   `EDGE_PENDING_SECONDS` before.
2. A CLIENT span with `db.system.name` (or `db.system`): a call to a database of that name, as the client
   saw it. Databases send no spans, so it counts at once, and never by rule 1.
3. A CLIENT or PRODUCER span with `peer.service` for which rule 1 found no callee in that time: a call to
   that name, as the client saw it. It can no longer count by rule 1 then.

A colony adds up what its agents found. A call between two agents is known to the caller's agent alone
(rule 3): the callee's agent sees a span without a known parent, and does not count it. So no call is
counted twice. Addresses (`server.address`) are not used as names: a service would appear under its
address and under its name.

Above `EDGE_SPANS_PER_SECOND`, or what memory holds whole (`narrow.py`), only a sample of traces is
searched, weighted by powers of two; counts are estimates then.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import duckdb
import pyarrow as pa

from coral.agent.rollup.part import Fresh, Made
from coral.agent.rollup.relations import relations
from coral.agent.rollup.sampling import Budget, in_sample, thinning
from coral.agent.rollup.statements import statement
from coral.limits import EDGE_PENDING_SECONDS, EDGE_SPANS_PER_SECOND, MAX_EDGES
from coral.store.api import Transaction

_BURST: Final = 100_000
_PENDING: Final = timedelta(seconds=EDGE_PENDING_SECONDS)
_TABLES: Final = ("edge_parents", "edge_children", "edge_calls")


class Edges:
    """Finds calls; spans that wait for the other side are remembered in the database."""

    def __init__(self, *, burst: int = _BURST) -> None:
        self._budget = Budget(EDGE_SPANS_PER_SECOND, burst=burst)
        self._burst = burst
        self.thinning = 0
        """Of the traces that the last rollup would have searched, had it had them all."""

    def make(self, connection: duckdb.DuckDBPyConnection, fresh: Fresh) -> Made:
        """Rows of `service_edges`."""
        wanted = thinning(fresh.spans, self._budget.available(fresh.now))
        self.thinning = wanted
        k = max(wanted, fresh.thinning)
        weight = 2**k
        sql = statement("edge_examined").replace("{in_sample}", in_sample(k))
        sql = sql.replace("{fresh_spans}", fresh.sample_source)
        examined = connection.sql(sql, params={"most": 2 * self._burst}).to_arrow_table()
        self._budget.spend(examined.num_rows)
        oldest = fresh.now - _PENDING
        # A clock that was set back leaves spans of the future behind; they are over as well.
        times = {"oldest": oldest, "newest": fresh.now + _PENDING}
        values = {"weight": weight, **times}
        with relations(connection, edge_examined=examined):
            matches = connection.sql(statement("edge_matches"), params=values).to_arrow_table()
            with relations(connection, edge_matched=matches):
                named = connection.sql(statement("edge_named"), params=values).to_arrow_table()
        calls = matches.filter(matches.column("is_call")).select(named.column_names)
        tables = {}
        if calls.num_rows + named.num_rows:
            with relations(connection, edge_found=pa.concat_tables([calls, named])):
                found = connection.sql(statement("edge_deltas"), params={"most": MAX_EDGES})
                tables["service_edges"] = found.to_arrow_table()

        def commit(transaction: Transaction) -> None:
            _remember(transaction.connection, examined, matches, weight, fresh.now)

        return Made(tables, commit)


def _remember(
    connection: duckdb.DuckDBPyConnection,
    examined: pa.Table,
    matches: pa.Table,
    weight: int,
    now: datetime,
) -> None:
    """Forgets what is over or matched, and adds the spans that wait."""
    values: list[Any] = [weight, now]
    with relations(connection, edge_examined=examined, edge_matched=matches):
        for table in _TABLES:
            connection.execute(
                f"DELETE FROM {table} WHERE seen_at < ? OR seen_at > ?", [now - _PENDING, now + _PENDING]
            )
        if matches.num_rows:
            connection.execute(
                "DELETE FROM edge_children WHERE parent_key IN (SELECT parent_key FROM edge_matched)"
            )
            connection.execute("DELETE FROM edge_calls WHERE key IN (SELECT parent_key FROM edge_matched)")
        connection.execute(
            "INSERT INTO edge_parents SELECT key, service_name, calls, ?, ? FROM edge_examined"
            " WHERE database IS NULL",
            values,
        )
        connection.execute(
            "INSERT INTO edge_children"
            " SELECT parent_key, service_name, bucket_time, duration_ns, failed, ?, ?"
            " FROM edge_examined"
            " WHERE parent_key IS NOT NULL AND key NOT IN (SELECT child_key FROM edge_matched)",
            values,
        )
        connection.execute(
            "INSERT INTO edge_calls SELECT key, service_name, peer, bucket_time, duration_ns, failed, ?, ?"
            " FROM edge_examined WHERE peer IS NOT NULL AND database IS NULL"
            " AND key NOT IN (SELECT parent_key FROM edge_matched)",
            values,
        )
