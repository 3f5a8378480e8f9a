"""`coral query`: one SQL statement, answered as a table, CSV or JSON."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from coral.cli.errors import report_note
from coral.cli.options import ColonyFlags, colony_option, output_option, resolve_colony
from coral.cli.output import render_rows
from coral.errors import UsageError
from coral.model.durations import parse_duration_ns
from coral.printing import emit

if TYPE_CHECKING:
    from coral.client.colony import ColonyClient, QueryResult
    from coral.query.dataset import Dataset


@click.command()
@click.argument("sql", required=False)
@colony_option
@click.option(
    "--dataset",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Ask a recorded DuckDB file that holds public tables instead of a colony.",
)
@click.option(
    "-p",
    "--param",
    "params",
    metavar="[NAME=]VALUE",
    multiple=True,
    help="Value of $NAME, or of the next ?; repeat it. 42, 1.5, true and null are typed, '\"42\"' is text.",
)
@output_option()
@click.option("--timeout", metavar="DURATION", help="Time limit; the default is 5s, the ceiling 60s.")
def query(
    sql: str | None,
    colony: ColonyFlags,
    dataset: Path | None,
    params: tuple[str, ...],
    output: str,
    timeout: str | None,
) -> None:
    """Ask a colony, or a recorded file, in SQL.

    SQL is one statement that only reads; - takes it from stdin. Without it, on a terminal, a shell opens.

    \b
    coral query "SELECT * FROM service_summary ORDER BY p99_ms DESC LIMIT 5"
    coral query 'SELECT * FROM trace_summary WHERE service_name = $s' -p s=cart
    coral query --dataset incident.duckdb "SHOW TABLES"
    coral query - -o csv < report.sql > report.csv
    """
    from coral.cli.sql_params import sql_params

    if dataset is not None and colony != ColonyFlags():
        raise UsageError("--dataset and --colony are both given", hint="ask one of them")
    shell = sql is None and sys.stdin.isatty()
    if sql is None and not shell:
        raise UsageError("no SQL is given", hint='for example coral query "SHOW TABLES"; - reads stdin')
    statement = "" if sql is None else _statement(sql)
    positional, named = sql_params(params)
    timeout_ns = None if timeout is None else parse_duration_ns(timeout)
    if timeout_ns is not None and timeout_ns <= 0:
        raise UsageError(f"--timeout is {timeout}, expected more than nothing", hint="for example 10s")
    asked: dict[str, Any] = {"params": positional, "named_params": named, "timeout_ns": timeout_ns}
    with _source(colony, dataset) as source:
        if not shell:
            _show(source.query(statement, **asked), output)
            return
        from coral.cli.sql_shell import SqlShell

        SqlShell(lambda text: source.query(text, **asked), _show, mode=output).run()


def _source(colony: ColonyFlags, dataset: Path | None) -> ColonyClient | Dataset:
    if dataset is not None:
        from coral.query.dataset import Dataset

        return Dataset(dataset)
    from coral.client.colony import ColonyClient

    found = resolve_colony(colony)
    return ColonyClient(found.address, found.access)


def _show(result: QueryResult, output: str) -> None:
    emit(render_result(result, output))
    if output != "json":
        report_completeness(result)


def render_result(result: QueryResult, output: str) -> str:
    """An answer as a table, CSV or JSON; JSON is told in `coral.cli.sql_values`."""
    from coral.cli.sql_values import json_rows
    from coral.client.colony import to_rows

    rows: Sequence[Sequence[object]]
    rows = json_rows(result.columns, result.rows) if output == "json" else to_rows(result.rows)
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
        "notes": list(completeness.notes),
    }
    return render_rows(output, result.columns, rows, extra={"completeness": summary})


def report_completeness(result: QueryResult) -> None:
    """Says on stderr what was added to a statement and cut from its answer."""
    completeness = result.completeness
    if completeness.rows_cut:
        report_note(f"rows were cut at the limit of {completeness.limit_added}")
    for note in completeness.notes:
        report_note(note)
    if completeness.missing_agents:
        report_note(f"no recent data from: {', '.join(completeness.missing_agents)}")


def _statement(sql: str) -> str:
    """The statement as given, or stdin's for "-"."""
    try:
        # Arguments that are not UTF-8 hold surrogates, which nothing after this can encode.
        return sys.stdin.buffer.read().decode() if sql == "-" else sql.encode().decode()
    except UnicodeError as error:
        raise UsageError(f"the SQL is not UTF-8: {error}", hint="save the statement as UTF-8") from None
