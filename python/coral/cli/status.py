"""`coral status`: how a colony and its agents are doing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from coral.cli.options import ColonyFlags, colony_option, output_option, resolve_colony
from coral.cli.output import render_csv, render_json, render_table
from coral.printing import emit, show_text, visible

if TYPE_CHECKING:
    from coral._proto.colony.v1 import fleet_pb2, status_pb2

EXIT_PROBLEMS = 3
"""Exit code of `--check` when something needs attention."""

_COLUMNS = (
    "agent",
    "state",
    "last_seen",
    "lag",
    "outbox",
    "outbox_size",
    "refused",
    "overloaded",
    "given_up",
    "disk_used",
    "disk_free",
    "memory",
    "version",
)


@click.command()
@colony_option
@click.option(
    "--check",
    is_flag=True,
    help=f"End with {EXIT_PROBLEMS} when there is a problem, or an agent is not connected.",
)
@output_option()
def status(colony: ColonyFlags, check: bool, output: str) -> int:
    """Show how a colony and its agents are doing: lag, queues, losses, disk, problems."""
    from coral.client.status import get_status

    where = resolve_colony(colony)
    address = where.address
    found = get_status(address, where.access)
    now = datetime.now(UTC).replace(tzinfo=None)
    problems = _problems(found)
    if output == "json":
        emit(render_json(_document(address, found, problems)))
    elif output == "csv":
        emit(render_csv(_COLUMNS, [_row(agent, now) for agent in found.agents]))
    else:
        show_text(_text(address, found, problems, now))
    return EXIT_PROBLEMS if check and problems else 0


def _problems(found: status_pb2.GetStatusResponse) -> list[dict[str, str]]:
    """All sentences, with who has the problem: `colony`, or the agent's id."""
    told = [{"who": "colony", "problem": text} for text in found.colony.problems]
    for agent in found.agents:
        if not agent.connected:
            told.append({"who": agent.agent_id, "problem": "It is not connected to the colony."})
        told += [{"who": agent.agent_id, "problem": text} for text in agent.health.problems]
    return told


def _text(
    address: str, found: status_pb2.GetStatusResponse, problems: list[dict[str, str]], now: datetime
) -> str:
    colony = found.colony
    connected = sum(agent.connected for agent in found.agents)
    started = colony.started_at.ToDatetime()
    lines = [
        (
            f"colony {address}, coral {colony.coral_version}, up {_age(now, started)},"
            f" {connected} of {len(found.agents)} agents connected"
        ),
        (
            f"  batches applied {colony.batches_applied}, repeated {colony.batches_repeated};"
            f" writes queued {colony.queued_writes}; {colony.segments} segments of"
            f" {_bytes(colony.segment_bytes)}"
        ),
        (
            f"  disk {_bytes(colony.disk_used_bytes)} used, {_bytes(colony.disk_free_bytes)} free;"
            f" memory {_bytes(colony.memory_bytes)}"
        ),
    ]
    table = render_table(_COLUMNS, [_row(agent, now) for agent in found.agents])
    told = [f"problem: {item['who']}: {item['problem']}" for item in problems] or ["no problems"]
    return (
        "".join(f"{visible(line)}\n" for line in lines)
        + table
        + "".join(f"{visible(line)}\n" for line in ["", *told])
    )


def _row(agent: status_pb2.AgentStatus, now: datetime) -> list[Any]:
    health = agent.health
    return [
        agent.agent_id,
        "connected" if agent.connected else "away",
        f"{_age(now, agent.last_seen.ToDatetime())} ago",
        _lag(agent, now),
        health.outbox_batches,
        _bytes(health.outbox_bytes),
        health.spans_refused + health.points_refused + health.logs_refused,
        health.requests_overloaded,
        health.batches_given_up + health.spans_given_up + health.raw_rows_given_up,
        _bytes(health.disk_used_bytes),
        _bytes(health.disk_free_bytes),
        _bytes(health.memory_bytes),
        agent.coral_version,
    ]


def _lag(agent: status_pb2.AgentStatus, now: datetime) -> str:
    """Age of the oldest batch that waits; of what was applied last where none waits."""
    if agent.health.HasField("oldest_batch_at"):
        return _age(now, agent.health.oldest_batch_at.ToDatetime())
    if agent.HasField("newest_batch_at"):
        return _age(now, agent.newest_batch_at.ToDatetime())
    return "-"


def _document(
    address: str, found: status_pb2.GetStatusResponse, problems: list[dict[str, str]]
) -> dict[str, Any]:
    colony = found.colony
    return {
        "colony": {
            "address": address,
            "coral_version": colony.coral_version,
            "started_at": _time(colony, "started_at"),
            "queued_writes": colony.queued_writes,
            "batches_applied": colony.batches_applied,
            "batches_repeated": colony.batches_repeated,
            "segments": colony.segments,
            "segment_bytes": colony.segment_bytes,
            "disk_used_bytes": colony.disk_used_bytes,
            "disk_free_bytes": colony.disk_free_bytes,
            "memory_bytes": colony.memory_bytes,
            "problems": list(colony.problems),
        },
        "agents": [
            {
                "agent_id": agent.agent_id,
                "hostname": agent.hostname,
                "coral_version": agent.coral_version,
                "labels": dict(agent.labels),
                "connected": agent.connected,
                "last_seen": _time(agent, "last_seen"),
                "newest_batch_at": _time(agent, "newest_batch_at"),
                "health": _health(agent.health) if agent.HasField("health") else None,
            }
            for agent in found.agents
        ],
        "problems": problems,
    }


def _health(health: fleet_pb2.AgentHealth) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for field in health.DESCRIPTOR.fields:
        if field.name == "oldest_batch_at":
            figures[field.name] = _time(health, field.name)
        elif field.name == "problems":
            figures[field.name] = list(health.problems)
        else:
            figures[field.name] = getattr(health, field.name)
    return figures


def _time(message: Any, name: str) -> str | None:
    """A timestamp field as ISO 8601, None where it is absent."""
    if not message.HasField(name):
        return None
    moment: datetime = getattr(message, name).ToDatetime()
    return f"{moment.isoformat(timespec='milliseconds')}Z"


def _age(now: datetime, then: datetime) -> str:
    """How long ago, in at most two units; clocks of other machines may be a little ahead."""
    seconds = max(0, int((now - then).total_seconds()))
    for size, unit, below, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if seconds >= size:
            rest = seconds % size // below
            return f"{seconds // size}{unit}{rest}{smaller}" if rest else f"{seconds // size}{unit}"
    return f"{seconds}s"


def _bytes(count: int) -> str:
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"
