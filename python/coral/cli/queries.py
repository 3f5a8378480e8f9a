"""`coral queries`: which SQL runs in a colony and ran lately, and how to end it."""

from __future__ import annotations

import click

from coral.cli.errors import report_note
from coral.cli.options import ColonyFlags, colony_option, output_option, resolve_colony
from coral.cli.output import render_rows
from coral.printing import emit

_COLUMNS = [
    ("id", "BIGINT"),
    ("state", "VARCHAR"),
    ("seconds", "DOUBLE"),
    ("rows", "BIGINT"),
    ("caller", "VARCHAR"),
    ("arrived_at", "TIMESTAMP"),
    ("sql", "VARCHAR"),
]


@click.command()
@colony_option
@click.option("--cancel", metavar="ID", type=int, help="End the query of this number.")
@output_option()
def queries(colony: ColonyFlags, cancel: int | None, output: str) -> None:
    """Show the SQL that runs in a colony and that ran lately, newest first, or end one statement.

    \b
    coral queries
    coral queries --cancel 42
    """
    from coral.client.queries import cancel_query, list_queries

    found = resolve_colony(colony)
    if cancel is not None:
        cancel_query(found.address, cancel, found.access)
        report_note(f"query {cancel} was told to end")
        return
    rows = [
        [
            query.id,
            query.state,
            round(query.elapsed.ToNanoseconds() / 1e9, 3),
            query.row_count,
            query.caller,
            query.arrived_at.ToJsonString(),
            query.sql if output == "json" else " ".join(query.sql.split()),
        ]
        for query in list_queries(found.address, found.access)
    ]
    emit(render_rows(output, _COLUMNS, rows))
