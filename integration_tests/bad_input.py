"""Sends broken OTLP requests without end to a real agent, and valid ones beside them.

    python integration_tests/bad_input.py --count 100000 --seed 1

What must hold: the agent's process lives, says nothing that looks like a crash, answers each request with a
status that the OTLP specification knows, does not grow, and every valid item that was sent between the
broken requests is counted exactly once in the colony. Prints a report as JSON; the exit code is 0 when all
of that held. `--only NUMBER` sends a single request of the seed and prints what came back.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any

import grpc
import psutil

from coral.testing.otlp_mutations import BadRequest, bad_request
from coral.testing.otlp_samples import SIGNALS, sample
from coral.testing.processes import Agent, Fleet, query_rows, settled, start_agent, start_colony

VALID_EVERY = 20
"""One valid request of each signal after so many broken ones."""

SAMPLES = 20
"""How often memory is measured."""

WARM_UP = 0.25
"""The share of requests after which memory must stay as it is."""

GROWTH_BYTES = 96 * 1024 * 1024
"""By how much the mean of the last quarter may be above that of the second. What is not checkpointed yet
makes it swing by some tens of MB within a minute."""

SENDERS = 4
SERVICES = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
}
HTTP_ANSWERS = {200, 400, 413, 415}
HTTP_RETRYABLE = {429, 503}
GRPC_ANSWERS = {"OK", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"}
CRASH_WORDS = ("Traceback", "Exception in", "ERROR", "Segmentation", "INTERNAL Error")


class Client:
    """One sender: a kept HTTP connection and a gRPC channel."""

    def __init__(self, agent: Agent) -> None:
        host, _, port = agent.otlp_http.rpartition(":")
        self._http = http.client.HTTPConnection(host, int(port), timeout=60)
        self._channel = grpc.insecure_channel(agent.otlp_grpc)
        self._calls = {
            signal: self._channel.unary_unary(f"/{service}/Export") for signal, service in SERVICES.items()
        }

    def send(self, request: BadRequest) -> tuple[str, bytes | str]:
        """Sends one request; answers its status and what came with it."""
        if request.transport == "grpc":
            compression = grpc.Compression.Gzip if request.compress else None
            try:
                return "OK", self._calls[request.signal](request.body, compression=compression, timeout=60)
            except grpc.RpcError as error:
                return error.code().name, error.details() or ""
        headers = {"content-type": request.content_type}
        if request.content_encoding:
            headers["content-encoding"] = request.content_encoding
        for attempt in range(2):
            fresh = self._http.sock is None
            try:
                self._http.request("POST", f"/v1/{request.signal}", request.body, headers)
                answer = self._http.getresponse()
                return str(answer.status), answer.read()
            except (http.client.HTTPException, OSError) as error:
                self._http.close()
                # A kept connection may be closed for its idleness just now; a fresh one may not.
                if fresh or attempt:
                    return type(error).__name__, str(error)
        raise AssertionError("unreachable")

    def deliver(self, request: BadRequest) -> None:
        """Sends a valid request as an exporter does: again as long as it is told to come back."""
        for attempt in range(50):
            status, details = self.send(request)
            if status in ("OK", "200"):
                return
            retryable = {*map(str, HTTP_RETRYABLE), "UNAVAILABLE", "RESOURCE_EXHAUSTED"}
            assert status in retryable, f"a valid {request.signal} request was answered {status}: {details!r}"
            time.sleep(0.05 * (attempt + 1))
        raise AssertionError(f"a valid {request.signal} request was refused 50 times")

    def close(self) -> None:
        """Closes both."""
        self._http.close()
        self._channel.close()


class Run:
    """Sends the corpus with some threads and keeps count."""

    def __init__(self, agent: Agent, *, seed: int, count: int) -> None:
        self._agent = agent
        self._process = psutil.Process(agent.child.pid)
        self._seed = seed
        self._count = count
        self._lock = threading.Lock()
        self._next = 0
        self._sent_valid: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.violations: list[str] = []
        self.memory: dict[int, int] = {}  # resident bytes by the number of requests sent

    def run(self) -> None:
        """Sends everything."""
        threads = [threading.Thread(target=self._sender) for _ in range(SENDERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def valid(self, signal: str, number: int) -> BadRequest:
        """The next valid request of a signal; all its items count for the service `valid`."""
        random = Random(f"valid/{self._seed}/{signal}/{number}")
        if signal == "metrics":
            return BadRequest(signal, random.choice(("grpc", "http")), _valid_metrics())
        message = sample(signal, random, service="valid")
        group = (
            message.resource_spans[0].scope_spans[0].spans if signal == "traces" else message.resource_logs
        )
        if signal == "traces":
            for span in group:
                span.kind, span.name = 2, "GET /valid"
            self._add(signal, len(group))
        else:
            self._add(signal, len(group[0].scope_logs[0].log_records))
        return BadRequest(signal, random.choice(("grpc", "http")), message.SerializeToString())

    def expected(self) -> dict[str, int]:
        """Valid items sent, by signal."""
        return dict(self._sent_valid)

    def _add(self, signal: str, count: int) -> None:
        with self._lock:
            self._sent_valid[signal] += count

    def _sender(self) -> None:
        client = Client(self._agent)
        try:
            while (number := self._take()) is not None and len(self.violations) < 20:
                self._send_bad(client, number)
                if number % VALID_EVERY == 0:
                    for signal in SIGNALS:
                        request = self.valid(signal, number)
                        if signal == "metrics":
                            self._add(signal, 3)
                        client.deliver(request)
        except AssertionError as error:
            self.violations.append(str(error))
        finally:
            client.close()

    def _take(self) -> int | None:
        with self._lock:
            if self._next >= self._count:
                return None
            number = self._next
            self._next += 1
        if number % max(self._count // SAMPLES, 1) == 0:
            self.memory[number] = self._process.memory_info().rss
        return number

    def memory_report(self) -> dict[str, Any]:
        """Resident bytes of the agent at the start, then by requests sent, at the end, and at most."""
        self.memory[self._count] = self._process.memory_info().rss
        return {
            **{f"after {number}": size for number, size in sorted(self.memory.items())},
            "most": _peak_bytes(self._process.pid),
        }

    def growth(self) -> int:
        """Bytes by which the last quarter of the samples is above the one that begins after the warm-up."""
        after = [size for number, size in sorted(self.memory.items()) if number >= self._count * WARM_UP]
        third = max(len(after) // 3, 1)
        return int(mean(after[-third:]) - mean(after[:third])) if after else 0

    def _send_bad(self, client: Client, number: int) -> None:
        request = bad_request(self._seed, number)
        status, details = client.send(request)
        allowed = {str(code) for code in HTTP_ANSWERS | HTTP_RETRYABLE} | GRPC_ANSWERS
        with self._lock:
            self.answers[f"{request.transport} {status}"] += 1
            if status not in allowed:
                self.violations.append(
                    f"{number} ({request.signal}, {request.what}): {status} {details!r}"[:500]
                )


def _peak_bytes(pid: int) -> int:
    """The most that was ever resident of a process; 0 where the system does not say (no Linux)."""
    status = Path(f"/proc/{pid}/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _valid_metrics() -> bytes:
    """Three requests in a delta histogram of `valid`."""
    request: Any = sample("metrics", Random(0), service="valid")
    del request.resource_metrics[0].scope_metrics[0].metrics[:]
    metric = (
        request.resource_metrics[0]
        .scope_metrics[0]
        .metrics.add(name="http.server.request.duration", unit="s")
    )
    metric.histogram.aggregation_temporality = 1
    now = time.time_ns()
    point = metric.histogram.data_points.add(
        time_unix_nano=now, start_time_unix_nano=now - 1, count=3, sum=0.3
    )
    point.explicit_bounds.append(0.1)
    point.bucket_counts.extend([3, 0])
    return bytes(request.SerializeToString())


def _found(colony: str) -> dict[str, int]:
    """Valid items in the colony, by signal."""
    questions = {
        "traces": "SELECT sum(request_count)::BIGINT FROM service_summary WHERE service_name = 'valid'"
        " AND bucket_time > TIMESTAMP '2000-01-01'",
        "metrics": "SELECT sum(request_count)::BIGINT FROM beyla_http_metrics WHERE service_name = 'valid'"
        " AND \"timestamp\" > TIMESTAMP '2000-01-01'",
        "logs": "SELECT sum(record_count)::BIGINT FROM log_summary WHERE service_name = 'valid'"
        " AND bucket_time > TIMESTAMP '2000-01-01'",
    }
    return {signal: int(query_rows(colony, sql)[0][0] or 0) for signal, sql in questions.items()}


def attack(fleet: Fleet, *, seed: int, count: int) -> dict[str, Any]:
    """Sends a corpus to an agent and answers the report; `violations` is empty when all held."""
    run = Run(fleet.agent, seed=seed, count=count)
    client = Client(fleet.agent)
    for signal in SIGNALS:  # the first names of the agent: no flood of others may crowd them out
        client.deliver(run.valid(signal, -1))
        if signal == "metrics":
            run._add(signal, 3)
    client.close()
    started = time.monotonic()
    run.run()
    seconds = time.monotonic() - started
    violations = list(run.violations)
    found = settled(lambda: _found(fleet.colony.grpc), run.expected(), timeout_seconds=90)
    if found != run.expected():
        violations.append(f"valid items in the colony: {found}, sent: {run.expected()}")
    if fleet.agent.child.exit_code is not None:
        violations.append(f"the agent ended with {fleet.agent.child.exit_code}")
    memory = run.memory_report()
    growth = run.growth()
    if growth > GROWTH_BYTES:
        violations.append(f"the agent's memory grew by {growth} bytes after the first {WARM_UP:.0%}")
    for line in fleet.agent.child.log.read_text(errors="replace").splitlines():
        if any(word in line for word in CRASH_WORDS):
            violations.append(f"the agent's log: {line[:300]}")
            break
    return {
        "seed": seed,
        "requests": count,
        "seconds": round(seconds, 1),
        "answers": dict(sorted(run.answers.items())),
        "valid_items": run.expected(),
        "valid_items_in_colony": found,
        "memory_bytes": memory,
        "growth_bytes": growth,
        "client_memory_bytes": _peak_bytes(os.getpid()),
        "violations": violations,
    }


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=100_000, help="broken requests to send")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="send this one request of the seed and print the answer")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="coral-bad-input-") as name:
        folder = Path(name)
        with start_colony(folder) as colony, start_agent(colony.grpc, folder) as agent:
            if arguments.only is not None:
                request = bad_request(arguments.seed, arguments.only)
                print(request)
                print(Client(agent).send(request))
                return 0
            report = attack(Fleet(colony, agent), seed=arguments.seed, count=arguments.count)
    print(json.dumps(report, indent=2))
    return 1 if report["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
