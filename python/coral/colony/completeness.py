"""What a colony knows to be missing in its answers: agents that are silent or behind, and what was lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from coral._proto.colony.v1 import query_pb2 as pb
from coral.colony.registry import AgentRegistry
from coral.wire.times import from_timestamp

_MAX_NOTES: Final = 10
_BEHIND: Final = timedelta(seconds=60)
"""An agent sends every ten seconds; one whose oldest waiting batch is older than this lags."""


def completeness_of(registry: AgentRegistry, missing: Sequence[str], *, now: datetime) -> pb.Completeness:
    """As of now, for all answers.

    Args:
        registry: The agents, with their last reports.
        missing: Ids of those that are silent.
        now: The time, UTC.
    """
    behind: list[str] = []
    given_up: list[str] = []
    lost = 0
    for agent in registry.agents():
        health = agent.health
        if health is None:
            continue
        if health.batches_given_up:
            given_up.append(
                f"agent {agent.agent_id} gave up {health.batches_given_up} batches of summaries:"
                " its buffer was full"
            )
        if agent.agent_id in missing:
            continue
        lost += health.spans_refused + health.points_refused + health.logs_refused
        if health.HasField("oldest_batch_at"):
            lag = now - from_timestamp(health.oldest_batch_at)
            if lag > _BEHIND:
                behind.append(f"agent {agent.agent_id} is {lag.total_seconds():.0f} s behind")
    notes = [*_some(behind, "more agents are behind"), *_some(given_up, "more agents gave up summaries")]
    return pb.Completeness(missing_agents=missing, events_lost=lost, notes=notes)


def _some(notes: list[str], more: str) -> list[str]:
    """The first `_MAX_NOTES`, and how many more there are."""
    if len(notes) <= _MAX_NOTES:
        return notes
    return [*notes[:_MAX_NOTES], f"{len(notes) - _MAX_NOTES} {more}"]
