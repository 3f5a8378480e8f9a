"""Who sees attribute values that are for few: every way out of a real colony, with and without the right."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from coral._proto.colony.v1 import query_pb2 as pb
from coral.client.colony import ColonyClient
from coral.config.access import CLEAR, Access
from coral.demo.launch import Agent
from coral.errors import CoralError
from coral.model.redaction import REDACTED
from coral.testing.processes import start_agent, start_colony
from tests.runner.program import Program
from tests.security.conftest import Secured, holds

SECRET = "hunter2"
TRACE = "ab" * 16
BODIES = {
    f"login with password={SECRET} failed",
    '{"user":"bob","api_key":"hunter2"}',
    "nothing to hide",
}


def attribute(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


def send(agent: Agent) -> None:
    """A failed span, which becomes an exemplar, and log records; the secret is in all their parts."""
    now = time.time_ns()
    resource = {"attributes": [attribute("service.name", "payments"), attribute("db.password", SECRET)]}
    span = {
        "traceId": TRACE,
        "spanId": "cd" * 8,
        "name": "POST /pay",
        "kind": 2,
        "startTimeUnixNano": str(now - 5_000_000),
        "endTimeUnixNano": str(now),
        "status": {"code": 2, "message": f"refused: token={SECRET}"},
        "attributes": [
            attribute("http.request.header.authorization", f"Bearer {SECRET}"),
            attribute("url.full", f"https://pay/?access_token={SECRET}&n=1"),
            attribute("http.route", "/pay"),
        ],
        "events": [{"timeUnixNano": str(now), "name": "e", "attributes": [attribute("secret", SECRET)]}],
        "links": [{"traceId": TRACE, "spanId": "ef" * 8, "attributes": [attribute("cookie", SECRET)]}],
    }
    records = [
        {"timeUnixNano": str(now), "severityNumber": 9, "body": {"stringValue": body}} for body in BODIES
    ]
    records[0]["attributes"] = [attribute("session.token", SECRET)]
    post(agent, "traces", {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]})
    post(agent, "logs", {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]})


def post(agent: Agent, signal: str, body: dict[str, Any]) -> None:
    request = urllib.request.Request(
        f"http://{agent.otlp_http}/v1/{signal}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        assert response.status == 200


@dataclass(frozen=True)
class Asked:
    """A colony with the telemetry of `send`, and who asks it."""

    colony: str
    access: Access
    flags: tuple[str, ...]

    def sql(self, statement: str) -> str:
        with ColonyClient(self.colony, self.access) as client:
            return str(client.query(statement).rows.to_pylist())

    def logs(self, contains: str = "") -> pb.QueryLogsResponse:
        with ColonyClient(self.colony, self.access) as client:
            return client.logs(pb.QueryLogsRequest(contains=contains), limit=10)

    def trace(self) -> str:
        with ColonyClient(self.colony, self.access) as client:
            return str(client.trace(TRACE))

    def arrived(self) -> bool:
        try:
            return len(self.logs().records) == 3 and "POST /pay" in self.trace()
        except CoralError:
            return False


@pytest.fixture(scope="module")
def telemetry(secured: Secured) -> Iterator[dict[str, Asked]]:
    """One who may see raw attributes, and one who may not."""
    secured.make("insider", "viewer", raw_attributes=True)
    options = (
        "--tls-ca",
        str(secured.authority.file),
        "--token-file",
        str(secured.file("agent")),
    )
    with start_agent(secured.colony.grpc, secured.folder, options=options) as agent:
        send(agent)
        asked = {
            name: Asked(secured.colony.grpc, secured.access(name), tuple(secured.flags(name)))
            for name in ("insider", "viewer", "admin")
        }
        holds(asked["viewer"].arrived, True)
        yield asked


SPANS = "SELECT * FROM spans"
STATEMENTS = [
    SPANS,
    "SELECT * FROM otel_spans_local",
    "SELECT * FROM resources_local",
    "SELECT * FROM resources",
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_sql(telemetry: dict[str, Asked], statement: str) -> None:
    assert SECRET in telemetry["insider"].sql(statement)
    for name in ("viewer", "admin"):  # the right is the token's, not the role's
        rows = telemetry[name].sql(statement)
        assert SECRET not in rows
        assert REDACTED in rows


def test_what_a_span_has_besides_its_secrets_stays(telemetry: dict[str, Asked]) -> None:
    (row,) = telemetry["viewer"].sql("SELECT attributes FROM otel_spans_local").splitlines()
    assert '"http.route":"/pay"' in row
    assert f"access_token={REDACTED}&n=1" in row


def test_traces(telemetry: dict[str, Asked]) -> None:
    assert SECRET in telemetry["insider"].trace()
    hidden = telemetry["viewer"].trace()
    assert SECRET not in hidden
    assert hidden.count(REDACTED) == 2


def test_log_records_and_what_is_looked_for_in_them(telemetry: dict[str, Asked]) -> None:
    shown, hidden = telemetry["insider"].logs(), telemetry["viewer"].logs()
    assert {record.body for record in shown.records} == BODIES
    assert str(shown).count(SECRET) == 3
    assert len(hidden.records) == 3
    assert SECRET not in str(hidden)
    # A condition is no way to guess: neither records nor the sign that there are more.
    for guess in (SECRET, "hunter", "password=h", 'api_key":"h', SECRET.upper()):
        assert len(telemetry["insider"].logs(guess).records) > 0, guess
        assert telemetry["viewer"].logs(guess) == telemetry["viewer"].logs("no such text"), guess
    assert len(telemetry["viewer"].logs("nothing to").records) == 1
    assert len(telemetry["viewer"].logs("PASSWORD=").records) == 1
    assert len(telemetry["viewer"].logs("=[redac").records) == 1


SCRIPT = f"""
import * as coral from "@coral/sdk";
const rows = await coral.db.query("SELECT attributes, events, links, status_message FROM spans");
const trace = await coral.traces.get("{TRACE}");
const logs = await coral.logs.query();
const found = await coral.logs.query({{ contains: "hunter" }});
const instances = await coral.services.instances("payments");
const stream = [];
for await (const row of coral.db.stream("SELECT * FROM resources")) stream.push(row);
console.log(found.length, JSON.stringify([rows, trace, logs, instances, stream], (_k, v) =>
  typeof v === "bigint" ? String(v) : v));
await coral.emit("seen", {{ rows: JSON.stringify(rows), password: rows[0].attributes }});
"""


def test_a_script_has_the_rights_of_its_user(
    telemetry: dict[str, Asked], coral: Program, tmp_path: Path
) -> None:
    (tmp_path / "see.ts").write_text(SCRIPT)
    for name, sees in (("viewer", False), ("insider", True)):
        done = coral.run("run", str(tmp_path / "see.ts"), *telemetry[name].flags)
        assert done.code == 0, done.stderr
        assert (SECRET in done.stdout) is sees
        assert done.stdout.startswith("0 ") is not sees
        assert "POST /pay" in done.stdout
    # What the second one emitted is for the others as if they had asked themselves.
    events = {
        name: coral.run("events", "-o", "json", *telemetry[name].flags).stdout
        for name in ("viewer", "insider")
    }
    assert SECRET in events["insider"]
    assert SECRET not in events["viewer"]
    assert events["viewer"].count("execution_id") == events["insider"].count("execution_id") > 1


def test_a_recording_holds_what_its_maker_may_see(
    telemetry: dict[str, Asked], coral: Program, tmp_path: Path
) -> None:
    for name, sees in (("viewer", False), ("insider", True)):
        file = str(tmp_path / f"{name}.duckdb")
        assert coral.run("record", file, *telemetry[name].flags).code == 0
        done = coral.run("query", "--dataset", file, "FROM otel_spans_local", "-o", "json")
        assert done.code == 0
        assert "POST /pay" in done.stdout
        assert (SECRET in done.stdout) is sees


@pytest.mark.parametrize(
    ("options", "gone"),
    [((), True), (("--redact", "off"), False), (("--redact", "default,*route*"), True)],
)
def test_without_tokens_the_setting_is_for_everybody(
    options: tuple[str, ...], gone: bool, tmp_path: Path
) -> None:
    with (
        start_colony(tmp_path, options=options) as colony,
        start_agent(colony.grpc, tmp_path) as agent,
    ):
        send(agent)
        asked = Asked(colony.grpc, CLEAR, ())
        holds(asked.arrived, True)
        for answer in (asked.sql(SPANS), asked.trace(), str(asked.logs())):
            assert (SECRET not in answer) is gone
        assert ('"/pay"' in asked.trace().replace("\\", "")) is ("route" not in str(options))
