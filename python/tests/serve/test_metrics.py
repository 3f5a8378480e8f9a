from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.parser import text_string_to_metric_families

from coral.errors import ListenError
from coral.serve.exposition import Metrics
from coral.serve.instruments import Counter, Figure, Histogram
from coral.serve.metrics_server import MetricsServer
from coral.serve.self_telemetry import to_otlp


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def made() -> Metrics:
    requests = Counter("t_requests_total", "Requests.", ("signal",))
    jumps = Counter("t_jumps_total", "Jumps.")
    seconds = Histogram("t_seconds", "Time.", ("signal",), bounds=(0.1, 1.0))
    requests.add(2, "spans")
    requests.add(1, 'odd"\n')
    for value in (0.05, 0.1, 0.5, 3.0):
        seconds.observe(value, "spans")

    def figures() -> Iterable[Figure]:
        yield Figure("t_rows", "Rows.", 7, {"table": "a"})
        yield Figure("t_lost_total", "Lost.", 3)
        yield Figure("t_rows", "Rows.", 8, {"table": "b"})
        yield Figure("t_open", "Whether it is.", True)

    return Metrics((requests, jumps, seconds), figures)


def test_prometheus_reads_what_was_counted() -> None:
    found = samples(made().text())
    spans = ("signal", "spans")
    assert found["t_requests_total", (spans,)] == 2
    assert found["t_requests_total", (("signal", 'odd"\n'),)] == 1
    assert found["t_jumps_total", ()] == 0  # there before its first increase
    assert [found["t_seconds_bucket", (("le", le), spans)] for le in ("0.1", "1.0", "+Inf")] == [2, 3, 4]
    assert found["t_seconds_sum", (spans,)] == pytest.approx(3.65)
    assert found["t_seconds_count", (spans,)] == 4
    assert (found["t_rows", (("table", "a"),)], found["t_rows", (("table", "b"),)]) == (7, 8)
    assert found["t_lost_total", ()] == 3
    assert found["process_resident_memory_bytes", ()] > 1e6


def test_otlp_carries_the_same_figures() -> None:
    metrics = made()
    data = to_otlp(metrics.families(), resource={"service.name": "x"}, start_ns=1, now_ns=2)
    (resource,) = data.resource_metrics
    assert resource.resource.attributes["service.name"] == "x"
    by_name = {metric.name: metric.data for metric in resource.scope_metrics[0].metrics}
    sums = by_name["t_requests_total"]
    assert (sums.is_monotonic, sums.data_points[-1].value) == (True, 2)  # type: ignore[union-attr]
    (seconds,) = by_name["t_seconds"].data_points
    assert (list(seconds.bucket_counts), list(seconds.explicit_bounds)) == ([2, 1, 1], [0.1, 1.0])  # type: ignore[union-attr]
    assert (seconds.count, seconds.sum) == (4, pytest.approx(3.65))  # type: ignore[union-attr]
    # The encoder takes no booleans.
    assert [type(point.value) for point in by_name["t_open"].data_points] == [float]  # type: ignore[union-attr]
    assert [point.value for point in by_name["t_rows"].data_points] == [7, 8]  # type: ignore[union-attr]


def test_counting_from_many_threads_loses_nothing() -> None:
    counter = Counter("t_total", "T.", ("a",))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: [counter.add(1, str(n % 2)) for _ in range(1000)], range(8)))
    assert counter.values() == {("0",): 4000, ("1",): 4000}


class Served:
    def __init__(self) -> None:
        self.problems: list[str] = []
        self.server = MetricsServer("127.0.0.1:0", made(), problems=lambda: self.problems)

    def get(self, path: str) -> tuple[int, str, str]:
        try:
            with urllib.request.urlopen(f"http://{self.server.address}{path}", timeout=10) as answer:
                return answer.status, answer.headers["content-type"], answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["content-type"], error.read().decode()


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    yield made
    made.server.close()


def test_the_pages(served: Served) -> None:
    status, media_type, page = served.get("/metrics")
    assert (status, media_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert 't_requests_total{signal="spans"} 2.0' in page
    assert served.get("/healthz")[::2] == (200, "ok\n")
    assert served.get("/readyz")[::2] == (200, "ok\n")
    assert served.get("/else")[0] == 404
    served.problems.append("The disk is full.")
    assert served.get("/readyz")[::2] == (503, "The disk is full.\n")
    assert served.get("/healthz")[0] == 200  # a restart would not help


def test_clients_that_say_nothing_hold_up_nobody(served: Served) -> None:
    host, port = served.server.address.split(":")
    silent = [socket.create_connection((host, int(port))) for _ in range(10)]
    try:
        assert served.get("/healthz")[0] == 200
    finally:
        for connection in silent:
            connection.close()


def test_a_page_that_cannot_be_made_is_a_500() -> None:
    def broken() -> Iterable[Figure]:
        raise ZeroDivisionError

    server = MetricsServer("127.0.0.1:0", Metrics((), broken), problems=list)
    try:
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"http://{server.address}/metrics", timeout=10)
        with caught.value:
            assert caught.value.code == 500
    finally:
        server.close()


def test_an_address_in_use_is_said(served: Served) -> None:
    with pytest.raises(ListenError, match=r"cannot listen on 127\.0\.0\.1"):
        MetricsServer(served.server.address, made(), problems=list)
