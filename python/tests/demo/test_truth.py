"""What Coral computes agrees with what happened: the demo's shop against a file of its own spans.

The shop writes every finished SERVER span to a file, beside the exporters. After the load has stopped
and the colony has everything, counts must be equal and percentiles within 1 %.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from coral.client.colony import ColonyClient
from coral.demo.examples import LATENCY_REPORT, example
from coral.demo.launch import ShopProcess
from coral.demo.shop.names import SERVICES
from coral.testing.processes import run_coral, settled, start_agent, start_colony, summary_counts, wait_until

ENOUGH_SPANS = 2_000
LOAD_SECONDS = 60.0
RATE = 60.0
RELATIVE_ERROR = 0.01
PERCENTILES = (0.5, 0.95, 0.99)

REPORTED = re.compile(
    r"^(?P<service>\w+):.*?P50: (?P<p50>[\d.]+)ms.*?P99: (?P<p99>[\d.]+)ms.*?Errors: (?P<errors>[\d.]+)%",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Truth:
    """A service's requests as the service itself saw them."""

    durations_ns: list[int]
    errors: int

    @property
    def counts(self) -> tuple[int, int]:
        return len(self.durations_ns), self.errors

    def quantile_ns(self, q: float) -> float:
        """Interpolates linearly between neighbouring ranks, as numpy does by default."""
        ordered = sorted(self.durations_ns)
        rank = q * (len(ordered) - 1)
        low, high = ordered[math.floor(rank)], ordered[math.ceil(rank)]
        return low + (high - low) * (rank - math.floor(rank))


@dataclass(frozen=True)
class Compared:
    """A colony that has everything, and what it should say."""

    colony: str
    truth: dict[str, Truth]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compared]:
    folder = tmp_path_factory.mktemp("truth")
    file = folder / "spans.jsonl"
    with start_colony(folder) as colony, start_agent(colony.grpc, folder) as agent:
        shop = ShopProcess(folder / "shop", folder / "logs" / "shop.log", rate=RATE, seed="truth", truth=file)
        with shop.child:
            shop.open(agent)
            assert wait_until(lambda: _count_lines(file) >= ENOUGH_SPANS, LOAD_SECONDS)
            paused = shop.pause()
            assert paused["sent"], "the agent did not take all telemetry"
            truth = _read(file)
            expected = {service: counted.counts for service, counted in truth.items()}
            assert settled(lambda: summary_counts(colony.grpc), expected) == expected
            yield Compared(colony.grpc, truth)


def test_the_shop_shows_its_faults(compared: Compared) -> None:
    assert sorted(compared.truth) == sorted(SERVICES)
    error_rates = {
        service: truth.errors / len(truth.durations_ns) for service, truth in compared.truth.items()
    }
    assert max(error_rates, key=error_rates.__getitem__) == "orders"
    assert 0.05 <= error_rates["orders"] <= 0.10
    tails = {service: truth.quantile_ns(0.99) for service, truth in compared.truth.items()}
    assert max(tails, key=tails.__getitem__) == "payments"
    assert 600e6 <= tails["payments"] <= 1_500e6


@pytest.mark.parametrize("service", SERVICES)
def test_counts_are_equal(compared: Compared, service: str) -> None:
    with ColonyClient(compared.colony) as client:
        answer = client.error_rate(service)

    assert (answer.request_count, answer.error_count) == compared.truth[service].counts
    assert answer.error_rate == answer.error_count / answer.request_count


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("percentile", PERCENTILES)
def test_percentiles_are_within_one_percent(compared: Compared, service: str, percentile: float) -> None:
    with ColonyClient(compared.colony) as client:
        answer = client.percentile_ns(service, percentile)

    assert answer == pytest.approx(compared.truth[service].quantile_ns(percentile), rel=RELATIVE_ERROR)


def test_the_report_shows_the_same_numbers(compared: Compared) -> None:
    done = run_coral("run", str(example(LATENCY_REPORT)), "--colony", compared.colony)

    assert done.returncode == 0, done.stderr
    reported = {match["service"]: match for match in REPORTED.finditer(done.stdout)}
    assert sorted(reported) == sorted(SERVICES), done.stdout
    for service, truth in compared.truth.items():
        line = reported[service]
        # Printed with one decimal of a millisecond and two of a percent.
        p50, p99 = truth.quantile_ns(0.5) / 1e6, truth.quantile_ns(0.99) / 1e6
        # The bucket's error and the rounding add up.
        assert float(line["p50"]) == pytest.approx(p50, abs=p50 * RELATIVE_ERROR + 0.051)
        assert float(line["p99"]) == pytest.approx(p99, abs=p99 * RELATIVE_ERROR + 0.051)
        errors = 100.0 * truth.errors / len(truth.durations_ns)
        assert float(line["errors"]) == pytest.approx(errors, abs=0.0051)


def _count_lines(file: Path) -> int:
    return len(file.read_bytes().splitlines()) if file.exists() else 0


def _read(file: Path) -> dict[str, Truth]:
    spans: dict[str, list[dict[str, Any]]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        span = json.loads(line)
        spans.setdefault(span["service"], []).append(span)
    return {
        service: Truth(
            durations_ns=[span["end_ns"] - span["start_ns"] for span in found],
            errors=sum(span["status"] == "ERROR" for span in found),
        )
        for service, found in spans.items()
    }
