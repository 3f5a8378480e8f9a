"""OpenTelemetry for Node (npm) sends traces and metrics to a real agent of a real colony."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from coral.testing.processes import Fleet, query_rows, service_names, settled, summary_counts

REQUESTS = 150
ERRORS = 5
PROGRAM = Path(__file__).parent / "otel_node" / "export.mjs"
NODE_SECONDS = 60

NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(
    NODE is None or "CORAL_TEST_NODE_MODULES" not in os.environ,
    reason="needs node and CORAL_TEST_NODE_MODULES; Bazel gives both",
)


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf", "http/json"])
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_traces_and_metrics_arrive(fleet: Fleet, protocol: str, compression: str) -> None:
    """Each request counts once, a failed trace can be fetched back, no export is refused."""
    service = f"node-{protocol.replace('/', '-')}-{compression}"

    sent = _export(fleet, protocol, compression, service)

    assert sent["failed_exports"] == 0
    counts = settled(lambda: summary_counts(fleet.colony.grpc).get(service), expected=(REQUESTS, ERRORS))
    assert counts == (REQUESTS, ERRORS)
    assert service in service_names(fleet.colony.grpc)
    failed = sent["trace_ids"][0]
    sql = f"SELECT span_name, kind FROM otel_spans_local WHERE trace_id = '{failed}' ORDER BY span_name"
    expected = [["GET /things/:id", "SERVER"], ["SELECT things", "CLIENT"], ["work", "INTERNAL"]]
    assert settled(lambda: query_rows(fleet.colony.grpc, sql), expected) == expected


def _export(fleet: Fleet, protocol: str, compression: str, service: str) -> dict[str, Any]:
    assert NODE is not None
    done = subprocess.run(
        [
            *(NODE, str(PROGRAM), protocol, compression),
            *(fleet.agent.otlp_grpc, fleet.agent.otlp_http, service, str(REQUESTS), str(ERRORS)),
        ],
        capture_output=True,
        text=True,
        timeout=NODE_SECONDS,
        env={
            "PATH": os.environ["PATH"],
            "CORAL_TEST_NODE_MODULES": str(Path(os.environ["CORAL_TEST_NODE_MODULES"]).resolve()),
        },
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
