"""QueryLogs: filters, pages without gaps and doubles, over one store and over several agents."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coral._proto.colony.v1 import query_pb2 as pb
from coral.clock import FixedClock
from coral.errors import UsageError
from coral.limits import MAX_LOG_ANSWER_BYTES
from coral.query import logs as logs_module
from coral.query.logs import LocalLogs, LogPage, log_filter
from coral.store.duckdb.rows import insert_rows
from coral.store.duckdb.store import DuckDBStore
from coral.wire.times import to_duration, to_timestamp

NOW = datetime(2026, 11, 24, 12, 0)
CLOCK = FixedClock(NOW)
TRACE = "ab" * 16


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(
        tmp_path / "data", kind="agent", retention=timedelta(hours=2), clock=CLOCK, seal_interval=0
    )
    yield opened
    opened.close()


def put(store: DuckDBStore, *records: tuple[float, str, str, str], trace_id: str = "") -> None:
    """Stores records: seconds ago, service, severity, body."""
    numbers = {"UNSPECIFIED": 0, "INFO": 9, "WARN": 13, "ERROR": 17, "FATAL": 21}
    table = pa.table(
        {
            "service_name": [service for _, service, _, _ in records],
            "instance_id": ["1"] * len(records),
            "time": pa.array([NOW - timedelta(seconds=ago) for ago, _, _, _ in records], pa.timestamp("us")),
            "severity": [severity for _, _, severity, _ in records],
            "severity_number": pa.array([numbers[severity] for _, _, severity, _ in records], pa.int32()),
            "body": [body for _, _, _, body in records],
            "event_name": [""] * len(records),
            "trace_id": [trace_id] * len(records),
            "span_id": [""] * len(records),
            "scope_name": ["test"] * len(records),
            "attributes": ['{"a":1}'] * len(records),
        }
    )
    store.submit(lambda transaction: insert_rows(transaction, "logs", table)).result()


def ask(store: DuckDBStore, **request: object) -> pb.QueryLogsResponse:
    local = LocalLogs(store, agent_id="a1", clock=CLOCK, seconds=5.0)
    return asyncio.run(local.query_logs(pb.QueryLogsRequest(**request)))  # type: ignore[arg-type]


def bodies(response: pb.QueryLogsResponse) -> list[str]:
    return [record.body for record in response.records]


@pytest.fixture
def filled(store: DuckDBStore) -> DuckDBStore:
    put(
        store,
        (2, "payments", "ERROR", "Card declined"),
        (1, "payments", "INFO", "paid"),
        (400, "orders", "WARN", "slow % _ card"),
        (1200, "orders", "FATAL", "lost"),
        (3000, "orders", "UNSPECIFIED", "what"),
        (5000, "orders", "ERROR", "long ago"),
    )
    put(store, (3, "payments", "ERROR", "in a trace"), trace_id=TRACE)
    store.seal()  # the newest ones are in the active file, these are in a segment
    put(store, (-2, "payments", "ERROR", "from a clock that is ahead"))
    return store


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            {},
            [
                "from a clock that is ahead",
                "paid",
                "Card declined",
                "in a trace",
                "slow % _ card",
                "lost",
                "what",
            ],
        ),
        ({"service": "orders"}, ["slow % _ card", "lost", "what"]),
        ({"min_severity": pb.LOG_SEVERITY_WARN, "service": "orders"}, ["slow % _ card", "lost"]),
        ({"max_severity": pb.LOG_SEVERITY_INFO}, ["paid"]),
        (
            {"min_severity": pb.LOG_SEVERITY_WARN, "max_severity": pb.LOG_SEVERITY_WARN},
            ["slow % _ card"],
        ),
        ({"contains": "CARD"}, ["Card declined", "slow % _ card"]),
        ({"contains": "% _"}, ["slow % _ card"]),
        ({"trace_id": TRACE.upper()}, ["in a trace"]),
        ({"window": to_duration(60 * 10**9), "service": "orders"}, []),
        ({"window": to_duration(7200 * 10**9), "service": "orders", "contains": "long"}, ["long ago"]),
        ({"before": to_timestamp(NOW - timedelta(seconds=2)), "limit": 2}, ["in a trace", "slow % _ card"]),
        ({"service": "nobody"}, []),
    ],
    ids=str,
)
def test_filters(filled: DuckDBStore, request_: dict[str, object], expected: list[str]) -> None:
    assert bodies(ask(filled, **request_)) == expected


def test_a_record_has_all_its_fields(filled: DuckDBStore) -> None:
    (record,) = ask(filled, trace_id=TRACE).records
    assert (record.service_name, record.severity, record.agent_id) == (
        "payments",
        pb.LOG_SEVERITY_ERROR,
        "a1",
    )
    assert (record.trace_id, record.span_id, record.attributes_json) == (TRACE, "", '{"a":1}')
    assert record.time.ToDatetime() == NOW - timedelta(seconds=3)
    assert ask(filled, contains="what").records[0].severity == pb.LOG_SEVERITY_UNSPECIFIED


@pytest.mark.parametrize(
    "request_",
    [
        {"limit": -1},
        {"limit": 1001},
        {"trace_id": "12"},
        {"trace_id": "g" * 32},
        {"min_severity": 7},
        {"page_token": "no"},
        {"window": to_duration(-1)},
    ],
    ids=str,
)
def test_requests_that_cannot_be_used(store: DuckDBStore, request_: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        ask(store, **request_)


def pages(ask_page: object, limit: int) -> list[str]:
    """All bodies, page by page."""
    found: list[str] = []
    token = ""
    for _ in range(1000):
        response = ask_page(limit=limit, page_token=token)  # type: ignore[operator]
        assert len(response.records) <= limit
        found += bodies(response)
        token = response.next_page_token
        assert response.completeness.rows_cut == (token != "")
        if not token:
            return found
    raise AssertionError("the pages do not end")


def test_pages_have_each_record_once_though_many_share_an_instant(store: DuckDBStore) -> None:
    put(store, *((n // 7, "s", "INFO", f"record {n:03}") for n in range(100)))
    assert sorted(pages(lambda **request: ask(store, **request), 10)) == [
        f"record {n:03}" for n in range(100)
    ]


def test_large_records_come_on_more_pages(store: DuckDBStore) -> None:
    size = MAX_LOG_ANSWER_BYTES // 3
    put(store, *((n, "s", "INFO", f"{n:02}" + "x" * size) for n in range(10)))
    first = ask(store, limit=100)
    assert 1 <= len(first.records) < 10
    assert [body[:2] for body in pages(lambda **request: ask(store, **request), 100)] == [
        f"{n:02}" for n in range(10)
    ]


def test_when_the_time_is_up_the_answer_is_what_was_found(store: DuckDBStore) -> None:
    put(store, (1, "s", "INFO", "new"), (3000, "s", "INFO", "old"))
    local = LocalLogs(store, agent_id="a1", clock=CLOCK, seconds=0.0)
    answer = asyncio.run(local.query_logs(pb.QueryLogsRequest()))
    assert "old" not in bodies(answer)
    assert answer.completeness.rows_cut
    assert answer.completeness.notes[0].startswith("a1 searched its log records back to ")


Times = st.lists(st.integers(0, 12), max_size=30)


@given(st.lists(Times, min_size=1, max_size=4), st.integers(1, 9), st.integers(1, 12))
def test_pages_over_several_agents_are_the_sorted_whole(
    agents: list[list[int]], limit: int, most_of_an_agent: int
) -> None:
    """Each agent answers as much as it wants, but at least what one page and its first instant need."""
    held = {
        f"a{number}": [
            pb.LogRecord(time=to_timestamp(NOW - timedelta(seconds=ago)), body=f"{ago:02} {number} {at}")
            for at, ago in enumerate(sorted(times))
        ]
        for number, times in enumerate(agents)
    }
    same_instant = max((times.count(ago) for times in agents for ago in times), default=0)

    def answer_of(records: list[pb.LogRecord], inner: pb.QueryLogsRequest) -> pb.QueryLogsResponse:
        end = inner.before.ToDatetime()
        found = [record for record in records if record.time.ToDatetime() < end]
        most = min(inner.limit, most_of_an_agent + same_instant * len(agents))
        response = pb.QueryLogsResponse(records=found[:most])
        response.completeness.rows_cut = len(found) > most
        return response

    def one_page(**fields: object) -> pb.QueryLogsResponse:
        request = pb.QueryLogsRequest(**fields)  # type: ignore[arg-type]
        page = LogPage(log_filter(request, CLOCK))
        for agent_id, records in held.items():
            page.add(agent_id, answer_of(records, page.inner_request(request)))
        return page.response(pb.Completeness())

    expected = [record.body for records in held.values() for record in records]
    found = pages(one_page, limit)
    assert sorted(found) == sorted(expected)
    assert [body[:2] for body in found] == sorted(body[:2] for body in expected)


def test_more_records_of_one_instant_than_a_page_ends_and_says_so(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs_module, "MAX_PAGE_SIZE", 5)
    monkeypatch.setattr(logs_module, "MAX_INNER_LIMIT", 11)
    put(store, *((1, "s", "INFO", f"{n}") for n in range(30)), (2, "s", "INFO", "older"))
    found: list[str] = []
    notes: list[str] = []
    token = ""
    while True:
        response = ask(store, limit=4, page_token=token)
        found += bodies(response)
        notes += response.completeness.notes
        token = response.next_page_token
        if not token:
            break
    assert found[-1] == "older"
    assert len(found) == len(set(found)) < 31
    assert any("have the same time" in note for note in notes)
