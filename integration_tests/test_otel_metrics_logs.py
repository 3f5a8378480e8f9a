"""HTTP durations as metrics, and logs, from OpenTelemetry for Python to a real agent of a real colony."""

from __future__ import annotations

import pytest
from opentelemetry._logs import SeverityNumber

from coral.client.colony import ColonyClient
from coral.testing.otel_client import Sending
from coral.testing.otel_signals import DurationMeter, Durations, send_logs
from coral.testing.processes import Fleet, query_rows, settled

ROUNDS = 3
PER_ROUND = 40
ERRORS = 2

DURATIONS = [
    Durations("new"),
    Durations("old"),
    Durations("new", delta=True),
    Durations("new", exponential=True),
    Durations("old", delta=True, exponential=True),
]
SENDINGS = [Sending("grpc", gzip=True), Sending("http", gzip=True)]


@pytest.mark.parametrize("durations", DURATIONS, ids=lambda durations: durations.name)
def test_http_durations_are_counted_exactly_and_answer_in_nanoseconds(
    fleet: Fleet, durations: Durations
) -> None:
    """Whatever the convention, temporality and kind: each request once, by route, with errors and P99."""
    meter = DurationMeter(fleet.agent, Sending("http", gzip=True), durations)
    for round_number in range(ROUNDS):
        for number in range(PER_ROUND):
            meter.record(0.02 + number / 1000, route="/things/{id}", status=500 if number < ERRORS else 200)
            if round_number:
                meter.record(0.3, route="/list", status=404)
        meter.send()
    meter.close()

    sql = (
        "SELECT http_route, sum(request_count)::BIGINT, sum(request_count * error_rate)::BIGINT"
        f" FROM beyla_http_metrics WHERE service_name = '{durations.name}'"
        " AND \"timestamp\" > TIMESTAMP '2000-01-01' GROUP BY http_route ORDER BY http_route"
    )
    expected = [
        ["/list", (ROUNDS - 1) * PER_ROUND, 0],
        ["/things/{id}", ROUNDS * PER_ROUND, ROUNDS * ERRORS],
    ]
    assert settled(lambda: query_rows(fleet.colony.grpc, sql), expected) == expected
    with ColonyClient(fleet.colony.grpc) as client:
        for metric in ("http.server.duration", "http.server.request.duration"):
            found = client.percentile_ns(durations.name, 0.99, metric=metric)
            assert found == pytest.approx(0.3e9, rel=0.1)
        rate = client.error_rate(durations.name)
    assert (rate.request_count, rate.error_count) == ((2 * ROUNDS - 1) * PER_ROUND, ROUNDS * ERRORS)


@pytest.mark.parametrize("sending", SENDINGS, ids=lambda sending: sending.name)
def test_logs_are_counted_by_severity(fleet: Fleet, sending: Sending) -> None:
    """The colony knows how many of each severity there were."""
    service = f"{sending.name}-logs"
    records = [(SeverityNumber.INFO, "started")] * 5 + [(SeverityNumber.ERROR2, "card declined")] * 2
    send_logs(service, fleet.agent, sending, records)

    sql = (
        "SELECT severity, sum(record_count)::BIGINT FROM log_summary"
        f" WHERE service_name = '{service}' AND bucket_time > TIMESTAMP '2000-01-01'"
        " GROUP BY severity ORDER BY severity"
    )
    expected = [["ERROR", 2], ["INFO", 5]]
    assert settled(lambda: query_rows(fleet.colony.grpc, sql), expected) == expected
