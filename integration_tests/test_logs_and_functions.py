"""Log records of the real OpenTelemetry SDK, functions of real programs, a real agent and colony."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogExporter
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from coral.demo.examples import example
from coral.demo.launch import child_environment, coral_command
from coral.testing.processes import Fleet, coral_json, run_coral, settled

C_SOURCE = """
#include <unistd.h>

int charge_card(int cents) {
    return cents * 2;
}
int main(void) {
    pause();
    return charge_card(1);
}
"""
PYTHON_SOURCE = """
import signal

class Till:
    def charge(self, cents): ...

print("ready", flush=True)
signal.pause()
"""
SCRIPT = """
import * as coral from "@coral/sdk";

const records = await coral.logs.query({ service: "checkout", minSeverity: "warn" });
const payments = await coral.services.get("native");
const charge = await payments.functions.get("charge_card");
const handles = await coral.functions.list("till", { match: "*.charge" });
console.log(JSON.stringify({
  bodies: records.map((record) => record.body),
  severities: records.map((record) => record.severity),
  traced: records.map((record) => record.traceId !== null),
  user: records[0].attributes["user.id"],
  ordered: records.every((record, at) => at === 0 || record.time <= records[at - 1].time),
  charge: [charge.line, (charge.offsetBytes ?? 0) > 0],
  till: handles.map((found) => [found.name, found.line]),
}));
"""


@contextmanager
def running(program: Path | str, *arguments: str, folder: Path) -> Iterator[int]:
    with subprocess.Popen([program, *arguments], cwd=folder, stdout=subprocess.PIPE) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def logger_of(
    fleet: Fleet, service: str, resource: Mapping[str, Any], *, http: bool = False
) -> LoggerProvider:
    exporter: GrpcLogExporter | HttpLogExporter
    if http:
        exporter = HttpLogExporter(endpoint=f"http://{fleet.agent.otlp_http}/v1/logs")
    else:
        exporter = GrpcLogExporter(endpoint=f"http://{fleet.agent.otlp_grpc}", insecure=True)
    provider = LoggerProvider(
        resource=Resource.create({"service.name": service, **resource}), shutdown_on_exit=False
    )
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    return provider


def say_hello(fleet: Fleet, service: str, pid: int) -> None:
    """Makes a service known, as its own SDK would."""
    provider = logger_of(fleet, service, {"process.pid": pid})
    provider.get_logger("test").emit(severity_number=SeverityNumber.INFO, body="started")
    assert provider.force_flush()
    provider.shutdown()


@pytest.fixture(scope="module")
def services(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A C program with debug information, the same stripped, a Python program, and a service that logs."""
    folder = tmp_path_factory.mktemp("programs")
    with ExitStack() as stack:
        expected = {"checkout", "till"}
        (folder / "till.py").write_text(PYTHON_SOURCE)
        say_hello(fleet, "till", stack.enter_context(running(sys.executable, "till.py", folder=folder)))
        if shutil.which("gcc"):
            (folder / "native.c").write_text(C_SOURCE)
            for name, flags in (("native", ["-g"]), ("stripped", ["-s", "-rdynamic"])):
                subprocess.run(["gcc", *flags, "-o", name, "native.c"], cwd=folder, check=True)
                say_hello(fleet, name, stack.enter_context(running(folder / name, folder=folder)))
                expected.add(name)
        provider = logger_of(fleet, "checkout", {}, http=True)
        logger = provider.get_logger("checkout")
        tracer = TracerProvider(shutdown_on_exit=False).get_tracer("checkout")
        logger.emit(severity_number=SeverityNumber.INFO, body="started")
        logger.emit(
            severity_number=SeverityNumber.WARN, body="slow \x1b[2J card", attributes={"user.id": "u0"}
        )
        with tracer.start_as_current_span("checkout"):
            logger.emit(
                severity_number=SeverityNumber.ERROR, body="card declined", attributes={"user.id": "u1"}
            )
        assert provider.force_flush()
        provider.shutdown()

        def known() -> set[str]:
            return {item["name"] for item in coral_json("services", "--colony", fleet.colony.grpc)}

        assert settled(known, expected) == expected
        yield fleet


needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


@needs_gcc
def test_a_script_reads_logs_and_functions(services: Fleet, tmp_path: Path) -> None:
    script = tmp_path / "script.ts"
    script.write_text(SCRIPT)
    done = run_coral("run", "--check", str(script), "--colony", services.colony.grpc)

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "bodies": ["card declined", "slow \x1b[2J card"],
        "severities": ["ERROR", "WARN"],
        "traced": [True, False],
        "user": "u1",
        "ordered": True,
        "charge": [4, True],
        "till": [["till.Till.charge", 5]],
    }


def test_the_example_shows_the_errors(services: Fleet) -> None:
    done = run_coral("run", str(example("error-logs.ts")), "--colony", services.colony.grpc)
    assert (done.returncode, done.stderr) == (0, "")
    head, line = done.stdout.splitlines()
    assert head == "checkout: 1 error in the last 10m"
    assert " card declined (trace " in line


def test_logs_on_the_command_line(services: Fleet) -> None:
    colony = ("--colony", services.colony.grpc)
    found = coral_json("logs", "checkout", "--severity", "warn", *colony)
    assert found["completeness"] == {"rows_cut": False, "missing_agents": [], "notes": []}
    assert [(item["severity"], item["body"], item["agent"]) for item in found["records"]] == [
        ("ERROR", "card declined", "agent-1"),
        ("WARN", "slow \x1b[2J card", "agent-1"),
    ]
    assert found["records"][0]["attributes"]["user.id"] == "u1"

    table = run_coral("logs", "checkout", "--contains", "CARD", "--limit", "1", *colony)
    head, rule, line, count = table.stdout.splitlines()
    assert head.split() == ["time", "severity", "service", "body"]
    assert line.split(maxsplit=1)[1] == "ERROR     checkout  card declined"
    assert (set(rule), count) == ({"-", " "}, "(1 row)")
    assert table.stderr == "note: there are more than these 1: ask with a larger --limit\n"

    none = run_coral("logs", "checkout", "--since", "1ms", *colony)
    assert (none.returncode, none.stdout.splitlines()[-1]) == (0, "(0 rows)")
    bad = run_coral("logs", "--trace", "12", *colony)
    assert (bad.returncode, bad.stderr) == (2, "error: trace_id is '12', expected 32 hex digits\n")


@pytest.mark.parametrize("output", ["table", "csv", "json"])
def test_log_records_cannot_steer_a_terminal(services: Fleet, output: str) -> None:
    command = coral_command("logs", "checkout", "-o", output, "--colony", services.colony.grpc)
    terminal, program_side = pty.openpty()
    with subprocess.Popen(command, stdout=program_side, env=child_environment()) as process:
        os.close(program_side)
        shown = b""
        while chunk := _read(terminal):
            shown += chunk
    os.close(terminal)
    assert process.returncode == 0
    assert b"card" in shown
    assert b"\x1b" not in shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that the other side has closed a terminal
        return b""


def test_functions_on_the_command_line(services: Fleet) -> None:
    colony = ("--colony", services.colony.grpc)
    found = coral_json("functions", "till", *colony)
    (charge,) = found["functions"]
    assert (charge["name"], charge["line"], charge["offset_bytes"]) == ("till.Till.charge", 5, None)
    assert charge["file"].endswith("/till.py")
    assert coral_json("functions", "till", "till.Till.charge", *colony) == charge

    wrong = run_coral("functions", "till", "till.Till.chrge", *colony)
    assert (wrong.returncode, wrong.stderr) == (
        66,
        "error: till has no function named 'till.Till.chrge'\nhint: similar: till.Till.charge\n",
    )
    nobody = run_coral("functions", "nobody", *colony)
    assert nobody.returncode == 66
    assert nobody.stderr.splitlines() == [
        "error: no agent has seen the service nobody within a day",
        "hint: check the name with `coral services`",
    ]
    both = run_coral("functions", "till", "x", "--match", "y", *colony)
    assert (both.returncode, both.stderr) == (
        2,
        "error: NAME and --match do not go together\nhint: leave one of them out\n",
    )
    without = run_coral("functions", "checkout", *colony)
    assert (without.returncode, without.stdout) == (66, "")
    assert "no process of the service checkout was found on this host" in without.stderr


@needs_gcc
def test_functions_of_binaries(services: Fleet) -> None:
    colony = ("--colony", services.colony.grpc)
    table = run_coral("functions", "native", "--match", "charge_*", "-o", "csv", *colony)
    assert (table.returncode, table.stderr) == (0, "")
    head, line = table.stdout.splitlines()
    assert head == "name,source,binary,offset"
    name, source, binary, offset = line.split(",")
    assert (name, Path(source).name, Path(binary).name) == ("charge_card", "native.c:4", "native")
    assert int(offset, 16) > 0

    stripped = coral_json("functions", "stripped", "--match", "charge_*", *colony)
    (charge,) = stripped["functions"]
    assert (charge["name"], charge["file"], charge["line"]) == ("charge_card", None, None)
    assert charge["offset_bytes"] > 0
    (note,) = stripped["completeness"]["notes"]
    assert "is stripped" in note
