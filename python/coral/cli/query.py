"""`coral query`: one SQL statement, answered as a table, CSV or JSON."""

from __future__ import annotations

import sys

import click

from coral.cli.errors import report_note
from coral.cli.options import colony_option, output_option, resolve_colony
from coral.cli.output import render_rows
from coral.errors import UsageError
from coral.model.durations import parse_duration_ns


@click.command()
@click.argument("sql")
@colony_option
@output_option()
@click.option("--timeout", metavar="DURATION", help="Time limit; the colony's default is 5s.")
def query(sql: str, colony: str | None, output: str, timeout: str | None) -> None:
    """Ask a colony in SQL. SQL is one statement that only reads; - takes it from stdin.

    \b
    coral query "SELECT * FROM service_summary ORDER BY p99_ms DESC LIMIT 5"
    coral query - -o csv < report.sql > report.csv
    """
    from coral.client.colony import ColonyClient, to_rows

    statement = _statement(sql)
    with ColonyClient(resolve_colony(colony)) as client:
        result = client.query(statement, timeout_ns=None if timeout is None else parse_duration_ns(timeout))
    completeness = result.completeness
    window = (
        completeness.window_added.ToNanoseconds() / 1e9 if completeness.HasField("window_added") else None
    )
    summary = {
        "rows_cut": completeness.rows_cut,
        "limit_added": completeness.limit_added if completeness.HasField("limit_added") else None,
        "window_added": None if window is None else f"{window:g}s",
        "sampled": completeness.sampled,
        "missing_agents": list(completeness.missing_agents),
    }
    text = render_rows(output, result.columns, to_rows(result.rows), extra={"completeness": summary})
    click.echo(text, nl=False)
    if completeness.rows_cut and output != "json":
        report_note(f"rows were cut at the limit of {completeness.limit_added}")
    if completeness.missing_agents and output != "json":
        report_note(f"no recent data from: {', '.join(completeness.missing_agents)}")


def _statement(sql: str) -> str:
    """The statement as given, or stdin's for "-"."""
    try:
        # Arguments that are not UTF-8 hold surrogates, which nothing after this can encode.
        return sys.stdin.buffer.read().decode() if sql == "-" else sql.encode().decode()
    except UnicodeError as error:
        raise UsageError(f"the SQL is not UTF-8: {error}", hint="save the statement as UTF-8") from None
