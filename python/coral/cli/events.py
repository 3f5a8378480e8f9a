"""`coral events`: what scripts emitted, newest first, or as it comes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from coral.cli.errors import report_note
from coral.cli.options import ColonyFlags, colony_option, resolve_colony
from coral.cli.output import render_json, render_table
from coral.errors import UnreachableError, UsageError
from coral.model.durations import parse_duration_ns
from coral.printing import emit, visible

if TYPE_CHECKING:
    from coral._proto.colony.v1.query_pb2 import EmittedEvent, QueryEventsRequest
    from coral.client.events import EventsClient

_SEVERITIES = ("info", "warning", "critical")  # as coral.sdk.v1.Severity from 1 on
_POLL_SECONDS = 1.0
_WIDEST = 10_000
_WIDTHS = (19, 8, 12, 20)


@click.command()
@colony_option
@click.option("--name", metavar="NAME", default="", help="Only events of this name.")
@click.option(
    "--severity",
    type=click.Choice(_SEVERITIES, case_sensitive=False),
    help="Only events of at least this severity.",
)
@click.option("--since", metavar="DURATION", default="1d", show_default=True, help="How far to look back.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Events at most."
)
@click.option("-f", "--follow", is_flag=True, help="Print events as they come, oldest first; Ctrl-C ends it.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(("table", "json", "jsonl")),
    default="table",
    show_default=True,
    help="How to print the answer.",
)
def events(
    colony: ColonyFlags, name: str, severity: str | None, since: str, limit: int, follow: bool, output: str
) -> None:
    """Show events that scripts emitted (coral.emit), newest first.

    \b
    coral events --severity warning --since 1h
    coral events --name alert --follow
    """
    from coral._proto.colony.v1 import query_pb2
    from coral.client.events import EventsClient
    from coral.wire.times import to_duration

    if follow and output == "json":
        raise UsageError(
            "-o json is one document, which --follow would never end", hint="-o jsonl prints a line per event"
        )
    request = query_pb2.QueryEventsRequest(
        name=name,
        min_severity=f"SEVERITY_{(severity or 'unspecified').upper()}",
        window=to_duration(parse_duration_ns(since)),
    )
    found_at = resolve_colony(colony)
    with EventsClient(found_at.address, found_at.access) as client:
        found, more = client.events(request, limit=limit)
        if follow:
            _follow(client, request, found, output, limit=limit)
    emit(_render(output, found, more))
    if more and output == "table":
        report_note(f"there are more than these {len(found)}: ask with a larger --limit")


def _follow(
    client: EventsClient, request: QueryEventsRequest, found: list[EmittedEvent], output: str, *, limit: int
) -> None:
    """Prints what was found, and then what comes, until the process is interrupted."""
    silent = False
    while True:
        for event in reversed(found):
            request.after_sequence = max(request.after_sequence, event.sequence)
            emit(_line(output, event))
        time.sleep(_POLL_SECONDS)
        try:
            found, more = client.events(request, limit=limit)
        except UnreachableError as error:
            found = []
            if not silent:
                report_note(f"{error.message}; trying again")
            silent = True
            continue
        silent = False
        if more:
            report_note(f"only the newest {limit} of the events of the last second: raise --limit")


def _render(output: str, found: list[EmittedEvent], more: bool) -> str:
    if output == "json":
        return render_json({"events": [_document(event) for event in found], "more": more})
    if output == "jsonl":
        return "".join(_line(output, event) for event in found)
    rows = [(*_cells(event),) for event in found]
    return render_table(("time", "severity", "name", "script", "data"), rows, widest=_WIDEST)


def _line(output: str, event: EmittedEvent) -> str:
    if output == "jsonl":
        return render_json(_document(event))
    *cells, data = (visible(str(cell)) for cell in _cells(event))
    return "  ".join([*(cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True)), data]) + "\n"


def _document(event: EmittedEvent) -> dict[str, object]:
    from coral.wire.times import from_timestamp

    return {
        "id": event.event_id,
        "time": from_timestamp(event.time),
        "received_at": from_timestamp(event.received_at),
        "name": event.name,
        "severity": _SEVERITIES[event.severity - 1],
        "data": json.loads(event.data),
        "script": event.script_name,
        "execution_id": event.execution_id,
        "agent": event.agent_id or None,
    }


def _cells(event: EmittedEvent) -> Iterator[Any]:
    """Time, severity, name, script, and the message with what else was said."""
    from coral.wire.times import from_timestamp

    data = json.loads(event.data)
    data.pop("severity", None)
    message = data.pop("message", None) if isinstance(data.get("message"), str) else None
    rest = json.dumps(data, ensure_ascii=False, separators=(",", ":")) if data else None
    yield from_timestamp(event.time).replace(microsecond=0)
    yield _SEVERITIES[event.severity - 1]
    yield event.name
    yield event.script_name
    yield " ".join(part for part in (message, rest) if part)
