"""What operators see of a real agent and its colony."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from coral.agent.control import ask_agent
from coral.agent.problems import ColonyAway
from coral.agent.uplink import UplinkStatistics
from coral.demo.children import Child
from coral.demo.launch import START_SECONDS, child_environment, coral_command
from coral.errors import NotFoundError, UsageError
from coral.testing.otel_client import Sending, send_metrics, send_traces
from coral.testing.processes import coral_json, query_rows, run_coral, settled, start_agent, start_colony

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def metrics(address: str) -> Samples:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


def test_status_and_metrics_of_a_small_fleet(tmp_path: Path) -> None:
    with ExitStack() as stack:
        colony = stack.enter_context(start_colony(tmp_path))
        agent = stack.enter_context(start_agent(colony.grpc, tmp_path))
        send_traces("payments", agent, Sending("grpc", gzip=False), requests=10, errors=1)
        send_traces("payments", agent, Sending("http", gzip=True), requests=10, errors=1)
        send_metrics("payments", agent, Sending("grpc", gzip=False))
        bad = urllib.request.Request(f"http://{agent.otlp_http}/v1/traces", b"x", {"content-type": "text/x"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(bad, timeout=10)
        refused.value.close()

        found = metrics(agent.metrics)
        assert value(found, "coral_agent_items_stored_total", kind="spans") == 60
        assert value(found, "coral_agent_items_stored_total", kind="points") >= 3
        requests = "coral_agent_otlp_requests_total"
        assert value(found, requests, signal="spans", transport="grpc", outcome="OK") >= 1
        assert value(found, requests, signal="spans", transport="http", outcome="200") >= 1
        assert value(found, requests, signal="spans", transport="http", outcome="415") == 1
        assert value(found, "coral_agent_otlp_decode_seconds_count", signal="spans") >= 2
        assert value(found, "coral_agent_otlp_commit_seconds_count", signal="spans") >= 2
        assert value(found, "coral_agent_otlp_received_bytes_total", signal="spans") > 1000
        assert value(found, "coral_agent_connected") == 1

        # An agent tells its figures every ten seconds, and first of all when it has connected.
        agent.child.stop()
        agent = stack.enter_context(start_agent(colony.grpc, tmp_path, labels={"region": "x"}))

        def stored_as_reported() -> object:
            status = coral_json("status", "--colony", colony.grpc)
            return [
                (one["agent_id"], one["connected"], one["labels"], (one["health"] or {}).get("spans_stored"))
                for one in status["agents"]
            ]

        expected = [("agent-1", True, {"region": "x"}, 60)]
        assert settled(stored_as_reported, expected) == expected
        status = coral_json("status", "--colony", colony.grpc)
        assert status["problems"] == []
        assert status["colony"]["batches_applied"] >= 1
        assert status["colony"]["disk_free_bytes"] > 0
        assert status["agents"][0]["newest_batch_at"] > status["colony"]["started_at"]
        shown = run_coral("status", "--colony", colony.grpc, "--check")
        assert shown.returncode == 0, shown.stderr
        assert "1 of 1 agents connected" in shown.stdout
        assert shown.stdout.endswith("\nno problems\n")

        asked = metrics(colony.metrics)
        assert value(asked, "coral_colony_connected_agents") == 1
        assert value(asked, "coral_colony_queries_total", rpc="GetStatus", outcome="OK") >= 2
        assert value(asked, "coral_colony_batches_applied_total") >= 1
        assert value(asked, "coral_colony_apply_seconds_count") >= 1
        run_coral("query", "SELECT nonsense FROM nowhere", "--colony", colony.grpc)
        asked = metrics(colony.metrics)
        assert value(asked, "coral_colony_queries_total", rpc="ExecuteQuery", outcome="INVALID_ARGUMENT") == 1
        assert value(asked, "coral_colony_sql_total", outcome="failed") == 1
        assert value(asked, "coral_colony_sql_seconds_total", outcome="failed") > 0
        assert value(asked, "coral_colony_sql_running") == value(asked, "coral_colony_sql_queued") == 0
        assert value(asked, "coral_colony_batches_refused_total") == 0

        def local() -> object:
            found = coral_json("agent", "status", "--data", str(tmp_path / "agent-1"))
            return [found[name] for name in ("running", "connected", "spans_stored", "problems")]

        assert settled(local, [True, True, 60, []]) == [True, True, 60, []]

        agent.child.stop()
        stopped = run_coral("status", "--colony", colony.grpc, "--check")
        assert stopped.returncode == 3
        assert "problem: agent-1: It is not connected to the colony.\n" in stopped.stdout
        assert local() == [False, None, 60, []]
        assert coral_json("agent", "status", "--data", str(tmp_path / "agent-1"))["outbox_batches"] == 0


def test_a_running_agent_samples_faster_when_asked_to(tmp_path: Path) -> None:
    with start_colony(tmp_path) as colony, start_agent(colony.grpc, tmp_path) as agent:
        data = tmp_path / "agent-1"
        before = value(metrics(agent.metrics), "coral_agent_host_samples_total")
        done = run_coral("agent", "sample", "--hz", "100", "--for", "30s", "--data", str(data))
        assert (done.returncode, done.stderr) == (0, "sampling at 100 Hz for 30s\n")

        def many() -> bool:
            return value(metrics(agent.metrics), "coral_agent_host_samples_total") - before > 30

        assert settled(many, True)
        with pytest.raises(UsageError, match="at most MAX_BURST_HZ"):
            ask_agent(data, {"do": "sample", "hz": 1000, "seconds": 1})
        with pytest.raises(UsageError, match="there is no action 'dance'"):
            ask_agent(data, {"do": "dance"})
        for nonsense in ({}, {"do": []}, {"do": "sample", "hz": "x", "seconds": None}):
            with pytest.raises(UsageError):
                ask_agent(data, nonsense)

        def minutes() -> bool:
            return bool(
                query_rows(colony.grpc, "SELECT load1 FROM system_metrics_rollup WHERE load1 IS NOT NULL")
            )

        assert settled(minutes, True)
    ended = run_coral("agent", "sample", "--data", str(data))
    assert ended.returncode == 66
    assert ended.stderr.startswith(f"error: no agent runs with the data directory {data}\n")
    with pytest.raises(NotFoundError):
        ask_agent(tmp_path, {"do": "sample"})


def test_a_configured_agent_sends_its_own_metrics_and_logs_json(tmp_path: Path) -> None:
    log = tmp_path / "sender.log"
    with start_agent("127.0.0.1:9", tmp_path) as receiver:
        config = tmp_path / "agent.yaml"
        config.write_text(
            "colony: 127.0.0.1:9\ndata: sender\nid: sender\nmetrics: off\n"
            "otlp: {grpc: '127.0.0.1:0', http: '127.0.0.1:0'}\n"
            f"self_telemetry: {{otlp_endpoint: '{receiver.otlp_grpc}', interval: 1s}}\n"
            "log: {format: json}\n"
        )
        command = coral_command("agent", "start", "--config", str(config), "-o", "json")
        with Child("the sender", command, log, child_environment()) as sender:
            assert sender.expect("ready", START_SECONDS)["metrics"] is None

            def arrived() -> bool:
                return value(metrics(receiver.metrics), "coral_agent_items_stored_total", kind="points") > 10

            assert settled(arrived, True)
            assert sender.stop() == 0
    records = [json.loads(line) for line in log.read_text().splitlines()]
    away = [one for one in records if one["logger"] == "coral.agent.uplink"]
    assert away
    assert away[0]["level"] == "warning"
    assert away[0]["message"].startswith("the stream to the colony at 127.0.0.1:9 ended")
    assert set(away[0]) == {"time", "level", "logger", "message"}


def test_a_colony_that_is_away_becomes_a_problem_after_a_while() -> None:
    now = 0.0
    delivery = UplinkStatistics(True, 0, 0, 0, None)
    away = ColonyAway("colony:1", lambda: delivery, monotonic=lambda: now)
    now = 1000.0
    assert away() == []
    delivery = UplinkStatistics(False, 0, 0, 0, "UNAVAILABLE: refused")
    now = 1020.0
    assert away() == []
    now = 1090.0
    assert away() == [
        "The colony at colony:1 has been away for 1m30s: UNAVAILABLE: refused; data wait on disk."
    ]
    delivery = UplinkStatistics(True, 0, 0, 0, None)
    assert away() == []
