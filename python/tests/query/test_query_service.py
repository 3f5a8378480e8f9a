from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from coral._proto.colony.v1 import query_pb2 as pb
from coral._proto.colony.v1 import query_pb2_grpc
from coral.client.colony import ColonyClient, to_rows
from coral.errors import DeniedError, LimitError, NoDataError, QueryError, UnreachableError, UsageError
from coral.limits import MAX_QUERY_REQUEST_BYTES
from coral.testing.processes import start_colony
from tests.colony.fleet_client import FleetStream, resource_chunk, rollup_chunk, span_chunk

TRACES = 25


@dataclass(frozen=True)
class Served:
    address: str
    stub: query_pb2_grpc.QueryServiceStub


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A colony that has one minute of `payments`: 1 ms to 1000 ms, 12 of 1000 failed."""
    now = datetime.now(UTC).replace(tzinfo=None)
    minute = now.replace(second=0, microsecond=0)
    with start_colony(tmp_path_factory.mktemp("colony")) as colony:
        with FleetStream(colony.fleet) as agent:
            agent.welcome()
            agent.deliver(
                1,
                rollup_chunk([n * 1_000_000 for n in range(1, 1001)], at=minute, errors=12),
                resource_chunk("payments", at=now),
                resource_chunk("orders", at=now - timedelta(days=1)),
                span_chunk("payments", [(n + 1) * 10_000_000 for n in range(TRACES)], at=now),
            )
        with grpc.insecure_channel(colony.grpc) as channel:
            yield Served(colony.grpc, query_pb2_grpc.QueryServiceStub(channel))


@pytest.fixture
def client(served: Served) -> Iterator[ColonyClient]:
    with ColonyClient(served.address) as opened:
        yield opened


@pytest.mark.parametrize(
    ("q", "milliseconds"), [(0.5, 500.5), (0.95, 950.05), (0.99, 990.01), (0, 1), (1, 1000)]
)
def test_percentiles_are_within_the_error_of_the_buckets(
    client: ColonyClient, q: float, milliseconds: float
) -> None:
    assert client.percentile_ns("payments", q) == pytest.approx(milliseconds * 1e6, rel=0.006)


def test_error_rates_come_with_their_counts(client: ColonyClient) -> None:
    found = client.error_rate("payments")
    assert (found.request_count, found.error_count, found.error_rate) == (1000, 12, 0.012)
    assert found.window.end.seconds - found.window.start.seconds == 360  # 5 minutes, widened to whole ones


def test_helpers_and_the_summary_table_agree(client: ColonyClient) -> None:
    sql = "SELECT request_count, error_count, p50_ms, p99_ms FROM service_summary WHERE service_name = 'payments'"
    ((requests, errors, p50, p99),) = to_rows(client.query(sql).rows)
    assert (requests, errors) == (1000, 12)
    assert p50 == pytest.approx(client.percentile_ns("payments", 0.5) / 1e6)
    assert p99 == pytest.approx(client.percentile_ns("payments", 0.99) / 1e6)


def test_series_and_histograms_agree_with_percentiles(served: Served, client: ColonyClient) -> None:
    series = served.stub.GetSeries(pb.GetSeriesRequest(service="payments", step=Duration(seconds=1)))
    assert len(series.points) == 61
    (point,) = [point for point in series.points if point.request_count]
    assert (point.request_count, point.error_count, point.error_rate) == (1000, 12, 0.012)
    assert (point.p50, point.p99) == (
        client.percentile_ns("payments", 0.5),
        client.percentile_ns("payments", 0.99),
    )
    histogram = served.stub.GetHistogram(pb.GetHistogramRequest(service="payments", max_buckets=10))
    assert (histogram.sample_count, histogram.smallest, histogram.largest) == (1000, 1e6, 1e9)
    assert 5 <= len(histogram.buckets) <= 10
    for request in (
        pb.GetSeriesRequest(),
        pb.GetSeriesRequest(service="payments", step=Duration(seconds=-1)),
    ):
        with pytest.raises(grpc.RpcError) as refused:
            served.stub.GetSeries(request)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(grpc.RpcError) as none:
        served.stub.GetHistogram(pb.GetHistogramRequest(service="nobody"))
    assert none.value.code() is grpc.StatusCode.NOT_FOUND


def test_no_data_is_an_error_that_names_what_was_asked(served: Served, client: ColonyClient) -> None:
    with pytest.raises(NoDataError) as caught:
        client.percentile_ns("nobody", 0.5)
    assert caught.value.fields == {"service": "nobody", "metric": "http.server.duration", "window": "5m"}
    with pytest.raises(NoDataError):
        client.percentile_ns("payments", 0.5, metric="queue.depth")
    with pytest.raises(NoDataError):
        client.error_rate("nobody")
    with pytest.raises(NoDataError):
        client.error_rate("orders")
    with pytest.raises(grpc.RpcError) as raw:
        served.stub.GetSystemMetrics(pb.GetSystemMetricsRequest())
    assert raw.value.code() is grpc.StatusCode.NOT_FOUND


def test_errors_carry_a_reason_and_a_hint_for_any_language(served: Served) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        served.stub.GetPercentile(pb.GetPercentileRequest(service="payments", percentile=99))
    metadata = dict(caught.value.trailing_metadata())
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.domain, info.reason, info.metadata["hint"]) == ("coral", "INVALID_ARGUMENT", "P99 is 0.99")


def test_services_are_listed_by_name_and_by_page(served: Served) -> None:
    first = served.stub.ListServices(pb.ListServicesRequest(page_size=1))
    second = served.stub.ListServices(pb.ListServicesRequest(page_size=1, page_token=first.next_page_token))
    assert [item.name for item in first.services] == ["orders"]
    assert [item.name for item in second.services] == ["payments"]
    assert second.next_page_token == ""
    recent = served.stub.ListServices(pb.ListServicesRequest(window=Duration(seconds=60)))
    assert [item.name for item in recent.services] == ["payments"]


def test_traces_are_paged_without_gaps_or_repeats(served: Served) -> None:
    seen: list[str] = []
    token = ""
    while True:
        page = served.stub.QueryTraces(
            pb.QueryTracesRequest(service="payments", page_size=7, page_token=token)
        )
        seen += [trace.trace_id for trace in page.traces]
        assert page.completeness.sampled
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == len(set(seen)) == TRACES


def test_slow_traces_are_slowest_first_and_paged(served: Served) -> None:
    request = pb.FindSlowTracesRequest(
        service="payments", threshold=Duration(nanos=100_000_000), page_size=10
    )
    first = served.stub.FindSlowTraces(request)
    request.page_token = first.next_page_token
    second = served.stub.FindSlowTraces(request)
    durations = [trace.duration.ToMilliseconds() for trace in [*first.traces, *second.traces]]
    assert durations == [n * 10 for n in range(TRACES, 9, -1)]


def test_traces_are_filtered_by_outcome_and_duration(served: Served) -> None:
    failed = served.stub.QueryTraces(pb.QueryTracesRequest(status=pb.TRACE_STATUS_ERROR))
    assert len(failed.traces) == TRACES // 2
    assert all(trace.has_error for trace in failed.traces)
    quick = served.stub.QueryTraces(pb.QueryTracesRequest(max_duration=Duration(nanos=20_000_000)))
    assert len(quick.traces) == 2


def test_a_trace_is_answered_with_its_spans(client: ColonyClient) -> None:
    (span,) = client.trace(f"{3:032X}")
    assert (span.service_name, span.duration.ToMilliseconds(), span.kind) == (
        "payments",
        30,
        pb.SPAN_KIND_SERVER,
    )
    assert span.attributes_json == '{"http.route":"/"}'


@pytest.mark.parametrize(
    "request_",
    [
        pb.QueryTracesRequest(page_size=-1),
        pb.QueryTracesRequest(page_size=1001),
        pb.QueryTracesRequest(page_token="nonsense"),
        pb.QueryTracesRequest(window=Duration(seconds=-1)),
    ],
)
def test_bad_requests_are_told_apart(served: Served, request_: pb.QueryTracesRequest) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        served.stub.QueryTraces(request_)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_sql_sees_what_was_acknowledged_a_moment_ago(client: ColonyClient) -> None:
    result = client.query("SELECT count(*) AS n, any_value(kind) AS k FROM otel_spans_local")
    assert result.columns == [("n", "BIGINT"), ("k", "VARCHAR")]
    assert to_rows(result.rows) == [[TRACES, "SERVER"]]
    assert result.completeness.sampled
    assert not result.completeness.rows_cut


def test_cut_rows_are_reported(client: ColonyClient) -> None:
    result = client.query("FROM range(5)", max_rows=3)
    assert to_rows(result.rows) == [[0], [1], [2]]
    assert result.completeness.rows_cut
    assert result.completeness.limit_added == 3


def test_sql_errors_have_their_kinds(client: ColonyClient) -> None:
    with pytest.raises(DeniedError):
        client.query("DELETE FROM spans")
    with pytest.raises(QueryError):
        client.query("SELECT nonsense")
    with pytest.raises(UsageError):
        client.query("   ")
    with pytest.raises(LimitError, match=r"time limit of 0\.5 s"):
        client.query("SELECT count(*) FROM range(1000000000000)", timeout_ns=500_000_000)
    for table in ("agents", "applied_sequences", "segments", "store_identity", "schema_migrations"):
        with pytest.raises(DeniedError, match=table):
            client.query(f"SELECT * FROM {table}")


def test_a_statement_that_no_request_holds_names_the_limit(client: ColonyClient) -> None:
    with pytest.raises(LimitError, match=f"the limit MAX_QUERY_REQUEST_BYTES is {MAX_QUERY_REQUEST_BYTES}"):
        client.query(f"SELECT '{'x' * MAX_QUERY_REQUEST_BYTES}'")


def test_an_absent_colony_is_named() -> None:
    with ColonyClient("127.0.0.1:1") as client, pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1"):
        client.services()


def test_health_and_reflection_answer(served: Served, tmp_path: Path) -> None:
    with grpc.insecure_channel(served.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service="coral.colony.v1.QueryService")
        assert health.Check(request).status == health_pb2.HealthCheckResponse.SERVING
        reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        (answer,) = reflection.ServerReflectionInfo(asked)
        names = {item.name for item in answer.list_services_response.service}
        assert {"coral.colony.v1.QueryService", "coral.colony.v1.StatusService"} <= names
        assert "coral.colony.v1.FleetService" not in names
