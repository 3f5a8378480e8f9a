"""`coral audit`: the runs without one of their walls, that were refused something, or that hit a limit."""

from __future__ import annotations

import click

from coral.cli.errors import report_note
from coral.cli.options import output_option
from coral.cli.output import render_rows
from coral.printing import emit
from coral.runner.audit import audit_file, records

_COLUMNS = [
    ("time", "TIMESTAMP"),
    ("outcome", "VARCHAR"),
    ("exit_code", "BIGINT"),
    ("script", "VARCHAR"),
    ("reason", "VARCHAR"),
    ("missing", "VARCHAR"),
]


@click.command()
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="Records at most, the newest."
)
@click.option("--path", is_flag=True, help="Print where the file is, and nothing else.")
@output_option()
def audit(limit: int, path: bool, output: str) -> None:
    """Show which scripts were refused something, ran into a limit, or ran without one of their walls.

    `coral run` writes a line for each such run, and for no other. `coral doctor` says which walls this
    machine has.

    \b
    coral audit
    coral audit -o json --limit 1000
    """
    if path:
        emit(f"{audit_file()}\n")
        return
    found = list(records())
    rows = [[_text(record.get(name)) for name, _ in _COLUMNS] for record in found[-limit:]]
    emit(render_rows(output, _COLUMNS, rows))
    if not found and output == "table":
        report_note(f"nothing was written down yet in {audit_file()}")


def _text(value: object) -> object:
    return "; ".join(str(each) for each in value) if isinstance(value, list) else value
