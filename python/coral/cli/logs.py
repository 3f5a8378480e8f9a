"""`coral logs`: log records of a service, newest first."""

from __future__ import annotations

import json
from typing import Any

import click

from coral.cli.errors import report_note
from coral.cli.options import ColonyFlags, colony_option, output_option, resolve_colony
from coral.cli.output import render_csv, render_json, render_table
from coral.model.durations import parse_duration_ns
from coral.printing import emit

_SEVERITIES = ("trace", "debug", "info", "warn", "error", "fatal")  # as LogSeverity from 1 on
_WIDEST = 10_000


@click.command()
@click.argument("service", required=False, default="")
@colony_option
@output_option()
@click.option(
    "--severity",
    type=click.Choice(_SEVERITIES, case_sensitive=False),
    help="Only records of at least this severity.",
)
@click.option("--contains", metavar="TEXT", default="", help="Only records with this text, in any case.")
@click.option("--trace", metavar="TRACE_ID", default="", help="Only records of this trace.")
@click.option("--since", metavar="DURATION", default="10m", show_default=True, help="How far to look back.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Records at most."
)
def logs(
    service: str,
    colony: ColonyFlags,
    output: str,
    severity: str | None,
    contains: str,
    trace: str,
    since: str,
    limit: int,
) -> None:
    """Show log records of SERVICE, or of all services, newest first.

    Agents keep records for about an hour; the colony asks those that have the service.

    \b
    coral logs payments --severity error --since 1h
    coral logs --contains "card declined" -o json
    """
    from coral._proto.colony.v1 import query_pb2
    from coral.client.colony import ColonyClient
    from coral.wire.times import to_duration

    request = query_pb2.QueryLogsRequest(
        service=service,
        contains=contains,
        trace_id=trace,
        window=to_duration(parse_duration_ns(since)),
        min_severity=f"LOG_SEVERITY_{(severity or 'unspecified').upper()}",
    )
    found_at = resolve_colony(colony)
    with ColonyClient(found_at.address, found_at.access) as client:
        found = client.logs(request, limit=limit)
    emit(_render(output, found))
    if output != "json":
        if found.completeness.rows_cut:
            report_note(f"there are more than these {len(found.records)}: ask with a larger --limit")
        for note in found.completeness.notes:
            report_note(note)


def _render(output: str, found: Any) -> str:
    from coral.wire.times import from_timestamp

    if output == "json":
        documents = [
            {
                "time": from_timestamp(record.time),
                "service": record.service_name,
                "severity": _name(record.severity),
                "body": record.body,
                "attributes": _attributes(record.attributes_json),
                "trace_id": record.trace_id or None,
                "span_id": record.span_id or None,
                "agent": record.agent_id,
            }
            for record in found.records
        ]
        completeness = {
            "rows_cut": found.completeness.rows_cut,
            "missing_agents": list(found.completeness.missing_agents),
            "notes": list(found.completeness.notes),
        }
        return render_json({"records": documents, "completeness": completeness})
    rows = [
        (from_timestamp(record.time), _name(record.severity), record.service_name, record.body)
        for record in found.records
    ]
    names = ("time", "severity", "service", "body")
    if output == "csv":
        return render_csv(names, rows)
    return render_table(names, rows, widest=_WIDEST)


def _name(severity: int) -> str:
    return _SEVERITIES[severity - 1].upper() if severity else "UNSPECIFIED"


def _attributes(text: str) -> object:
    return json.loads(text) if text else {}
