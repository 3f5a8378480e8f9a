"""Exactly known data of some minutes, as an agent would send them, and skills asked about them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from coral.model.histogram import bucket_of
from coral.testing.processes import run_coral, start_colony
from coral.wire.batches import BATCH_TABLES, chunk_groups
from tests.colony.fleet_client import FleetStream

MILLISECOND = 1_000_000
GIB = 1 << 30
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@dataclass(frozen=True)
class Requests:
    """Requests of one minute that all take equally long, except for some slow ones."""

    count: int
    errors: int = 0
    ms: int = 10
    slow: int = 0
    slow_ms: int = 0


@dataclass
class Recording:
    """What one agent sends. A minute is a number: so many minutes ago.

    Attributes:
        agent: Its id.
        now: The minute 0.
        tables: Rows by table.
    """

    agent: str
    now: datetime
    tables: dict[str, list[dict[str, object]]] = field(default_factory=dict)

    def at(self, minute: int) -> datetime:
        """When a minute began."""
        return self.now - timedelta(minutes=minute)

    def serves(self, service: str, minutes: Mapping[int, Requests]) -> None:
        """Requests that a service answers."""
        for minute, requests in minutes.items():
            row = {"bucket_time": self.at(minute), "service_name": service, "span_name": "GET /"}
            self._add("rollups", {**row, "kind": "SERVER", **_histogram(requests)})
        seen = self.at(min(minutes))
        resource = {"service_name": service, "instance_id": f"{service}-1", "attributes": "{}"}
        self._add("resources", {**resource, "last_seen": seen})

    def calls(self, caller: str, callee: str, minutes: Mapping[int, Requests]) -> None:
        """Calls from one service to another."""
        for minute, requests in minutes.items():
            row = {"bucket_time": self.at(minute), "caller": caller, "callee": callee}
            self._add("service_edges", {**row, **_histogram(requests)})

    def host(self, minutes: Mapping[int, tuple[float, int]]) -> None:
        """CPU in percent and memory in use, GiB of 16, of four samples a minute."""
        for minute, (cpu, used) in minutes.items():
            row = {"bucket_time": self.at(minute), "sample_count": 4, "cpu_pct_sum": 4 * cpu}
            memory = {"mem_used_sum": 4.0 * used * GIB, "mem_total": 16 * GIB}
            self._add("system_metrics", {**row, **memory, "last_sample_time": self.at(minute)})

    def trace(self, minute: int, spans: Sequence[tuple[str, str, str, int, int, bool]]) -> str:
        """A trace: parent ("" for none), service, operation, begin and length in ms, failed; the id is by place.

        Returns:
            Its id.
        """
        number = len({row["trace_id"] for row in self.tables.get("spans", [])}) + 1
        trace_id = f"{number:032x}"
        ids = {name: f"{place + 1:016x}" for place, (_, _, name, _, _, _) in enumerate(spans)}
        for parent, service, name, begin, length, failed in spans:
            self._add(
                "spans",
                {
                    "trace_id": trace_id,
                    "span_id": ids[name],
                    "parent_span_id": ids[parent] if parent else "",
                    "service_name": service,
                    "instance_id": "1",
                    "span_name": name,
                    "kind": "SERVER",
                    "start_time": self.at(minute) + timedelta(milliseconds=begin),
                    "duration_ns": length * MILLISECOND,
                    "status_code": "ERROR" if failed else "UNSET",
                    "attributes": "{}",
                    "sample_weight": 1.0,
                },
            )
        return trace_id

    def _add(self, table: str, row: dict[str, object]) -> None:
        self.tables.setdefault(table, []).append(row)


def recording(agent: str = "host-1") -> Recording:
    """A new recording that ends at this minute."""
    return Recording(agent, datetime.now(UTC).replace(tzinfo=None, second=0, microsecond=0))


@contextmanager
def colony_with(folder: Path, *recordings: Recording) -> Iterator[str]:
    """Runs a colony that has what these agents have sent; its address."""
    with start_colony(folder) as colony:
        for made in recordings:
            tables = {name: _table(name, rows) for name, rows in made.tables.items()}
            with FleetStream(colony.fleet, agent_id=made.agent) as agent:
                agent.welcome()
                for sequence, chunks in enumerate(chunk_groups(tables), start=1):
                    agent.deliver(sequence, *chunks)
        yield colony.grpc


def ask(colony: str, folder: Path, call: str, now: datetime) -> Any:
    """Runs a skill by `coral run -o json`, with its times as minutes before the recording's end.

    Args:
        colony: Address of the colony.
        folder: Where the script goes.
        call: The call, such as `sloBurn()`.
        now: Minute 0 of the recording.
    """
    script = folder / "skill.ts"
    script.write_text(
        'import * as skills from "@coral/sdk/skills";\n'
        f"const result: skills.SkillResult<unknown> = await skills.{call};\n"
        "export default result;\n"
    )
    done = run_coral("run", "--check", str(script), "--colony", colony, "-o", "json")
    assert (done.returncode, done.stderr) == (0, "")
    return _relative(json.loads(done.stdout), now.replace(tzinfo=UTC))


def _relative(value: Any, now: datetime) -> Any:
    if isinstance(value, dict):
        return {key: _relative(item, now) for key, item in value.items()}
    if isinstance(value, list):
        return [_relative(item, now) for item in value]
    if isinstance(value, str) and _DATE.fullmatch(value):
        return _minutes(now - datetime.fromisoformat(value.replace("Z", "+00:00")))
    if isinstance(value, (int, float)) and value > 1e12:
        return _minutes(now - datetime.fromtimestamp(value / 1000, UTC))
    return value


def _minutes(length: timedelta) -> str:
    return f"{length / timedelta(minutes=1):g} min ago"


def _histogram(requests: Requests) -> dict[str, object]:
    usual = requests.count - requests.slow
    durations = {requests.ms * MILLISECOND: usual, requests.slow_ms * MILLISECOND: requests.slow}
    durations = {value: count for value, count in durations.items() if count}
    buckets: dict[int, int] = {}
    for value, count in durations.items():
        buckets[bucket_of(value)] = buckets.get(bucket_of(value), 0) + count
    return {
        "request_count": requests.count,
        "error_count": requests.errors,
        "sum_ns": float(sum(value * count for value, count in durations.items())),
        "min_ns": min(durations),
        "max_ns": max(durations),
        "bucket_index": sorted(buckets),
        "bucket_count": [buckets[index] for index in sorted(buckets)],
    }


def _table(name: str, rows: list[dict[str, object]]) -> pa.Table:
    schema = BATCH_TABLES[name]
    return pa.Table.from_pylist(rows, schema=pa.schema([part for part in schema if part.name in rows[0]]))
