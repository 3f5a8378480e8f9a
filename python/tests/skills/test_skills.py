"""Skills over exactly known data: what they say, and all the figures that they say it from.

The figures are in golden/*.json. CORAL_UPDATE_GOLDEN=1 writes them anew: read the difference.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coral.cli.examples import example_names
from coral.runner.places import sdk_types
from coral.testing.processes import run_coral
from tests.skills.recording import Recording, Requests, ask, colony_with, recording

GOLDEN = Path(__file__).parent / "golden"
RECENT = range(1, 10)


def latency(made: Recording) -> None:
    """Orders are fast, payments slow in 2 of 100 requests, search answered nothing."""
    made.serves("orders", {minute: Requests(100, errors=1, ms=20) for minute in RECENT})
    made.serves("payments", {minute: Requests(100, ms=50, slow=2, slow_ms=700) for minute in RECENT})
    made.serves("search", {120: Requests(1)})


def failing_together(made: Recording) -> None:
    """Orders fail in the same minutes as payments, which they call; search fails in others, cart never."""
    bad, other = {3, 4, 5, 9}, {12, 15}
    minutes = range(1, 20)
    made.serves("orders", {m: Requests(100, errors=10 if m in bad else 0) for m in minutes})
    made.serves("payments", {m: Requests(50, errors=20 if m in bad else 0) for m in minutes})
    made.serves("search", {m: Requests(100, errors=30 if m in other else 0) for m in minutes})
    made.serves("cart", {m: Requests(100) for m in minutes})
    made.calls("orders", "payments", {m: Requests(50) for m in minutes})
    for minute in (3, 4):
        made.trace(
            minute,
            [("", "orders", "POST /order", 0, 30, True), ("POST /order", "payments", "charge", 5, 20, True)],
        )


def slow_traces(made: Recording) -> None:
    """Of 1000 ms, `SELECT` is waited for 700: it ran beside `audit`, which ended before it."""
    spans = [
        ("", "frontend", "GET /cart", 0, 1200, False),
        ("GET /cart", "payments", "charge", 100, 1000, False),
        ("charge", "payments", "audit", 200, 300, False),
        ("charge", "payments", "SELECT", 150, 700, False),
        ("charge", "bank", "transfer", 900, 150, False),
        ("charge", "bank", "notify", 1090, 5000, False),  # goes on after the answer
    ]
    made.trace(5, spans)
    made.trace(6, [("", "payments", "charge", 0, 20, False)])


def leak(made: Recording) -> None:
    """Memory grows from 5 to 15 of 16 GiB, and errors with it."""
    minutes = range(1, 12)
    made.host({minute: (20, 16 - minute) for minute in minutes})
    made.serves("orders", {minute: Requests(100, errors=11 - minute) for minute in minutes})


def regressed(made: Recording) -> None:
    """Payments take 60 ms instead of 20, orders fail in 3 % instead of 0, cart is as before, search is new."""
    now, before = range(1, 25), range(37, 57)  # the windows' border may be anywhere in the gap
    made.serves(
        "payments",
        {m: Requests(100, ms=60) for m in now} | {m: Requests(100, ms=20) for m in before},
    )
    made.serves("orders", {m: Requests(100, errors=3) for m in now} | {m: Requests(100) for m in before})
    made.serves("cart", {m: Requests(10) for m in [*now, *before]})
    made.serves("search", {m: Requests(100) for m in now})


def noisy(made: Recording) -> None:
    """Batch has 50 times the requests in three minutes; the host is busy then, and payments slow. Orders are not."""
    busy = {4, 5, 6}
    minutes = range(1, 13)
    made.host({m: (95 if m in busy else 20, 8) for m in minutes})
    made.serves("batch", {m: Requests(5000 if m in busy else 100) for m in minutes})
    made.serves("payments", {m: Requests(100 + m % 2, ms=400 if m in busy else 20) for m in minutes})
    made.serves("orders", {m: Requests(100, ms=20) for m in minutes})


def dependencies(made: Recording) -> None:
    """Frontend calls orders calls payments, which fails in a tenth; cart is called by it too, and well."""
    made.serves("frontend", {m: Requests(100, errors=10, ms=100) for m in RECENT})
    made.calls("frontend", "orders", {m: Requests(100, errors=10, ms=80) for m in RECENT})
    made.calls("frontend", "cart", {m: Requests(100, ms=5) for m in RECENT})
    made.calls("orders", "payments", {m: Requests(200, errors=20, ms=30) for m in RECENT})
    made.calls("payments", "postgresql", {m: Requests(900, ms=2) for m in RECENT})
    made.calls("payments", "frontend", {m: Requests(9, ms=2) for m in RECENT})  # round and round


def burning(made: Recording) -> None:
    """Of a budget of 0.1 %: payments use 2 %, orders 0.7 %, cart nothing; search did, but long ago."""
    minutes = range(1, 340)
    made.serves("payments", {m: Requests(1000, errors=20) for m in minutes})
    made.serves("orders", {m: Requests(1000, errors=7) for m in minutes})
    made.serves("cart", {m: Requests(1000) for m in minutes})
    made.serves("search", {m: Requests(1000, errors=900 if m > 320 else 0) for m in minutes})


def nothing(made: Recording) -> None:
    """One service that has done nothing for a day."""
    made.serves("quiet", {1500: Requests(1)})


CASES: list[tuple[str, Callable[[Recording], None], str, str, str]] = [
    (
        "latency-report",
        latency,
        "latencyReport()",
        "warning",
        "1 service of 2 above 500ms, slowest payments: P99 700ms",
    ),
    (
        "latency-report-ok",
        latency,
        "latencyReport({ warningMs: 800 })",
        "ok",
        "P99 of 2 services is below 800ms, at most 700ms",
    ),
    (
        "error-correlation",
        failing_together,
        "errorCorrelation()",
        "critical",
        "orders and payments fail together (r 1), and orders calls payments",
    ),
    (
        "slow-traces",
        slow_traces,
        'slowTraces({ service: "payments" })',
        "warning",
        "70% of the time of 1 slow trace is spent in SELECT of payments",
    ),
    (
        "slow-traces-ok",
        slow_traces,
        'slowTraces({ service: "payments", threshold: "30s" })',
        "ok",
        "no known trace of payments took 30s",
    ),
    (
        "memory-errors",
        leak,
        "memoryAgainstErrors()",
        "critical",
        "errors and memory rise together (r 1), memory is at 93.8%",
    ),
    (
        "regression",
        regressed,
        "regression()",
        "critical",
        "2 services of 3 got worse: payments: P99 20.1ms → 59.9ms; orders: errors 0% → 3%",
    ),
    (
        "noisy-neighbour",
        noisy,
        "noisyNeighbour()",
        "critical",
        "batch keeps host-1 busy (95% CPU), and payments gets slow by it",
    ),
    (
        "noisy-neighbour-ok",
        noisy,
        "noisyNeighbour({ busyPct: 99 })",
        "ok",
        "no host used more than 99% of its CPU",
    ),
    (
        "dependency-blame",
        dependencies,
        'dependencyBlame({ service: "frontend" })',
        "critical",
        "payments is to blame: 10% of the calls of orders fail",
    ),
    (
        "slo-burn",
        burning,
        "sloBurn()",
        "critical",
        "payments burns its budget of 0.1% 20 times too fast; orders burns its budget of 0.1% 7 times too fast",
    ),
    (
        "slo-burn-ok",
        burning,
        "sloBurn({ objective: 0.95 })",
        "ok",
        "no service burns its budget of 5% too fast; the fastest is payments at 0.4",
    ),
]
CHECKS_FAILED = 99
EXAMPLES: dict[str, list[str]] = {
    "latency-report": [],
    "error-correlation": [],
    "slow-traces": ["-p", "service=payments"],
    "memory-errors": [],
    "regression": [],
    "noisy-neighbour": [],
    "dependency-blame": ["-p", "service=frontend"],
    "slo-burn": [],
}
SILENT = {
    "latencyReport()": "no service answered a request",
    "errorCorrelation()": "no service answered a request",
    'slowTraces({ service: "quiet" })': "no trace of quiet is known",
    "memoryAgainstErrors()": "fewer than three minutes have both requests and memory",
    "regression()": "no service has enough requests in both windows",
    "noisyNeighbour()": "no host has sent anything",
    'dependencyBlame({ service: "quiet" })': "no request of quiet is known",
    "sloBurn()": "no service answered a request",
}


@pytest.mark.parametrize(
    ("name", "data", "call", "status", "summary"), CASES, ids=[case[0] for case in CASES]
)
def test_a_skill_says_what_the_data_say(
    tmp_path: Path, name: str, data: Callable[[Recording], None], call: str, status: str, summary: str
) -> None:
    made = recording()
    data(made)
    with colony_with(tmp_path, made) as colony:
        found = ask(colony, tmp_path, call, made.now)
        if name in EXAMPLES:
            example = run_coral("run", f"example:skill-{name}", "--colony", colony, *EXAMPLES[name])
            code = CHECKS_FAILED if status == "critical" else 0
            assert (example.returncode, example.stdout.splitlines()[0]) == (code, f"{status}: {summary}")
            assert found["recommendations"] == [
                line.removeprefix("- ") for line in example.stdout.splitlines() if line.startswith("- ")
            ]
    assert (found["status"], found["summary"]) == (status, summary)
    golden = GOLDEN / f"{name}.json"
    if os.environ.get("CORAL_UPDATE_GOLDEN"):
        golden.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert _close(found) == _close(json.loads(golden.read_text(encoding="utf-8")))


def test_without_data_no_skill_judges(tmp_path: Path) -> None:
    made = recording()
    nothing(made)
    with colony_with(tmp_path, made) as colony:
        for call, summary in SILENT.items():
            found = ask(colony, tmp_path, call, made.now)
            assert (found["status"], found["summary"]) == ("no-data", summary)
            assert set(found) == {"summary", "status", "data", "recommendations", "plots", "completeness"}


def test_every_skill_has_an_example_and_is_in_the_guide(pytestconfig: pytest.Config) -> None:
    assert {f"skill-{name}" for name in EXAMPLES} == {n for n in example_names() if n.startswith("skill-")}
    exported = re.findall(r"^export \{ (\w+) \}", _skills_types(), re.MULTILINE)
    assert len(exported) == len(EXAMPLES)
    guide = _guide(pytestconfig)
    for name in exported:
        assert f"| `{name}(" in guide, f"{name} is not in docs/guides/skills.md"


def test_the_scripts_of_the_guide(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    blocks = re.findall(r"^```ts\n(.*?)^```$", _guide(pytestconfig), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 2
    made = recording()
    latency(made)
    with colony_with(tmp_path, made) as colony:
        for number, text in enumerate(blocks):
            script = tmp_path / f"block{number}.ts"
            script.write_text(text, encoding="utf-8")
            done = run_coral("run", "--check", str(script), "--colony", colony)
            assert (done.returncode, done.stderr) == (0, ""), text
            shown = re.findall(r"^// prints: (.*)$", text, re.MULTILINE)
            assert shown
            for line in shown:
                assert line in done.stdout.splitlines()


def _skills_types() -> str:
    return Path(sdk_types()).with_name("skills.d.ts").read_text(encoding="utf-8")


def _guide(pytestconfig: pytest.Config) -> str:
    document = pytestconfig.rootpath / "docs" / "guides" / "skills.md"
    if not document.exists():
        pytest.skip("the documents are not here: this tree has the package only")
    return document.read_text(encoding="utf-8")


def _close(value: Any) -> Any:
    """Figures to seven digits: sums of floats depend on their order."""
    if isinstance(value, dict):
        return {key: _close(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_close(item) for item in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value
