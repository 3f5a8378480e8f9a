"""Calls between services of real OpenTelemetry SDKs become edges in the colony, each call once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

from coral.testing.processes import Agent, Fleet, query_rows, settled

CALLS = 200
FAIL_EVERY = 4
FLUSH_MILLIS = 20_000

EXPECTED = {
    ("storefront", "basket"): (CALLS, CALLS // FAIL_EVERY),
    ("basket", "postgresql"): (CALLS, 0),
    ("basket", "parcels"): (2 * CALLS, 0),
}


class Service:
    """A service with a tracer of its own, as if it were a process of its own."""

    def __init__(self, name: str, agent: Agent) -> None:
        resource = Resource.create({"service.name": name})
        self.provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=f"http://{agent.otlp_grpc}", insecure=True)
        self.provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=100))
        self._tracer = self.provider.get_tracer("service-graph")

    @contextmanager
    def calling(self, kind: SpanKind, attributes: dict[str, str] | None = None) -> Iterator[dict[str, str]]:
        """A CLIENT or PRODUCER span; answers the headers that travel."""
        with self._tracer.start_as_current_span("call", kind=kind, attributes=attributes):
            headers: dict[str, str] = {}
            inject(headers)
            yield headers

    @contextmanager
    def serving(self, kind: SpanKind, headers: dict[str, str], *, fails: bool = False) -> Iterator[None]:
        """A SERVER or CONSUMER span for what came with these headers."""
        context = extract(headers)
        with self._tracer.start_as_current_span("serve", context=context, kind=kind) as span:
            if fails:
                span.set_status(StatusCode.ERROR)
            yield


def test_calls_between_three_services(fleet: Fleet) -> None:
    storefront, basket, parcels = (Service(name, fleet.agent) for name in ("storefront", "basket", "parcels"))
    for number in range(CALLS):
        with storefront.serving(SpanKind.SERVER, {}), storefront.calling(SpanKind.CLIENT) as request:
            with basket.serving(SpanKind.SERVER, request, fails=number % FAIL_EVERY == 0):
                with basket.calling(SpanKind.CLIENT, {"db.system.name": "postgresql"}):
                    pass
                with basket.calling(SpanKind.PRODUCER) as message:
                    pass
            # Two consumers of one message, after the request is over.
            for _ in range(2):
                with parcels.serving(SpanKind.CONSUMER, message):
                    pass
    for service in (parcels, storefront, basket):
        assert service.provider.force_flush(FLUSH_MILLIS), "the agent did not take all spans"
        service.provider.shutdown()

    assert settled(lambda: edges(fleet.colony.grpc), EXPECTED) == EXPECTED


def edges(colony: str) -> dict[tuple[str, str], tuple[int, int]]:
    """Requests and errors by caller and callee."""
    sql = (
        "SELECT caller, callee, sum(request_count)::BIGINT, sum(error_count)::BIGINT FROM service_graph"
        " WHERE bucket_time > TIMESTAMP '2000-01-01' GROUP BY ALL"
    )
    return {
        (caller, callee): (int(requests), int(errors))
        for caller, callee, requests, errors in query_rows(colony, sql)
    }
