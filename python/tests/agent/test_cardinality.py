from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from coral.agent.rollup.cardinality import OVERFLOW, Cardinality, NameLimits
from coral.store.duckdb.rows import insert_rows
from coral.store.duckdb.store import DuckDBStore
from coral.wire.batches import BATCH_TABLES

NOW = datetime(2026, 9, 21, 14, 13)


SMALL = NameLimits(services=3, operations_per_service=4, operations=8, instances=2)


def rollup(
    service: str, operation: str, count: int = 1, *, kind: str = "SERVER", **more: Any
) -> dict[str, Any]:
    return {
        "bucket_time": NOW,
        "service_name": service,
        "span_name": operation,
        "kind": kind,
        "request_count": count,
        "error_count": 1,
        "sum_ns": 10.0 * count,
        "min_ns": 5,
        "max_ns": 50,
        "bucket_index": [1, 7],
        "bucket_count": [count - 1, 1],
    } | more


def table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=BATCH_TABLES[name])


def limit(
    found: Cardinality, store: DuckDBStore, *rows: dict[str, Any], name: str = "rollups", now: datetime = NOW
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    with store.snapshot() as connection:
        tables, counters = found.limit(connection, {name: table(name, list(rows))}, now)
    assert tables[name].schema.equals(BATCH_TABLES[name])
    return tables[name].to_pylist(), counters


def test_names_within_the_limits_stay_as_they_are(store: DuckDBStore) -> None:
    rows = [rollup("a", "x"), rollup("a", "y"), rollup("b", "x")]
    assert limit(Cardinality(store, SMALL), store, *rows) == (rows, {})


def test_operations_beyond_the_limit_are_merged_and_counted(store: DuckDBStore) -> None:
    found = Cardinality(store, SMALL)
    rows = [rollup("a", f"op{n}", 10 + n) for n in range(4)]
    rest = [rollup("a", "id7", 3, min_ns=1), rollup("a", "id8", 2, bucket_index=[7, 9], max_ns=60)]
    limited, counters = limit(found, store, *rest, *rows)
    assert counters == {"overflow_operations": 5}
    assert limited[:4] == rows
    (merged,) = limited[4:]
    expected = rollup("a", OVERFLOW, 5, error_count=2, min_ns=1, max_ns=60)
    assert merged == expected | {"bucket_index": [1, 7, 9], "bucket_count": [2, 2, 1]}


def test_kinds_stay_apart(store: DuckDBStore) -> None:
    rows = [rollup("a", f"op{n}", 10) for n in range(4)]
    more = [rollup("a", "y", kind="CLIENT"), rollup("a", "z", kind="METRIC")]
    limited, _ = limit(Cardinality(store, SMALL), store, *rows, *more)
    assert sorted((row["kind"], row["span_name"]) for row in limited[4:]) == [
        ("CLIENT", OVERFLOW),
        ("METRIC", OVERFLOW),
    ]


def test_services_beyond_the_limit_are_merged_and_counted(store: DuckDBStore) -> None:
    found = Cardinality(store, SMALL)
    rows = [rollup(name, "x", 10) for name in "abc"]
    limited, counters = limit(found, store, *rows, rollup("d", "x", 2), rollup("e", "y", 3))
    assert [(row["service_name"], row["span_name"], row["request_count"]) for row in limited[3:]] == [
        (OVERFLOW, OVERFLOW, 5)
    ]
    assert counters == {"overflow_services": 5}


def test_operations_of_all_services_together_are_limited(store: DuckDBStore) -> None:
    rows = [rollup(service, f"op{n}", 10 + n) for service in "abc" for n in range(4)]
    limited, counters = limit(Cardinality(store, SMALL), store, *rows)
    assert sum(row["span_name"] != OVERFLOW for row in limited) == 8
    assert counters["overflow_operations"] == sum(row["request_count"] for row in rows) - sum(
        row["request_count"] for row in limited if row["span_name"] != OVERFLOW
    )


def test_known_names_go_on_and_new_ones_overflow(store: DuckDBStore) -> None:
    found = Cardinality(store, SMALL)
    limit(found, store, *[rollup("a", f"op{n}") for n in range(4)])
    limited, _ = limit(found, store, rollup("a", "new", 100), rollup("a", "op2"))
    assert [row["span_name"] for row in limited] == ["op2", OVERFLOW]


def test_names_that_were_silent_for_an_hour_make_room(store: DuckDBStore) -> None:
    found = Cardinality(store, SMALL)
    limit(found, store, *[rollup("a", f"op{n}") for n in range(4)])
    later = NOW + timedelta(minutes=61)
    limited, counters = limit(found, store, rollup("a", "new"), now=later)
    assert ([row["span_name"] for row in limited], counters) == (["new"], {})


def test_a_restarted_agent_admits_the_same_names(store: DuckDBStore) -> None:
    known = [rollup("a", f"op{n}") for n in range(4)]
    store.submit(
        lambda transaction: insert_rows(transaction, "rollups", table("rollups", known), {"agent_id": "a1"})
    ).result()
    limited, _ = limit(Cardinality(store, SMALL), store, rollup("a", "new", 100), rollup("a", "op0"))
    assert [row["span_name"] for row in limited] == ["op0", OVERFLOW]


def test_log_counts_overflow_by_service(store: DuckDBStore) -> None:
    rows = [
        {"bucket_time": NOW, "service_name": service, "severity": severity, "record_count": count}
        for service, severity, count in (
            *(("a", "INFO", 9), ("b", "INFO", 9), ("c", "INFO", 9)),
            *(("d", "INFO", 2), ("e", "INFO", 3), ("e", "ERROR", 1)),
        )
    ]
    limited, counters = limit(Cardinality(store, SMALL), store, *rows, name="log_counts")
    assert counters == {"overflow_services": 6}
    found = sorted((row["service_name"], row["severity"], row["record_count"]) for row in limited)
    assert found == [
        *((OVERFLOW, "ERROR", 1), (OVERFLOW, "INFO", 5)),
        *(("a", "INFO", 9), ("b", "INFO", 9), ("c", "INFO", 9)),
    ]


def test_instances_beyond_the_limit_are_not_told(store: DuckDBStore) -> None:
    rows = [
        {"service_name": "a", "instance_id": str(n), "attributes": "{}", "last_seen": NOW} for n in range(4)
    ]
    limited, _ = limit(Cardinality(store, SMALL), store, *rows, name="resources")
    assert [row["instance_id"] for row in limited] == ["0", "1"]


def test_an_instance_is_told_once_as_it_was_last_and_not_at_any_length(store: DuckDBStore) -> None:
    rows = [
        {"service_name": "a", "instance_id": instance, "attributes": attributes, "last_seen": NOW}
        for instance, attributes in (("1", '{"n":1}'), ("1", '{"n":2}'), ("2", "x" * 70_000))
    ]
    limited, _ = limit(Cardinality(store, SMALL), store, *rows, name="resources")
    assert [row["attributes"] for row in limited] == ['{"n":2}', '{"coral.attributes_left_out":"all"}']
