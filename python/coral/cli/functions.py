"""`coral functions`: the functions of a service's program, or one of them."""

from __future__ import annotations

from typing import Any

import click

from coral.cli.errors import report_note
from coral.cli.options import ColonyFlags, colony_option, output_option, resolve_colony
from coral.cli.output import render_csv, render_json, render_table
from coral.errors import UsageError
from coral.printing import emit

_WIDEST = 160


@click.command()
@click.argument("service")
@click.argument("name", required=False)
@colony_option
@output_option()
@click.option(
    "--match", metavar="GLOB", default="", help="Only functions whose whole name matches: * ? [abc]."
)
def functions(service: str, name: str | None, colony: ColonyFlags, output: str, match: str) -> None:
    """Show the functions of SERVICE's program by name, or the one called NAME.

    Read from the binary's symbols and line tables (C, C++, Rust, Go and the like) or from Python
    source, by the agents on whose hosts the service runs.

    \b
    coral functions payments --match '*charge*'
    coral functions payments payments.api.Card.charge
    """
    from coral.client.colony import ColonyClient

    if name and match:
        raise UsageError("NAME and --match do not go together", hint="leave one of them out")
    found_at = resolve_colony(colony)
    with ColonyClient(found_at.address, found_at.access) as client:
        if name:
            found, completeness = [client.function(service, name)], None
        else:
            listed = client.functions(service, match=match)
            found, completeness = list(listed.functions), listed.completeness
    emit(_render(output, found, completeness))
    if completeness is not None and output != "json":
        if completeness.rows_cut:
            report_note("the program has more functions than an agent reads")
        for note in completeness.notes:
            report_note(note)


def _render(output: str, found: list[Any], completeness: Any) -> str:
    if output == "json":
        documents = [
            {
                "name": function.name,
                "file": function.file or None,
                "line": function.line or None,
                "binary": function.binary,
                "offset_bytes": function.offset_bytes or None,
            }
            for function in found
        ]
        if completeness is None:
            return render_json(documents[0])
        summary = {
            "rows_cut": completeness.rows_cut,
            "missing_agents": list(completeness.missing_agents),
            "notes": list(completeness.notes),
        }
        return render_json({"functions": documents, "completeness": summary})
    names = ("name", "source", "binary", "offset")
    rows = [
        (
            function.name,
            _place(function),
            function.binary,
            f"{function.offset_bytes:#x}" if function.offset_bytes else "",
        )
        for function in found
    ]
    if output == "csv":
        return render_csv(names, rows)
    return render_table(names, rows, widest=_WIDEST)


def _place(function: Any) -> str:
    return f"{function.file}:{function.line}" if function.file else ""
