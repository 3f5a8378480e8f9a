"""How far percentiles are from the exact ones, through agents' batches, the store, and all tiers.

    python integration_tests/benchmarks/accuracy.py [--values 200000] [--agents 50] [--seed 1]

Prints a table in Markdown. Exit code 1 if one is more than 1 % off. See `coral/testing/accuracy.py`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from coral.testing.accuracy import QUANTILES, Measured, measure

BUDGET = 0.01


def main() -> int:
    """Measures and reports."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--values", type=int, default=200_000, help="of each distribution (default: 200000)")
    parser.add_argument("--agents", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="coral-accuracy-") as folder:
        found = list(measure(Path(folder), values=options.values, agents=options.agents, seed=options.seed))
    _print_table(found)
    stages = {each.stage for each in found}
    worst = max(found, key=lambda each: each.error)
    print(f"\n{len(found)} answers, {options.agents} agents, from: {', '.join(sorted(stages))}")
    print(f"worst: p{worst.q * 100:g} of {worst.distribution} ({worst.stage}), {worst.error:.3%} off")
    return 1 if worst.error > BUDGET else 0


def _print_table(found: list[Measured]) -> None:
    """The largest error of any stage, by distribution and percentile."""
    errors: dict[tuple[str, float], float] = defaultdict(float)
    counts: dict[str, int] = {}
    for each in found:
        key = each.distribution, each.q
        errors[key] = max(errors[key], each.error)
        counts[each.distribution] = each.count
    print(f"| distribution | values | {' | '.join(f'p{q * 100:g}' for q in QUANTILES)} |")
    print("|---|---|" + "---|" * len(QUANTILES))
    for name, count in counts.items():
        cells = " | ".join(f"{errors[name, q]:.3%}" for q in QUANTILES)
        print(f"| {name} | {count:,} | {cells} |")


if __name__ == "__main__":
    sys.exit(main())
