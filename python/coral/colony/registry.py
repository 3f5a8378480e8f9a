"""Which agents there are: kept in memory, written to the store in bulk every few seconds.

A message of health costs no transaction. What a crash loses is at most a few seconds of `last_seen`
and the last report, which the agent repeats when it connects again.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import pyarrow as pa

from coral._proto.colony.v1 import fleet_pb2
from coral.clock import Clock
from coral.store.api import Store, Transaction

MISSING_AFTER: Final = timedelta(seconds=60)
"""An agent that was silent for this long is named as missing in results."""
FORGOTTEN_AFTER: Final = timedelta(hours=24)
"""An agent that was silent for this long no longer is."""

_AGENTS: Final = pa.schema(
    [
        ("agent_id", pa.string()),
        ("hostname", pa.string()),
        ("platform", pa.string()),
        ("coral_version", pa.string()),
        ("labels", pa.string()),
        ("last_seen", pa.timestamp("us")),
    ]
)
_HEALTH: Final = pa.schema(
    [("agent_id", pa.string()), ("reported_at", pa.timestamp("us")), ("report", pa.binary())]
)


@dataclass
class KnownAgent:
    """An agent as it was heard of last.

    Attributes:
        agent_id: Its id.
        hostname: Its host's name.
        platform: Operating system and machine.
        coral_version: Version of Coral that it runs.
        labels: JSON object of its labels.
        last_seen: When it said anything last, UTC.
        health: Its last report, or None.
        reported_at: When that came, or None.
        newest_batch_at: When the newest batch applied of it was written, by its own clock; None before the
            first one since the colony's start.
    """

    agent_id: str
    hostname: str
    platform: str
    coral_version: str
    labels: str
    last_seen: datetime
    health: fleet_pb2.AgentHealth | None = None
    reported_at: datetime | None = None
    newest_batch_at: datetime | None = None


class AgentRegistry:
    """The agents of a fleet. Used from one event loop."""

    def __init__(
        self, store: Store, *, clock: Clock, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Reads what is known from the store; blocking."""
        self._store = store
        self._clock = clock
        self._agents: dict[str, KnownAgent] = {}
        self._changed: set[str] = set()
        # Who was heard of in this run, by the monotonic clock: setting the wall clock silences nobody.
        self._monotonic = monotonic
        self._heard: dict[str, float] = {}
        for row in store.query(f"SELECT {', '.join(_AGENTS.names)} FROM main.agents", since={}):
            self._agents[row[0]] = KnownAgent(*row)
        reports = store.query("SELECT agent_id, reported_at, report FROM main.agent_health", since={})
        for agent_id, reported_at, report in reports:
            if (agent := self._agents.get(agent_id)) is not None:
                agent.health = fleet_pb2.AgentHealth.FromString(report)
                agent.reported_at = reported_at

    def register(self, hello: fleet_pb2.AgentHello) -> None:
        """Notes who an agent says that it is."""
        self._heard[hello.agent_id] = self._monotonic()
        known = self._agents.get(hello.agent_id)
        self._agents[hello.agent_id] = KnownAgent(
            hello.agent_id,
            hello.hostname,
            hello.platform,
            hello.coral_version,
            json.dumps(dict(hello.labels), sort_keys=True),
            self._clock.now(),
            known.health if known else None,
            known.reported_at if known else None,
            known.newest_batch_at if known else None,
        )
        self._changed.add(hello.agent_id)

    def seen(self, agent_id: str, health: fleet_pb2.AgentHealth | None = None) -> None:
        """Notes that a registered agent said something, and what it reported."""
        agent = self._agents[agent_id]
        agent.last_seen = self._clock.now()
        self._heard[agent_id] = self._monotonic()
        if health is not None:
            agent.health, agent.reported_at = health, agent.last_seen
        self._changed.add(agent_id)

    def applied(self, agent_id: str, created_at: datetime) -> None:
        """Notes that a batch of a registered agent is durable."""
        self._agents[agent_id].newest_batch_at = created_at

    def agents(self) -> list[KnownAgent]:
        """All that are known, by id. The caller does not change them."""
        return sorted(self._agents.values(), key=lambda agent: agent.agent_id)

    def missing(self) -> list[str]:
        """Ids of agents that were here within a day and have been silent for a minute, by id."""
        silent = {agent.agent_id: self._silent(agent) for agent in self._agents.values()}
        return sorted(
            agent_id for agent_id, length in silent.items() if MISSING_AFTER < length <= FORGOTTEN_AFTER
        )

    def _silent(self, agent: KnownAgent) -> timedelta:
        """How long an agent has been silent; by the wall clock if that began before this run."""
        heard = self._heard.get(agent.agent_id)
        if heard is None:
            return self._clock.now() - agent.last_seen
        return timedelta(seconds=self._monotonic() - heard)

    async def flush(self) -> None:
        """Writes what has changed; durable when it returns.

        Raises:
            CoralError: It could not be written; the next flush writes it as well.
        """
        if not self._changed:
            return
        changed, self._changed = self._changed, set()
        rows = [self._agents[agent_id] for agent_id in sorted(changed)]
        agents = pa.Table.from_pylist([vars(row) for row in rows], schema=_AGENTS)
        reports = [
            {
                "agent_id": row.agent_id,
                "reported_at": row.reported_at,
                "report": row.health.SerializeToString(),
            }
            for row in rows
            if row.health is not None
        ]
        health = pa.Table.from_pylist(reports, schema=_HEALTH)

        def write(transaction: Transaction) -> None:
            _replace(transaction, "agents", agents)
            _replace(transaction, "agent_health", health)

        try:
            # Shielded: a write under way goes on when its task is cancelled.
            await asyncio.shield(asyncio.wrap_future(self._store.submit(write, essential=True)))
        except BaseException:
            self._changed |= changed
            raise


def _replace(transaction: Transaction, table: str, rows: pa.Table) -> None:
    connection = transaction.connection
    connection.register("changed_agents", rows)
    try:
        connection.execute(f"DELETE FROM {table} WHERE agent_id IN (SELECT agent_id FROM changed_agents)")
        connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM changed_agents")
    finally:
        connection.unregister("changed_agents")
