"""A colony under a thousand agents: CPU, memory, lag, query latency, growth.

    python integration_tests/benchmarks/scale.py [--minutes 10] [--names shared|distinct] [--data FOLDER]

Starts a real `coral colony start` pinned to one core. `fleet_load.py`, pinned to another, plays 1,000
agents with 20 services each over 1,000 connections: each sends a batch in ten seconds. Meanwhile this
program asks the colony questions, five in a second, from the generator's core. Exit code 1 if a batch
was not acknowledged, if the colony does not hold exactly what was sent, or if `GetPercentile` is slower
than the budgets (p50 10 ms, p99 50 ms).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
from growth import print_growth

from coral.client.colony import ColonyClient, to_rows
from coral.demo.launch import child_environment
from coral.errors import CoralError, NoDataError
from coral.testing.processes import start_colony

P50_BUDGET_MS = 10.0
P99_BUDGET_MS = 50.0
MINUTE_NS = 60 * 10**9
WINDOWS = (5, 5, 5, 15, 60)  # minutes; most questions are about the last five
SQL = (
    "SELECT * FROM service_summary WHERE service_name = '{}'"
    " AND bucket_time >= now()::TIMESTAMP - INTERVAL 10 MINUTE ORDER BY bucket_time"
)
TOTAL = "SELECT sum(request_count)::BIGINT FROM rollups WHERE kind = 'SERVER'"


class Watch:
    """CPU and memory of a process, and what its data take on disk."""

    def __init__(self, pid: int, data: Path, metrics: str) -> None:
        self._process = psutil.Process(pid)
        self._data = data
        self._metrics = metrics
        self._cpu, self._since = self._spent(), time.monotonic()
        self.rss: list[int] = []
        self.queued: list[int] = []
        self.database: list[int] = []

    def sample(self) -> None:
        """Notes the memory, the batches that wait, and the size of the database file with its log."""
        self.rss.append(self._process.memory_info().rss)
        with urllib.request.urlopen(f"http://{self._metrics}/metrics", timeout=10) as page:
            lines = page.read().decode().splitlines()
        (queued,) = (line.split()[1] for line in lines if line.startswith("coral_colony_queued_batches "))
        self.queued.append(int(float(queued)))
        with contextlib.suppress(FileNotFoundError):
            self.database.append(sum(path.stat().st_size for path in self._data.glob("active.duckdb*")))

    def cpu_pct(self) -> float:
        """CPU of the colony with its query workers since the start, percent of one core."""
        return (self._spent() - self._cpu) / (time.monotonic() - self._since) * 100

    def _spent(self) -> float:
        total = 0.0
        for process in (self._process, *self._process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total


class Probes:
    """Questions, and how long each took."""

    def __init__(self, client: ColonyClient, services: int, seed: int) -> None:
        self._client = client
        self._services = services
        self._draw = random.Random(seed)
        self.milliseconds: dict[str, list[float]] = defaultdict(list)
        self.no_data = 0
        self.failures: list[str] = []

    def ask(self, turn: int) -> None:
        """One question of the round."""
        if turn % 50 == 25:
            self._timed("ListServices", self._client.services)
        elif turn % 50 == 45:
            sql = SQL.format(self._service())
            self._timed("ExecuteQuery (10 minutes of a service)", lambda: self._client.query(sql))
        elif turn % 5 == 4:
            service = self._service()
            self._timed("GetErrorRate", lambda: self._client.error_rate(service, window_ns=5 * MINUTE_NS))
        else:
            service, minutes = self._service(), self._draw.choice(WINDOWS)
            q = self._draw.choice((0.5, 0.95, 0.99))
            self._timed(
                f"GetPercentile {minutes}m",
                lambda: self._client.percentile_ns(service, q, window_ns=minutes * MINUTE_NS),
            )

    def _service(self) -> str:
        return f"service-{self._draw.randrange(self._services):05d}"

    def _timed(self, name: str, question: Callable[[], object]) -> None:
        begin = time.perf_counter()
        try:
            question()
        except NoDataError:
            self.no_data += 1  # right after the start not every agent has sent
        except CoralError as error:
            self.failures.append(f"{name}: {error.message}")
        self.milliseconds[name].append((time.perf_counter() - begin) * 1000)


def main() -> int:
    """Runs and reports."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--services", type=int, default=20, help="services of one agent (default: 20)")
    parser.add_argument("--names", choices=("shared", "distinct"), default="shared")
    parser.add_argument("--colony-core", type=int, default=0)
    parser.add_argument("--load-core", type=int, default=1)
    parser.add_argument("--data", type=Path, help="keep the colony's data here")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--undisturbed", action="store_true", help="prefer it to other programs (root, Linux)"
    )
    options = parser.parse_args()
    with _folder(options.data) as folder:
        # A child inherits the affinity: the colony with all its threads gets its core, then we move on.
        os.sched_setaffinity(0, {options.colony_core})
        with start_colony(folder) as colony:
            os.sched_setaffinity(0, {options.load_core})
            pid = colony.child.pid
            watch = Watch(pid, folder / "colony", colony.metrics)
            preferred = (pid, os.getpid()) if options.undisturbed else ()
            with (
                _preferred(*preferred),
                _load(options, colony.fleet) as load,
                ColonyClient(colony.grpc) as client,
            ):
                names = options.services * (options.agents if options.names == "distinct" else 1)
                probes = Probes(client, names, options.seed)
                _ask_while(load, probes, watch)
                output, _ = load.communicate()
                if load.returncode != 0:
                    sys.exit(f"error: the generator ended with {load.returncode}")
                sent = json.loads(output)
                watch.sample()
                cpu = watch.cpu_pct()
                held = int(to_rows(client.query(TOTAL, timeout_ns=60 * 10**9).rows)[0][0])
            wrong = _report(options, sent, held, probes, watch, cpu)
        print_growth(folder / "colony", minutes=options.minutes, scratch=folder / "growth")
        return wrong


@contextlib.contextmanager
def _preferred(*pids: int) -> Iterator[None]:
    """Gives the sessions of processes more of the processor than others: Linux shares it out by session."""
    groups = [Path(f"/proc/{pid}/autogroup") for pid in pids]
    for group in groups:
        group.write_text("-15")
    try:
        yield
    finally:
        for group in groups:
            group.write_text("0")


@contextlib.contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    if wanted is not None:
        wanted.mkdir(parents=True, exist_ok=True)
        yield wanted
        return
    folder = Path(tempfile.mkdtemp(prefix="coral-scale-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def _load(options: argparse.Namespace, address: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(Path(__file__).with_name("fleet_load.py")), address]
    command += [
        "--agents",
        str(options.agents),
        "--services",
        str(options.services),
        "--names",
        options.names,
    ]
    command += ["--seconds", str(options.minutes * 60), "--seed", str(options.seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=child_environment()) as process:
        try:
            yield process
        finally:
            process.kill()


def _ask_while(load: subprocess.Popen[str], probes: Probes, watch: Watch) -> None:
    begin = time.monotonic() + 25  # until every agent has connected and sent once
    turn = 0
    while load.poll() is None:
        if turn % 25 == 0:
            watch.sample()
        time.sleep(max(0.0, begin + turn * 0.2 - time.monotonic()))
        probes.ask(turn)
        turn += 1


def _report(
    options: argparse.Namespace, sent: dict[str, Any], held: int, probes: Probes, watch: Watch, cpu: float
) -> int:
    print(f"{options.agents} agents x {options.services} services, {options.names} names,", end=" ")
    print(f"{options.minutes:g} minutes")
    print(
        f"sent        {sent['batches']} batches with {sent['rollup_rows']} rollup rows,"
        f" {sent['megabytes']:.0f} MB; the generator used {sent['generator_cpu_pct']:.0f} % of its core"
    )
    half = len(watch.rss) // 2
    print(
        f"colony      CPU {cpu:.0f} % of one core, memory at most {max(watch.rss) / 1e6:.0f} MB"
        f" (first half {max(watch.rss[: half + 1]) / 1e6:.0f} MB), at the end {watch.rss[-1] / 1e6:.0f} MB"
    )
    lag = sent["lag_ms"]
    print(f"lag         p50 {lag['p50']:.0f} ms, p99 {lag['p99']:.0f} ms, most {lag['max']:.0f} ms")
    print(f"queue       at most {max(watch.queued)} batches wait to be applied")
    print(f"database    the file with its log takes at most {max(watch.database) / 1e6:.0f} MB")
    percentiles: list[float] = []
    for name, values in sorted(probes.milliseconds.items()):
        if name.startswith("GetPercentile"):
            percentiles += values
        _print_latency(name, values)
    _print_latency("GetPercentile, all", percentiles)
    print(f"questions about services that had sent nothing yet: {probes.no_data}")
    wrong = []
    if sent["acknowledged"] != sent["batches"]:
        wrong.append(f"{sent['batches'] - sent['acknowledged']} batches were not acknowledged")
    if held != sent["requests"]:
        wrong.append(f"the colony holds {held} requests, sent were {sent['requests']}")
    if _quantile(percentiles, 0.5) > P50_BUDGET_MS or _quantile(percentiles, 0.99) > P99_BUDGET_MS:
        wrong.append(f"GetPercentile is above its budget of p50 {P50_BUDGET_MS} ms, p99 {P99_BUDGET_MS} ms")
    wrong += [f"a question failed: {failure}" for failure in probes.failures]
    for line in wrong:
        print(f"WRONG: {line}")
    return 1 if wrong else 0


def _print_latency(name: str, values: list[float]) -> None:
    p50, p99 = _quantile(values, 0.5), _quantile(values, 0.99)
    print(f"{name:<46} n {len(values):>5}  p50 {p50:6.1f}  p99 {p99:6.1f}  most {max(values):6.1f} ms")


def _quantile(values: list[float], q: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


if __name__ == "__main__":
    sys.exit(main())
