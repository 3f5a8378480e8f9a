"""Events of scripts, by `coral run` and `coral events`, against a real colony."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from coral.demo.launch import child_environment, coral_command
from coral.testing.processes import coral_json, query_rows, run_coral, start_colony

EMITTING = """
import * as coral from "@coral/sdk";

await coral.emit("alert", {
  severity: "warning",
  message: "P99 latency exceeded 500ms",
  service: "payments",
  p99: 990.5,
  timestamp: new Date().toISOString()
});
await coral.emit("checked", { services: 12 });
await coral.emit("alert", { message: "down \\u001b[31m" }, { severity: "critical" });
await coral.heartbeat();
const known = await coral.events.query({ name: "alert", minSeverity: "warning" });
console.log(known.map((event) => `${event.severity} ${event.data.message?.toString().slice(0, 4)}`).join());
"""


@pytest.fixture(scope="module")
def colony(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with start_colony(tmp_path_factory.mktemp("colony")) as started:
        yield started.grpc


@pytest.fixture(scope="module")
def ran(colony: str, tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    script = tmp_path_factory.mktemp("scripts") / "emitting.ts"
    script.write_text(EMITTING)
    return run_coral("run", "--check", str(script), "--colony", colony)


def test_events_are_shown_on_stderr_as_they_happen(ran: subprocess.CompletedProcess[str]) -> None:
    assert (ran.returncode, ran.stdout) == (0, "critical down,warning P99 \n")
    first, second, third = ran.stderr.splitlines()
    assert first.startswith('[warning] alert: P99 latency exceeded 500ms {"service":"payments","p99":990.5,')
    assert (second, third) == ('[info] checked: {"services":12}', "[critical] alert: down \x1b[31m")


def test_events_are_listed(colony: str, ran: subprocess.CompletedProcess[str]) -> None:
    assert ran.returncode == 0
    found = coral_json("events", "--colony", colony)
    assert found["more"] is False
    assert [(event["name"], event["severity"]) for event in found["events"]] == [
        ("alert", "critical"),
        ("checked", "info"),
        ("alert", "warning"),
    ]
    assert {event["script"] for event in found["events"]} == {"emitting.ts"}
    assert len({event["execution_id"] for event in found["events"]}) == 1
    assert found["events"][1]["data"] == {"services": 12}

    done = run_coral("events", "--severity", "warning", "--limit", "1", "-o", "jsonl", "--colony", colony)
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["severity"] == "critical"

    done = run_coral("events", "--name", "alert", "--limit", "1", "--colony", colony)
    assert done.returncode == 0
    head, _, row, count = done.stdout.splitlines()
    assert count == "(1 row)"
    assert head.split() == ["time", "severity", "name", "script", "data"]
    assert row.endswith("critical  alert  emitting.ts  down \\x1b[31m")
    assert done.stderr == "note: there are more than these 1: ask with a larger --limit\n"

    none = run_coral("events", "--name", "nothing", "-o", "jsonl", "--colony", colony)
    assert (none.returncode, none.stdout, none.stderr) == (0, "", "")


def test_events_are_followed(colony: str, tmp_path: Path, ran: subprocess.CompletedProcess[str]) -> None:
    assert ran.returncode == 0
    command = coral_command("events", "--follow", "-o", "jsonl", "--name", "alert", "--colony", colony)
    with subprocess.Popen(command, env=child_environment(), stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        before = [json.loads(following.stdout.readline())["severity"] for _ in range(2)]
        assert before == ["warning", "critical"]
        again = run_coral("run", "-e", 'await coral.emit("alert", { message: "again" })', "--colony", colony)
        assert (again.returncode, again.stderr) == (0, "[info] alert: again\n")
        assert json.loads(following.stdout.readline())["data"] == {"message": "again"}
        following.terminate()
        following.stdout.close()
    done = run_coral("events", "--follow", "-o", "json", "--colony", colony)
    assert done.returncode == 2
    assert "hint: -o jsonl" in done.stderr


def test_sql_does_not_read_events(colony: str, ran: subprocess.CompletedProcess[str]) -> None:
    assert ran.returncode == 0
    for name in ("script_events", "main.script_events"):
        done = run_coral("query", f"SELECT * FROM {name}", "--colony", colony)
        assert done.returncode == 77
        assert "script_events" in done.stderr
    tables = query_rows(colony, "SELECT DISTINCT table_name FROM table_catalogue")
    assert ["otel_spans_local"] in tables
    assert ["script_events"] not in tables


def test_a_run_that_emits_too_much_is_told_the_limit(colony: str) -> None:
    big = 'await coral.emit("big", { x: "x".repeat(70_000) });'
    done = run_coral("run", "-e", big, "--colony", colony)
    assert done.returncode == 1
    assert "expected at most 65536 (MAX_EVENT_BYTES)" in done.stderr
