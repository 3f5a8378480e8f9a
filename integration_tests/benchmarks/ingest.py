"""OTLP/gRPC ingest of one agent against rotel receiving the same batches to a black hole.

    python integration_tests/benchmarks/ingest.py [--spans 2000000] [--rounds 3] [--path native|library]
        [--rotel PROGRAM]

A generator process sends batches of 1,000 spans as fast as they are acknowledged (each by the commit of its
rows), then at half that rate. CPU is that of the whole receiving process, from before the first batch until
all is rolled up and sealed. At the end the spans in the stopped agent's database are counted. Agent and rotel
take turns, and the medians of all rounds count, as a machine's speed changes from minute to minute. Without
`--rotel` it is installed from `third_party/python/bench.lock` into a temporary environment.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from coral.agent.decode.kernel import trace_kernel
from coral.agent.decode.traces import decode_trace_bytes, decode_traces
from coral.store.duckdb.store import DuckDBStore

REPOSITORY = Path(__file__).resolve().parents[2]
LOAD = Path(__file__).with_name("ingest_load.py")
TICKS = os.sysconf("SC_CLK_TCK")
TARGETS = {"native": 100_000, "library": 40_000}
MAX_RATIO, MAX_P99_MS, MAX_RSS_MB = 1.5, 250, 400


@dataclass(frozen=True)
class Figures:
    """What one receiver did with one load."""

    spans_per_second: float
    cpu_us_per_span: float
    generator_us_per_span: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    rss_mb: float
    failures: dict[str, int]


class Process:
    """A receiving process and what it uses."""

    def __init__(self, child: subprocess.Popen[Any], address: str) -> None:
        self.child = child
        self.address = address

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def max_rss_mb(self) -> float:
        """The highest resident set so far."""
        for line in Path(f"/proc/{self.child.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("the process has no VmHWM")


@contextmanager
def agent(data: Path, path: str) -> Iterator[Process]:
    """A real `coral agent start`; stopped by SIGTERM."""
    command = [
        *(sys.executable, "-m", "coral", "agent", "start", "--data", str(data), "--no-config", "-o", "json"),
        *("--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0", "--metrics", "off", "--id", "bench"),
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY / "python"),
        "CORAL_NATIVE": "1" if path == "native" else "0",
    }
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert child.stdout is not None
    try:
        ready = json.loads(child.stdout.readline())
        yield Process(child, ready["otlp_grpc"])
    finally:
        child.terminate()
        if child.wait(timeout=120) != 0:
            print(f"error: the agent ended with {child.returncode}", file=sys.stderr)


@contextmanager
def rotel(program: Path) -> Iterator[Process]:
    """rotel with the exporter `blackhole`."""
    with socket.socket() as probe, socket.socket() as other:
        probe.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
        http = f"127.0.0.1:{other.getsockname()[1]}"
    command = [
        *(str(program), "start", "--exporter", "blackhole", "--otlp-grpc-endpoint", address),
        *("--otlp-http-endpoint", http, "--otlp-grpc-max-recv-msg-size-mib", "16"),
    ]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield Process(child, address)
    finally:
        child.terminate()
        child.wait(timeout=30)


def measure(
    process: Process, options: argparse.Namespace, *, spans: int, rate: float, settle: float
) -> Figures:
    """Runs one load; `settle` seconds later the CPU is read."""
    load = subprocess.Popen(
        [
            *(sys.executable, str(LOAD), process.address, "--spans", str(spans), "--rate", str(rate)),
            *("--batch", str(options.batch), "--distinct", str(options.distinct)),
            *("--connections", str(options.connections)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert load.stdin is not None
    assert load.stdout is not None
    if load.stdout.readline() != "ready\n":
        raise SystemExit("error: the load generator did not start")
    before = process.cpu_seconds()
    load.stdin.write("go\n")
    load.stdin.flush()
    finished = threading.Event()
    if options.trace:
        threading.Thread(target=_trace, args=(process, finished), daemon=True).start()
    answer = load.stdout.readline()
    finished.set()
    if load.wait() != 0:
        raise SystemExit("error: the load generator failed")
    result = json.loads(answer)
    time.sleep(settle)
    cpu = process.cpu_seconds() - before
    count = result["spans"]
    return Figures(
        count / result["seconds"],
        cpu / count * 1e6,
        result["cpu_seconds"] / count * 1e6,
        result["p50_ms"],
        result["p99_ms"],
        result["max_ms"],
        process.max_rss_mb(),
        result["failures"],
    )


def _trace(process: Process, finished: threading.Event) -> None:
    before = process.cpu_seconds()
    while not finished.wait(1.0):
        now = process.cpu_seconds()
        print(f"  cpu {now - before:.2f} s/s, max rss {process.max_rss_mb():.0f} MB", file=sys.stderr)
        before = now


def parse_only(options: argparse.Namespace) -> dict[str, float]:
    """CPU microseconds a span that parsing alone takes in this process: the lower bound."""
    sys.path.insert(0, str(LOAD.parent))
    from ingest_load import build_batch

    body = build_batch(1, options.batch, time.time_ns())

    def spent(work: Any) -> float:
        work()
        best = float("inf")
        for _ in range(7):
            begin = time.process_time()
            for _ in range(10):
                work()
            best = min(best, (time.process_time() - begin) / 10)
        return best / options.batch * 1e6

    figures = {
        "protobuf (upb) parse": spent(lambda: ExportTraceServiceRequest.FromString(body)),
        "library path: upb parse to Arrow": spent(
            lambda: decode_traces(ExportTraceServiceRequest.FromString(body))
        ),
    }
    if trace_kernel() is not None:
        figures["native kernel: bytes to Arrow"] = spent(lambda: decode_trace_bytes(body))
    return figures


def stored_spans(data: Path) -> int:
    """Spans in the database of a stopped agent."""
    store = DuckDBStore(data, kind="agent", retention=timedelta(hours=1), seal_interval=0)
    try:
        ((count,),) = store.query("SELECT count(*) FROM spans", since={"spans": None})
    finally:
        store.close()
    return int(count)


def install_rotel(folder: Path) -> Path:
    """rotel from the lock, in an environment of its own."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    lock = REPOSITORY / "third_party/python/bench.lock"
    subprocess.run(
        [
            folder / "bin/python",
            "-m",
            "pip",
            "install",
            "-q",
            "--require-hashes",
            "--only-binary=:all:",
            "-r",
            lock,
        ],
        check=True,
    )
    (program,) = folder.glob("lib/python*/site-packages/rotel/rotel-agent")
    return program


def main() -> int:
    """Measures, prints a table; exit code 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spans", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3, help="how often; the medians count")
    parser.add_argument("--path", choices=("native", "library"), default="native")
    parser.add_argument("--batch", type=int, default=1_000, help="spans in a batch")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--distinct", type=int, default=200, help="prebuilt batches")
    parser.add_argument("--rotel", type=Path, help="the program rotel-agent, when it is installed already")
    parser.add_argument("--no-rotel", action="store_true", help="leave the comparison out")
    parser.add_argument("--half-spans", type=int, default=1_000_000, help="spans sent at half the rate")
    parser.add_argument("--settle", type=float, default=12.0, help="seconds for the last rollup and seal")
    parser.add_argument("--trace", action="store_true", help="print CPU and memory every second")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if options.path == "native" and trace_kernel() is None:
        parser.error("there is no native kernel here; use --path library or run ./bazelw run //:dev")

    report: dict[str, Any] = {"parse_only_us": parse_only(options)}
    sent = stored = 0
    fulls: list[Figures] = []
    halves: list[Figures] = []
    rivals: list[Figures] = []
    with tempfile.TemporaryDirectory(prefix="coral-ingest.") as folder:
        program = None if options.no_rotel else options.rotel or install_rotel(Path(folder, "rotel"))
        for number in range(options.rounds):
            data = Path(folder, f"data-{number}")
            with agent(data, options.path) as process:
                fulls.append(measure(process, options, spans=options.spans, rate=0, settle=options.settle))
                half_load = min(fulls[-1].spans_per_second, TARGETS[options.path]) / 2
                half = measure(process, options, spans=options.half_spans, rate=half_load, settle=1.0)
                halves.append(half)
            sent += (options.spans + options.half_spans) // options.batch * options.batch
            stored += stored_spans(data)
            if program is not None:
                with rotel(program) as process:
                    rivals.append(measure(process, options, spans=options.spans, rate=0, settle=1.0))
            if not options.json and options.rounds > 1:
                told = f", rotel {rivals[-1].cpu_us_per_span:.2f}" if rivals else ""
                print(f"round {number + 1}: coral {fulls[-1].cpu_us_per_span:.2f} us/span{told}", flush=True)
    full, half = _medians(fulls), _medians(halves)
    rival = _medians(rivals) if rivals else None
    report |= {"agent": vars(full), "agent_half_load": vars(half), "sent": sent, "stored": stored}
    if rival is not None:
        report |= {"rotel": vars(rival), "ratio": full.cpu_us_per_span / rival.cpu_us_per_span}
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        _print_table(options.path, report, full, half, rival)
    return 0 if _targets_met(options.path, report, full, half) else 1


def _medians(rounds: Sequence[Figures]) -> Figures:
    """The median of each figure; the highest memory, and all failures."""
    failures: dict[str, int] = {}
    for one in rounds:
        for name, count in one.failures.items():
            failures[name] = failures.get(name, 0) + count
    names = [field.name for field in fields(Figures) if field.name not in ("rss_mb", "failures")]
    medians = {name: statistics.median(getattr(one, name) for one in rounds) for name in names}
    return Figures(**medians, rss_mb=max(one.rss_mb for one in rounds), failures=failures)


def _print_table(
    path: str, report: dict[str, Any], full: Figures, half: Figures, rival: Figures | None
) -> None:
    print(
        f"{'':<26} {'spans/s':>9} {'CPU us/span':>12} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8} {'RSS MB':>8}"
    )
    rows = [(f"coral, {path}", full), ("coral, half load", half)]
    if rival is not None:
        rows.append(("rotel, black hole", rival))
    for name, row in rows:
        print(
            f"{name:<26} {row.spans_per_second:>9,.0f} {row.cpu_us_per_span:>12.2f} {row.p50_ms:>8.1f}"
            f" {row.p99_ms:>8.1f} {row.max_ms:>8.1f} {row.rss_mb:>8.0f}"
        )
    for name, value in report["parse_only_us"].items():
        print(f"{name:<36} {value:>12.2f}")
    print(f"generator: {full.generator_us_per_span:.2f} us/span; failures {full.failures or 'none'}")
    print(f"stored {report['stored']:,} of {report['sent']:,} sent")
    if "ratio" in report:
        print(f"CPU per span, coral / rotel: {report['ratio']:.2f} (target {MAX_RATIO})")


def _targets_met(path: str, report: dict[str, Any], full: Figures, half: Figures) -> bool:
    checks = {
        f"{TARGETS[path]:,} spans/s": full.spans_per_second >= TARGETS[path],
        f"p99 below {MAX_P99_MS} ms at half load": half.p99_ms < MAX_P99_MS,
        f"RSS below {MAX_RSS_MB} MB": max(full.rss_mb, half.rss_mb) < MAX_RSS_MB,
        "every span stored once": report["stored"] == report["sent"],
    }
    if "ratio" in report and path == "native":
        checks[f"CPU at most {MAX_RATIO} times rotel's"] = report["ratio"] <= MAX_RATIO
    for name, met in checks.items():
        if not met:
            print(f"missed: {name}", file=sys.stderr)
    return all(checks.values())


if __name__ == "__main__":
    sys.exit(main())
