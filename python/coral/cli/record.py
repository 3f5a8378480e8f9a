"""`coral record`: what a colony knows, in a file that scripts can be tested on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from coral.cli.errors import report_note
from coral.cli.options import ColonyFlags, colony_option, resolve_colony
from coral.errors import UsageError
from coral.model.durations import parse_duration_ns
from coral.printing import say, tell


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--since", metavar="DURATION", default="1h", show_default=True, help="How far back.")
@click.option(
    "--service", "services", metavar="NAME", multiple=True, help="Only this service; repeat it for several."
)
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors on stderr.")
@colony_option
def record(
    file: Path, since: str, services: tuple[str, ...], force: bool, quiet: bool, colony: ColonyFlags
) -> None:
    """Record what a colony knows into FILE, a DuckDB file.

    Scripts run on it as on the colony at this moment: coral run --dataset, coral test, coral backtest.
    SQL asks it by coral query --dataset. Log records and functions stay on the agents and are not in it.

    \b
    coral record incident.duckdb --since 2h
    coral record payments.duckdb --service payments --service orders
    """
    from coral.client.colony import ColonyClient
    from coral.replay.record import record as take

    length = parse_duration_ns(since)
    if length <= 0:
        raise UsageError(f"--since is {since}, expected more than nothing", hint="for example 1h")

    def told(table: str, rows: int) -> None:
        if not quiet:
            say(f"{rows:,} rows of {table}")

    found = resolve_colony(colony)
    with ColonyClient(found.address, found.access) as client:
        made = take(
            client,
            file,
            since=timedelta(microseconds=length / 1000),
            services=services,
            overwrite=force,
            progress=told,
        )
    if not quiet:
        for note in made.notes:
            report_note(note)
        size = file.stat().st_size / 1_000_000
        tell(
            f"recorded {made.start:%Y-%m-%d %H:%M:%S}Z to {made.recorded_at:%Y-%m-%d %H:%M:%S}Z"
            f" in {file} ({size:.1f} MB)",
        )
