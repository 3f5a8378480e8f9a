"""The long fault test: kills, cuts and full disks while OpenTelemetry clients send numbered spans.

    PYTHONPATH=python python integration_tests/faults/run.py --kills 100 --cuts 40 --fills 20 --seed 1

Prints what was done and what was counted; exit code 1 when a span was lost or counted twice. Filling disks
needs the right to mount (`--fills 0` without it).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

# gRPC's handlers of fork() fail now and then in a child that is about to exec, while clients are sending.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

from coral.testing.faults.campaign import Plan, Result, run_campaign


def main() -> int:
    """Runs one campaign."""
    parser = argparse.ArgumentParser(description="Kills, cuts and fills while spans are sent.")
    parser.add_argument("--kills", type=int, default=100, help="SIGKILLs of agent and colony (100)")
    parser.add_argument("--cuts", type=int, default=0, help="times the network between them is cut (0)")
    parser.add_argument("--fills", type=int, default=0, help="times the disk of one of them is full (0)")
    parser.add_argument("--seed", type=int, default=1, help="chooses the order and the moments (1)")
    parser.add_argument("--folder", type=Path, help="where data and logs go and stay; a temporary one else")
    options = parser.parse_args()
    plan = Plan(options.seed, options.kills, options.cuts, options.fills)
    with tempfile.TemporaryDirectory(prefix="coral-faults-") as temporary:
        result = run_campaign(plan, options.folder or Path(temporary))
    report(plan, result)
    return 0 if result.exact else 1


def report(plan: Plan, result: Result) -> None:
    """Prints the summary as a Markdown table."""
    print(f"seed {plan.seed}, {result.seconds:.0f} s")
    print(f"SIGKILLs: {result.agent_kills} of the agent, {result.colony_kills} of the colony")
    print(f"network cuts: {sum(result.cuts.values())} {result.cuts or ''}")
    print(f"full disks: {sum(result.fills.values())} {result.fills or ''}")
    print(f"batches exported again: {result.exported_again}; recognised as stored: {result.resent_requests}")
    print(f"raw rows given up on the agent because its disk was full: {result.raw_rows_given_up}")
    print()
    print("| service | acknowledged | counted | failed | lost | double | raw missing | raw double |")
    print("|---|---|---|---|---|---|---|---|")
    for name, one in sorted(result.services.items()):
        failed = f"{one.errors_colony} of {one.errors_sent}"
        raw = f"{one.raw_missing} | {one.raw_double}"
        print(f"| {name} | {one.sent} | {one.colony} | {failed} | {one.lost} | {one.double} | {raw} |")
    print()
    print("every span is counted exactly once" if result.exact else "NOT EXACT")


if __name__ == "__main__":
    sys.exit(main())
