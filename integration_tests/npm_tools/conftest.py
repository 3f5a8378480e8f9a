"""Node 24 and its tools; a colony that knows one service."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

from coral.testing.node_tools import NodeTools, node_tools
from coral.testing.processes import settled, start_agent, start_colony, summary_counts

# gRPC's handlers of fork() fail now and then in a child that is about to exec, while clients are sending.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")


@pytest.fixture(scope="session")
def tools() -> NodeTools:
    """The tools."""
    found = node_tools()
    if found is None:
        pytest.skip("the tools are not here; ./bazelw test //integration_tests/npm_tools/... has them")
    return found


@pytest.fixture(scope="session")
def colony(tools: NodeTools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a colony that has 20 requests of `payments`, of 50 ms each."""
    folder = tmp_path_factory.mktemp("fleet")
    with start_colony(folder) as colony, start_agent(colony.grpc, folder) as agent:
        exporter = OTLPSpanExporter(endpoint=f"http://{agent.otlp_grpc}", insecure=True)
        resource = Resource.create({"service.name": "payments"})
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        tracer = provider.get_tracer("test")
        now = time.time_ns()
        for _ in range(20):
            tracer.start_span("GET /", kind=SpanKind.SERVER, start_time=now - 50_000_000).end(end_time=now)
        assert provider.force_flush()
        provider.shutdown()
        expected = {"payments": (20, 0)}
        assert settled(lambda: summary_counts(colony.grpc), expected) == expected
        yield colony.grpc
