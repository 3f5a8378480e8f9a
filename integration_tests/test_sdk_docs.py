"""The examples in the SDK's documentation, by `deno test --doc`, against a real agent and colony."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

import coral
from coral.testing.processes import Fleet, query_rows, settled

PACKAGE = Path(coral.__file__).parent
SOURCES = Path(os.environ.get("CORAL_TEST_TYPESCRIPT") or PACKAGE.parents[1] / "typescript") / "sdk"
DENO = os.environ.get("CORAL_TEST_DENO") or str(PACKAGE / "_deno" / "deno")
REQUESTS = 50
SERVICES = ("orders", "payments")
CHARGING = """
import signal

def charge(cents): ...

print("ready", flush=True)
signal.pause()
"""


@pytest.fixture(scope="module")
def colony(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A colony that knows the services of the examples; payments is a program whose functions can be read."""
    folder = tmp_path_factory.mktemp("program")
    (folder / "payments").mkdir()
    (folder / "payments" / "__init__.py").touch()
    (folder / "payments" / "api.py").write_text(CHARGING)
    command = [sys.executable, "-m", "payments.api"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, env={"PATH": "/usr/bin"}) as program:
        try:
            assert program.stdout is not None
            assert program.stdout.readline() == b"ready\n"
            for service in SERVICES:
                _serve(fleet.agent.otlp_grpc, service, program.pid)
            counts = "SELECT sum(request_count)::BIGINT FROM service_summary GROUP BY service_name"
            expected = [[REQUESTS], [REQUESTS]]
            assert settled(lambda: query_rows(fleet.colony.grpc, counts), expected) == expected
            hosts = "SELECT count(*) > 0 FROM system_metrics_rollup"
            assert settled(lambda: query_rows(fleet.colony.grpc, hosts), [[True]]) == [[True]]
            yield fleet.colony.grpc
        finally:
            program.kill()


def _serve(otlp: str, service: str, pid: int) -> None:
    resource = Resource.create({"service.name": service, "process.pid": pid})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"http://{otlp}", insecure=True)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    now = time.time_ns()
    for number in range(1, REQUESTS + 1):
        start = now - number * 20_000_000
        span = provider.get_tracer("test").start_span("GET /", kind=SpanKind.SERVER, start_time=start)
        if number % 10 == 0:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end_time=now)
    assert provider.force_flush()
    provider.shutdown()


def test_every_example_runs(colony: str, tmp_path: Path) -> None:
    connection = {
        "mode": "cli",
        "address": colony,
        "tls": False,
        "ca": None,
        "token": None,
        "params": {},
        "scriptName": "example.ts",
        "executionId": "00000000-0000-4000-8000-000000000001",
    }
    (tmp_path / "connection.js").write_text(
        f'globalThis[Symbol.for("coral.connection")] = {json.dumps(connection)};'
    )
    types = (PACKAGE / "_sdk" / "types" / "mod.d.ts").as_uri()
    bundle = (PACKAGE / "_sdk" / "mod.js").as_uri()
    (tmp_path / "sdk.js").write_text(
        f'// @ts-self-types="{types}"\nimport "./connection.js";\nexport * from "{bundle}";\n'
    )
    (tmp_path / "map.json").write_text(
        json.dumps({"imports": {"@coral/sdk": "./sdk.js", "@coral/sdk/skills": "./skills.js"}})
    )
    recipes, whole = PACKAGE / "_sdk" / "types" / "skills.d.ts", PACKAGE / "_sdk" / "skills.js"
    (tmp_path / "skills.js").write_text(
        f'// @ts-self-types="{recipes.as_uri()}"\n'
        f'import "./connection.js";\nexport * from "{whole.as_uri()}";\n'
    )
    # A copy, from which nothing but the comments is used: what they import is the SDK that ships.
    written = [*SOURCES.glob("*.ts"), *SOURCES.glob("skills/*.ts")]
    sources = sorted(path for path in written if "```ts" in path.read_text(encoding="utf-8"))
    for path in sources:
        (tmp_path / path.name).write_text(comments(path.read_text(encoding="utf-8")))
    done = subprocess.run(
        [
            *(DENO, "test", "--doc", "--no-config", "--no-remote", "--no-prompt"),
            *(f"--allow-net={colony}", f"--import-map={tmp_path / 'map.json'}"),
            *(str(tmp_path / path.name) for path in sources),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        env={
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "NO_COLOR": "1",
            "DENO_DIR": str(tmp_path / "deno"),
            "DENO_NO_UPDATE_CHECK": "1",
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"ok \| (\d+) passed \| 0 failed", done.stdout)
    assert passed, done.stdout
    examples = sum(path.read_text(encoding="utf-8").count("* ```ts") for path in sources)
    assert int(passed[1]) == examples > 40


def comments(text: str) -> str:
    """The documentation comments of a source, each in front of something that is exported."""
    found = re.findall(r"/\*\*.*?\*/", text, re.DOTALL)
    return "".join(f"{comment}\nexport const _{number} = 0;\n" for number, comment in enumerate(found))
