"""What operators see of callers' SQL, and how they end it; and streams."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from coral._proto.colony.v1 import queries_pb2, queries_pb2_grpc, query_pb2, query_pb2_grpc
from coral.client.colony import ColonyClient
from coral.client.queries import cancel_query, list_queries
from coral.errors import CoralError, LimitError, MemoryLimitError, NotFoundError, QueryError
from coral.testing.processes import Colony, start_colony


@pytest.fixture(scope="module")
def colony(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Colony]:
    with start_colony(tmp_path_factory.mktemp("queries")) as started:
        yield started


def running(address: str, mark: str) -> list[queries_pb2.QueryInfo]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = [query for query in list_queries(address) if mark in query.sql and query.state == "running"]
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{mark} does not run")


def test_queries_are_listed_and_a_running_one_can_be_ended(colony: Colony) -> None:
    failures: list[CoralError] = []

    def ask() -> None:
        with ColonyClient(colony.grpc) as client:
            try:
                client.query("SELECT count(*) AS endless FROM range(1000000000000)", timeout_ns=60 * 10**9)
            except CoralError as error:
                failures.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    (query,) = running(colony.grpc, "endless")
    assert query.caller.startswith("ipv4:127.0.0.1")
    cancel_query(colony.grpc, query.id)
    asking.join(20)
    assert isinstance(failures[0], QueryError)
    assert "cancelled by an operator" in failures[0].message
    ended = next(each for each in list_queries(colony.grpc) if each.id == query.id)
    assert ended.state == "cancelled"
    with pytest.raises(NotFoundError, match=f"no query {query.id}"):
        cancel_query(colony.grpc, query.id)


def test_scripts_cannot_reach_it(colony: Colony) -> None:
    with grpc.insecure_channel(colony.grpc) as channel, pytest.raises(grpc.RpcError) as caught:
        queries_pb2_grpc.QueriesServiceStub(channel).ListQueries(queries_pb2.ListQueriesRequest(), timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_stream_has_bounds_of_its_own(colony: Colony) -> None:
    with grpc.insecure_channel(colony.grpc) as channel:
        service = query_pb2_grpc.QueryServiceStub(channel)

        def rows(**more: bool) -> query_pb2.QueryTrailer:
            request = query_pb2.ExecuteQueryRequest(sql="FROM range(1000000)", **more)
            (trailer,) = [
                part.trailer for part in service.ExecuteQuery(request, timeout=60) if part.HasField("trailer")
            ]
            return trailer

        assert (rows().row_count, rows().completeness.rows_cut) == (10_000, True)
        assert (rows(stream=True).row_count, rows(stream=True).completeness.rows_cut) == (1_000_000, False)


def test_too_much_memory_is_an_error_of_its_own(colony: Colony) -> None:
    with ColonyClient(colony.grpc) as client:
        with pytest.raises(MemoryLimitError, match=r"416 MiB, the limit query\.worker_memory"):
            client.query("SELECT len(list_transform(range(500000000), lambda x: x))")
        assert client.query("SELECT 1 AS a").rows.to_pylist() == [{"a": 1}]


def test_limits_can_be_set_and_are_named_by_what_they_end(tmp_path: Path) -> None:
    options = [
        *("--query-rows", "7", "--query-bytes", "1MiB", "--query-stream-rows", "9"),
        *("--query-timeout", "500ms", "--query-max-timeout", "10s", "--query-memory", "256MiB"),
        *("--query-at-once", "1", "--query-queue", "1"),
    ]
    ten_seconds = 10 * 10**9
    forever = "SELECT count(*) AS n FROM range(1000000000000)"
    with start_colony(tmp_path, options=options) as colony, ColonyClient(colony.grpc) as client:
        asked = client.query("FROM range(100)", max_rows=50, timeout_ns=ten_seconds)
        assert (asked.rows.num_rows, asked.completeness.limit_added) == (7, 7)
        large = client.query("SELECT repeat('x', 300000) AS x FROM range(7)", timeout_ns=ten_seconds)
        assert large.completeness.rows_cut
        assert any("(the limit query.max_bytes)" in note for note in large.completeness.notes)
        *batches, completeness = client.record_batches("FROM range(100)")
        assert isinstance(completeness, query_pb2.Completeness)
        rows = sum(batch.num_rows for batch in batches if not isinstance(batch, query_pb2.Completeness))
        assert (rows, completeness.rows_cut) == (9, True)
        with pytest.raises(LimitError, match=r"time limit of 0\.5 s") as caught:
            client.query(forever)
        assert "ask for more time, up to 10 s" in str(caught.value.hint)
        with pytest.raises(LimitError, match=r"time limit of 10 s") as caught:
            client.query(forever, timeout_ns=6 * ten_seconds)
        assert "query.max_timeout raises it" in str(caught.value.hint)
        with pytest.raises(MemoryLimitError, match=r"256 MiB, the limit query\.worker_memory") as memory:
            client.query("SELECT len(list_transform(range(500000000), lambda x: x))", timeout_ns=ten_seconds)
        assert "query.worker_memory raises it" in str(memory.value.hint)


def test_slow_queries_are_logged(tmp_path: Path) -> None:
    with start_colony(tmp_path) as colony, ColonyClient(colony.grpc) as client, pytest.raises(CoralError):
        client.query("SELECT count(*) AS slowly FROM range(1000000000000)", timeout_ns=1_200_000_000)
    assert "slowly" in (tmp_path / "logs" / "colony.log").read_text()
