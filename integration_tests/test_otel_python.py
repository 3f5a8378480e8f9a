"""OpenTelemetry for Python sends traces and metrics to a real agent of a real colony."""

from __future__ import annotations

import json

import pytest

from coral.client.colony import ColonyClient
from coral.testing.otel_client import Sending, send_metrics, send_traces
from coral.testing.processes import Fleet, query_rows, service_names, settled, summary_counts

REQUESTS = 200
ERRORS = 7

SENDINGS = [
    Sending("grpc", gzip=False),
    Sending("grpc", gzip=True),
    Sending("http", gzip=False),
    Sending("http", gzip=True),
]


@pytest.mark.parametrize("sending", SENDINGS, ids=lambda sending: sending.name)
def test_traces_are_counted_exactly(fleet: Fleet, sending: Sending) -> None:
    """Each request counts once, each failed one as an error, and the service is listed."""
    send_traces(sending.name, fleet.agent, sending, requests=REQUESTS, errors=ERRORS)

    counts = settled(lambda: summary_counts(fleet.colony.grpc).get(sending.name), expected=(REQUESTS, ERRORS))

    assert counts == (REQUESTS, ERRORS)
    assert sending.name in service_names(fleet.colony.grpc)


@pytest.mark.parametrize("sending", SENDINGS, ids=lambda sending: sending.name)
def test_a_failed_trace_can_be_fetched_back(fleet: Fleet, sending: Sending) -> None:
    """The colony keeps failed traces as exemplars, with all their spans, parents and attributes."""
    service = f"{sending.name}-fetched"
    (trace_id,) = send_traces(service, fleet.agent, sending, requests=1, errors=1)

    sql = (
        "SELECT span_name, kind, status_code, parent_span_id IS NULL OR parent_span_id = '' "
        f"FROM otel_spans_local WHERE trace_id = '{trace_id}' ORDER BY span_name"
    )
    expected = [
        ["GET /things/{id}", "SERVER", "ERROR", True],
        ["SELECT things", "INTERNAL", "UNSET", False],
        ["work", "INTERNAL", "UNSET", False],
    ]

    assert settled(lambda: query_rows(fleet.colony.grpc, sql), expected) == expected
    with ColonyClient(fleet.colony.grpc) as client:
        spans = {span.span_name: span for span in client.trace(trace_id)}
    root, work, leaf = spans["GET /things/{id}"], spans["work"], spans["SELECT things"]
    assert {span.service_name for span in spans.values()} == {service}
    assert (root.parent_span_id, work.parent_span_id, leaf.parent_span_id) == ("", root.span_id, work.span_id)
    assert json.loads(root.attributes_json)["http.route"] == "/things/{id}"
    assert json.loads(leaf.attributes_json)["db.system.name"] == "sqlite"


@pytest.mark.parametrize("sending", SENDINGS, ids=lambda sending: sending.name)
def test_a_service_with_metrics_only_is_listed(fleet: Fleet, sending: Sending) -> None:
    """A service that sends no spans is a service, too."""
    service = f"{sending.name}-metrics-only"
    send_metrics(service, fleet.agent, sending)

    assert settled(lambda: service in service_names(fleet.colony.grpc), expected=True)
