"""`coral services`: the services that a colony knows."""

from __future__ import annotations

import click

from coral.cli.options import ColonyFlags, colony_option, output_option, resolve_colony
from coral.cli.output import render_json, render_rows
from coral.printing import emit


@click.command()
@colony_option
@output_option()
def services(colony: ColonyFlags, output: str) -> None:
    """List the services that a colony knows, by name."""
    from coral.client.colony import ColonyClient

    found_at = resolve_colony(colony)
    with ColonyClient(found_at.address, found_at.access) as client:
        found = client.services()
    if output == "json":
        documents = [
            {"name": item.name, "last_seen": item.last_seen, "instances": item.instance_count}
            for item in found
        ]
        emit(render_json(documents))
        return
    columns = [("name", "VARCHAR"), ("last_seen", "TIMESTAMP"), ("instances", "INTEGER")]
    rows = [(item.name, item.last_seen, item.instance_count) for item in found]
    emit(render_rows(output, columns, rows))
