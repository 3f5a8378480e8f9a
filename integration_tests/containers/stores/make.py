"""Writes the stores of a colony and an agent with the Coral whose tree it runs in (README.md)."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

from coral.testing.processes import Agent, coral_json, settled, start_agent, start_colony, summary_counts

NOBODY = "127.0.0.1:9"


def send(agent: Agent, service: str, count: int) -> None:
    """Sends requests, of which two failed."""
    provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"http://{agent.otlp_grpc}", insecure=True)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("make")
    for number in range(count):
        now = time.time_ns()
        span = tracer.start_span("GET /", kind=SpanKind.SERVER, start_time=now - 50_000_000)
        if number < 2:
            span.set_status(StatusCode.ERROR)
        span.end(end_time=now)
    if not provider.force_flush():
        sys.exit("error: the agent did not take all")
    provider.shutdown()


def outbox(folder: Path) -> bool:
    """Whether something waits on the agent."""
    status = coral_json("agent", "status", "--data", str(folder / "agent-old"))
    return bool(status["outbox_batches"])


def main(folder: Path) -> None:
    """Writes both."""
    with start_colony(folder) as colony, start_agent(colony.grpc, folder, agent_id="agent-old") as agent:
        send(agent, "before", 40)
        if settled(lambda: summary_counts(colony.grpc), {"before": (40, 2)}) != {"before": (40, 2)}:
            sys.exit("error: the colony did not take all")
    with start_agent(NOBODY, folder, agent_id="agent-old") as agent:
        send(agent, "waiting", 25)
        if settled(lambda: outbox(folder), True) is not True:
            sys.exit("error: nothing waits")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
