"""How many names the summaries may hold: further services and operations are counted together.

Names come from outside. A client that puts an id into its span names, or into its service name, would
make agents and the colony grow without end. So an agent sends a bounded number of names per hour, and what
is beyond is added up under `__overflow__`. Raw rows keep their real names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb
import pyarrow as pa

from coral.agent.rollup.relations import relations
from coral.agent.rollup.statements import statement
from coral.limits import (
    MAX_INSTANCES_PER_AGENT,
    MAX_OPERATIONS_PER_AGENT,
    MAX_OPERATIONS_PER_SERVICE,
    MAX_RESOURCE_LENGTH,
    MAX_SERVICES_PER_AGENT,
)
from coral.store.duckdb.store import DuckDBStore

OVERFLOW: Final = "__overflow__"
_LEFT_OUT: Final = '{"coral.attributes_left_out":"all"}'
_KNOWN_FOR: Final = timedelta(hours=1)


@dataclass(frozen=True)
class NameLimits:
    """How many names of one hour the summaries hold.

    Attributes:
        services: Service names.
        operations_per_service: Span names and routes of one service.
        operations: Those of all services together.
        instances: Service instances whose resource attributes are told to the colony.
    """

    services: int = MAX_SERVICES_PER_AGENT
    operations_per_service: int = MAX_OPERATIONS_PER_SERVICE
    operations: int = MAX_OPERATIONS_PER_AGENT
    instances: int = MAX_INSTANCES_PER_AGENT


class _Service:
    """A service's operations, by when they were last seen."""

    def __init__(self) -> None:
        self.seen = datetime.min
        self.operations: dict[str, datetime] = {}


class Cardinality:
    """Knows the names of the last hour; who comes first, the busiest before the others, is admitted.

    After a restart it learns them from what was rolled up in the last hour, so the same names go on.
    """

    def __init__(self, store: DuckDBStore, limits: NameLimits | None = None) -> None:
        self._store = store
        self._limits = limits or NameLimits()
        self._services: dict[str, _Service] | None = None
        self._operation_count = 0
        self._instances: dict[tuple[str, str], datetime] = {}
        self._tidied_at = datetime.min

    def limit(
        self, connection: duckdb.DuckDBPyConnection, tables: Mapping[str, pa.Table], now: datetime
    ) -> tuple[dict[str, pa.Table], dict[str, int]]:
        """Puts names beyond the limits together.

        Args:
            connection: A snapshot of the agent's database.
            tables: What the rollup made; `rollups`, `log_counts` and `resources` are looked at.
            now: When the rollup began.

        Returns:
            The tables, and by how much `counters` grow: requests and log records that are counted under
            another name than their own.
        """
        if self._services is None:
            self._services = {}
            self._learn(connection, now)
        counters = {"overflow_services": 0, "overflow_operations": 0}
        limited = dict(tables)
        if "rollups" in tables:
            limited["rollups"] = self._limit_operations(connection, tables["rollups"], now, counters)
        if "log_counts" in tables:
            limited["log_counts"] = self._limit_services(connection, tables["log_counts"], now, counters)
        if "resources" in tables:
            limited["resources"] = self._limit_resources(tables["resources"], now)
        return limited, {name: count for name, count in counters.items() if count}

    def _learn(self, connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
        since = now - _KNOWN_FOR
        sql = self._store.with_tables(
            connection, statement("recent_names"), dict.fromkeys(("rollups", "log_counts"), since)
        )
        for service, operation in connection.execute(sql, {"since": since}).fetchall():
            if self._admit_service(service, now) and operation is not None:
                self._admit_operation(service, operation, now)

    def _limit_operations(
        self, connection: duckdb.DuckDBPyConnection, rows: pa.Table, now: datetime, counters: dict[str, int]
    ) -> pa.Table:
        renamed: list[tuple[str, str, str]] = []
        for service, operation, count in _busiest(rows, ["service_name", "span_name"], "request_count"):
            if not self._admit_service(service, now):
                counters["overflow_services"] += count
                renamed.append((service, operation, OVERFLOW))
            elif not self._admit_operation(service, operation, now):
                counters["overflow_operations"] += count
                renamed.append((service, operation, service))
        if not renamed:
            return rows
        names = pa.table(
            {
                "service_name": [service for service, _, _ in renamed],
                "span_name": [operation for _, operation, _ in renamed],
                "new_service": [new for _, _, new in renamed],
            }
        )
        with relations(connection, overflow_rows=rows, overflow_names=names):
            merged = connection.sql(statement("overflow_rollups"), params={"name": OVERFLOW}).to_arrow_table()
        return merged.select(rows.column_names).cast(rows.schema)

    def _limit_services(
        self, connection: duckdb.DuckDBPyConnection, rows: pa.Table, now: datetime, counters: dict[str, int]
    ) -> pa.Table:
        unknown: list[str] = []
        for service, count in _busiest(rows, ["service_name"], "record_count"):
            if not self._admit_service(service, now):
                counters["overflow_services"] += count
                unknown.append(service)
        if not unknown:
            return rows
        with relations(connection, overflow_rows=rows, overflow_names=pa.table({"service_name": unknown})):
            merged = connection.sql(statement("overflow_logs"), params={"name": OVERFLOW}).to_arrow_table()
        return merged.select(rows.column_names).cast(rows.schema)

    def _limit_resources(self, rows: pa.Table, now: datetime) -> pa.Table:
        """Each instance once, as it was described last, and none beyond the limit: they cannot be merged."""
        names = zip(
            rows.column("service_name").to_pylist(), rows.column("instance_id").to_pylist(), strict=True
        )
        newest = {
            (service, instance): place
            for place, (service, instance) in enumerate(names)
            if self._admit_service(service, now) and self._admit_instance((service, instance), now)
        }
        rows = rows.take(pa.array(newest.values(), pa.int64()))
        column = rows.schema.get_field_index("attributes")
        attributes = [
            text if len(text) <= MAX_RESOURCE_LENGTH else _LEFT_OUT
            for text in rows.column(column).to_pylist()
        ]
        return rows.set_column(column, rows.schema.field(column), pa.array(attributes, pa.string()))

    def _admit_instance(self, instance: tuple[str, str], now: datetime) -> bool:
        if instance not in self._instances and len(self._instances) >= self._limits.instances:
            self._tidy(now)
            if len(self._instances) >= self._limits.instances:
                return False
        self._instances[instance] = now
        return True

    def _admit_service(self, name: str, now: datetime) -> bool:
        assert self._services is not None
        if name == OVERFLOW:
            return True
        if name not in self._services:
            if len(self._services) >= self._limits.services:
                self._tidy(now)
            if len(self._services) >= self._limits.services:
                return False
            self._services[name] = _Service()
        self._services[name].seen = now
        return True

    def _admit_operation(self, service: str, operation: str, now: datetime) -> bool:
        assert self._services is not None
        if operation == OVERFLOW or service == OVERFLOW:
            return operation == OVERFLOW
        known = self._services[service].operations
        if operation not in known:
            if self._is_full(known):
                self._tidy(now)
                known = self._services[service].operations
            if self._is_full(known):
                return False
            self._operation_count += 1
        known[operation] = now
        return True

    def _is_full(self, known: dict[str, datetime]) -> bool:
        limits = self._limits
        return len(known) >= limits.operations_per_service or self._operation_count >= limits.operations

    def _tidy(self, now: datetime) -> None:
        """Forgets the names that were not seen for an hour; at most once per rollup."""
        if self._tidied_at == now or self._services is None:
            return
        self._tidied_at = now
        oldest = now - _KNOWN_FOR
        self._services = {name: known for name, known in self._services.items() if known.seen >= oldest}
        for known in self._services.values():
            known.operations = {name: seen for name, seen in known.operations.items() if seen >= oldest}
        self._instances = {name: seen for name, seen in self._instances.items() if seen >= oldest}
        self._operation_count = sum(len(known.operations) for known in self._services.values())


def _busiest(rows: pa.Table, names: list[str], count: str) -> list[tuple[Any, ...]]:
    """Distinct names with the sum of `count`, the largest first, then by name."""
    found = rows.group_by(names).aggregate([(count, "sum")])
    order = [(f"{count}_sum", "descending"), *((name, "ascending") for name in names)]
    found = found.sort_by(order).select([*names, f"{count}_sum"])
    return list(zip(*(column.to_pylist() for column in found.columns), strict=True))
