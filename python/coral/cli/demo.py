"""`coral demo`: a colony, an agent and a small shop with faults, and the report on them."""

from __future__ import annotations

from pathlib import Path

import click

from coral.demo.options import DEFAULT_RATE, DEFAULT_SEED, DemoOptions
from coral.errors import refuse_on_windows
from coral.model.durations import parse_duration_ns


@click.command()
@click.option("--once", is_flag=True, help="Print the report and stop everything.")
@click.option(
    "--rate",
    type=click.FloatRange(1.0, 200.0),
    default=DEFAULT_RATE,
    show_default=True,
    help="Visits of the shop a second, on average.",
)
@click.option(
    "--duration",
    metavar="DURATION",
    help="With --once: collect this long before the report. Else: stop this long after it.",
)
@click.option("--seed", default=DEFAULT_SEED, show_default=True, help="Seed of the visits and of the faults.")
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the report to this file, too.",
)
def demo(once: bool, rate: float, duration: str | None, seed: str, report: Path | None) -> int:
    """Start a colony, an agent and a shop of six services, and report on their latency.

    The services call each other over HTTP and send real OpenTelemetry data. Two faults are built in:
    payments has a slow SQL call, orders fails some requests. Everything runs on this machine, on
    loopback; nothing is downloaded. Without --once the shop stays open until Ctrl-C, and commands in
    another terminal, like `coral run`, find its colony by themselves.
    """
    refuse_on_windows("colonies and agents", "run the demo on Linux, or in WSL")
    from coral.demo.orchestrate import run_demo

    return run_demo(
        DemoOptions(
            once=once,
            rate=rate,
            seed=seed,
            duration_seconds=None if duration is None else parse_duration_ns(duration) / 1e9,
            report=report,
        )
    )
