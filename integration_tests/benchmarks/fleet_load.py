"""Simulated agents: real messages over real gRPC streams, one connection each, at the real rate.

Run by `scale.py` in a process of its own, pinned to one core. Every agent sends one batch in ten
seconds, spread evenly, and reports its health as often. Answers one JSON object on stdout at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import grpc
import pyarrow as pa

from coral._proto.colony.v1 import fleet_pb2, fleet_pb2_grpc
from coral.model.histogram import bucket_of
from coral.wire.batches import chunk_groups

PERIOD_SECONDS = 10.0
_SETTLE_SECONDS = 120.0  # for the last acknowledgements
OPERATIONS = (("GET /items/{id}", "SERVER"), ("POST /items", "SERVER"), ("SELECT items", "CLIENT"))
EXEMPLAR_SPANS = 4
ATTRIBUTES = json.dumps(
    {
        "http.request.method": "GET",
        "http.route": "/items/{id}",
        "url.path": "/items/42",
        "http.response.status_code": 200,
        "server.address": "shop.internal",
        "client.address": "10.1.2.3",
        "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64)",
    }
)
RESOURCE = json.dumps(
    {
        "service.version": "1.4.2",
        "deployment.environment": "production",
        "telemetry.sdk.language": "python",
        "host.name": "node",
        "k8s.namespace.name": "shop",
        "process.pid": 4242,
    }
)

_TIME = pa.timestamp("us")
_TRANSFERRED = ("disk_read_bytes", "disk_write_bytes", "net_receive_bytes", "net_transmit_bytes")
_HOST = {
    "sample_count": pa.array([1]),
    "cpu_pct_sum": pa.array([37.5]),
    "mem_used_sum": pa.array([12.5e9]),
    "mem_total": pa.array([32_000_000_000]),
    "load1_sum": pa.array([1.5]),
    **{name: pa.array([1_000_000]) for name in _TRANSFERRED},
}
_SPAN = {
    name: pa.array([value] * EXEMPLAR_SPANS)
    for name, value in {
        "parent_span_id": "",
        "instance_id": "1",
        "span_name": OPERATIONS[0][0],
        "kind": "SERVER",
        "status_code": "UNSET",
        "attributes": ATTRIBUTES,
        "sample_weight": 1.0,
    }.items()
}
_HISTOGRAM = pa.schema(
    [
        ("request_count", pa.int64()),
        ("error_count", pa.int64()),
        ("sum_ns", pa.float64()),
        ("min_ns", pa.int64()),
        ("max_ns", pa.int64()),
        ("bucket_index", pa.list_(pa.int32())),
        ("bucket_count", pa.list_(pa.int64())),
    ]
)


class Histograms:
    """Ready-made histogram columns of ten seconds; drawing them anew would cost the generator's core."""

    def __init__(self, seed: int, count: int) -> None:
        draw = random.Random(seed)
        rows = [self._row(draw) for _ in range(count)]
        kinds = [kind for _, kind in OPERATIONS]
        self._rows = pa.Table.from_pylist(rows, schema=_HISTOGRAM)
        self._served = [0]  # requests of SERVER rows up to a row
        for n, row in enumerate(rows):
            self._served.append(
                self._served[-1] + (row["request_count"] if kinds[n % len(kinds)] == "SERVER" else 0)
            )

    def take(self, turn: int, count: int) -> tuple[pa.Table, int]:
        """`count` rows for the operations in turn, and the requests of the SERVER rows among them."""
        start = turn * len(OPERATIONS) % (self._rows.num_rows - count)
        start -= start % len(OPERATIONS)
        return self._rows.slice(start, count), self._served[start + count] - self._served[start]

    @staticmethod
    def _row(draw: random.Random) -> dict[str, Any]:
        size = int(draw.expovariate(1 / 40)) + 1
        durations = [int(draw.lognormvariate(math.log(20e6), 0.6)) for _ in range(size)]
        buckets: dict[int, int] = {}
        for value in durations:
            bucket = bucket_of(value)
            buckets[bucket] = buckets.get(bucket, 0) + 1
        return {
            "request_count": len(durations),
            "error_count": sum(draw.random() < 0.01 for _ in durations),
            "sum_ns": float(sum(durations)),
            "min_ns": min(durations),
            "max_ns": max(durations),
            "bucket_index": sorted(buckets),
            "bucket_count": [buckets[index] for index in sorted(buckets)],
        }


class Services:
    """The columns that never change of the agents with these services."""

    def __init__(self, names: list[str]) -> None:
        self.count = len(names)
        self.operations = {
            "service_name": pa.array([name for name in names for _ in OPERATIONS]),
            "span_name": pa.array([name for name, _ in OPERATIONS] * len(names)),
            "kind": pa.array([kind for _, kind in OPERATIONS] * len(names)),
        }
        self.names = pa.array(names)
        self.edges = {"caller": self.names, "callee": pa.array(names[1:] + names[:1])}
        self.logs = {
            "service_name": self.names,
            "severity": pa.repeat("INFO", len(names)),
            "record_count": pa.repeat(120, len(names)),
        }
        self.resources = {
            "service_name": self.names,
            "instance_id": pa.repeat("1", len(names)),
            "attributes": pa.repeat(RESOURCE, len(names)),
        }


def batch_tables(
    histograms: Histograms, services: Services, *, now: datetime, turn: int, with_resources: bool
) -> tuple[dict[str, pa.Table], int]:
    """What one agent sends for ten seconds of its services, and the requests in it."""
    micros = round((now - datetime(1970, 1, 1)).total_seconds() * 1e6)
    earlier = micros - round(PERIOD_SECONDS * 1e6 / 2)
    minute, time_ = earlier - earlier % 60_000_000, micros
    operations, requests = histograms.take(turn * 31, services.count * len(OPERATIONS))
    edges, _ = histograms.take(turn * 17, services.count)
    some = [turn * EXEMPLAR_SPANS + n for n in range(EXEMPLAR_SPANS)]
    tables = {
        "rollups": _table({"bucket_time": minute, **services.operations}, operations),
        "service_edges": _table({"bucket_time": minute, **services.edges}, edges),
        "log_counts": _table({"bucket_time": minute, **services.logs}),
        "system_metrics": _table(
            {
                "bucket_time": minute,
                "last_sample_time": time_,
                **_HOST,
            }
        ),
        "spans": _table(
            {
                "trace_id": pa.array([f"{random.getrandbits(128):032x}" for _ in some]),
                "span_id": pa.array([f"{random.getrandbits(64):016x}" for _ in some]),
                "service_name": services.names.take(pa.array([n % services.count for n in some])),
                "start_time": time_,
                "duration_ns": pa.array([random.randrange(10**8, 10**9) for _ in some]),
                **_SPAN,
            }
        ),
    }
    if with_resources:
        tables["resources"] = _table({**services.resources, "last_seen": time_})
    return tables, requests


def _table(columns: dict[str, Any], more: pa.Table | None = None) -> pa.Table:
    """A table of arrays and of times, which are repeated, and the columns of another one."""
    rows = max(len(value) for value in columns.values() if isinstance(value, pa.Array))
    arrays = {
        name: value if isinstance(value, pa.Array) else pa.array([value] * rows, _TIME)
        for name, value in columns.items()
    }
    if more is not None:
        arrays |= dict(zip(more.column_names, more.columns, strict=True))
    return pa.table(arrays)


class SimulatedAgent:
    """One agent with its own connection."""

    def __init__(self, number: int, address: str, services: Services, histograms: Histograms) -> None:
        self._number = number
        self._address = address
        self._services = services
        self._histograms = histograms
        self.requests_sent = 0
        self.rows_sent = 0
        self.bytes_sent = 0
        self.batches_sent = 0
        self.lags: list[float] = []
        self._sent_at: dict[int, float] = {}

    async def run(self, begin: float, end: float, phase: float) -> None:
        """Sends until `end` (monotonic seconds), then waits for the last acknowledgement."""
        options = [
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_receive_message_length", 1 << 20),
            ("grpc.enable_http_proxy", 0),
        ]
        async with grpc.aio.insecure_channel(self._address, options=options) as channel:
            stub: fleet_pb2_grpc.FleetServiceAsyncStub = fleet_pb2_grpc.FleetServiceStub(channel)
            call = stub.Connect(self._messages(begin + phase, end))
            acked = 0
            async for response in call:
                if response.HasField("ack"):
                    now = time.monotonic()
                    for sequence in range(acked + 1, response.ack.sequence + 1):
                        self.lags.append(now - self._sent_at.pop(sequence))
                    acked = response.ack.sequence

    async def _messages(self, begin: float, end: float) -> AsyncIterator[fleet_pb2.ConnectRequest]:
        hello = fleet_pb2.AgentHello(
            agent_id=f"agent-{self._number:04d}", epoch=f"{random.getrandbits(64):016x}", hostname="node"
        )
        yield fleet_pb2.ConnectRequest(hello=hello)
        sequence = 0
        while (due := begin + sequence * PERIOD_SECONDS) < end:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            sequence += 1
            batch = self._batch(sequence)
            self._sent_at[sequence] = time.monotonic()
            yield fleet_pb2.ConnectRequest(batch=batch)
            yield fleet_pb2.ConnectRequest(health=fleet_pb2.AgentHealth(spans_stored=sequence * 1000))

    def _batch(self, sequence: int) -> fleet_pb2.Batch:
        now = datetime.now(UTC).replace(tzinfo=None)
        tables, requests = batch_tables(
            self._histograms,
            self._services,
            now=now,
            turn=self._number + sequence,
            with_resources=sequence % 6 == 1,
        )
        (chunks,) = chunk_groups(tables)
        self.batches_sent += 1
        self.rows_sent += tables["rollups"].num_rows
        self.requests_sent += requests
        batch = fleet_pb2.Batch(sequence=sequence, chunks=chunks)
        self.bytes_sent += batch.ByteSize()
        return batch


async def generate(options: argparse.Namespace) -> dict[str, object]:
    """Runs all agents; answers what was sent and how long acknowledgements took."""
    histograms = Histograms(options.seed, 6000)
    agents = []
    services = _services(0, options.services)
    for number in range(options.agents):
        if options.names == "distinct":
            services = _services(number * options.services, options.services)
        agents.append(SimulatedAgent(number, options.address, services, histograms))
    begin = time.monotonic() + 1.0 + options.agents / 500
    end = begin + options.seconds
    spent = time.process_time()
    async with asyncio.timeout(end - time.monotonic() + _SETTLE_SECONDS), asyncio.TaskGroup() as group:
        for number, agent in enumerate(agents):
            group.create_task(agent.run(begin, end, number * PERIOD_SECONDS / options.agents))
            if number % 20 == 0:
                await asyncio.sleep(0.04)  # connections come in over some seconds, as after a deployment
    wall = time.monotonic() - begin
    lags = sorted(lag for agent in agents for lag in agent.lags)
    batches = sum(agent.batches_sent for agent in agents)
    return {
        "batches": batches,
        "acknowledged": len(lags),
        "requests": sum(agent.requests_sent for agent in agents),
        "rollup_rows": sum(agent.rows_sent for agent in agents),
        "megabytes": sum(agent.bytes_sent for agent in agents) / 1e6,
        "seconds": wall,
        "generator_cpu_pct": (time.process_time() - spent) / wall * 100,
        "lag_ms": {
            name: lags[min(len(lags) - 1, int(q * len(lags)))] * 1000
            for name, q in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
        },
    }


def _services(first: int, count: int) -> Services:
    return Services([f"service-{first + n:05d}" for n in range(count)])


def main() -> int:
    """Reads the options and runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address")
    parser.add_argument("--agents", type=int, required=True)
    parser.add_argument("--services", type=int, required=True)
    parser.add_argument("--names", choices=("shared", "distinct"), required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    print(json.dumps(asyncio.run(generate(parser.parse_args()))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
