"""What operators get from a running colony beside StatusService: metrics, and a watch on the clock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Final

import coral
from coral.clock import Clock, ClockWatch
from coral.colony.fleet import FleetServicer
from coral.colony.script_events import EventStatistics
from coral.colony.telemetry import (
    CLOCK_JUMPS,
    INSTRUMENTS,
    event_figures,
    fleet_figures,
    sql_figures,
    store_figures,
)
from coral.errors import CoralError
from coral.serve.clock_jumps import ClockJumps, describe_jump
from coral.serve.exposition import Metrics
from coral.serve.instruments import Figure
from coral.serve.metrics_server import MetricsServer
from coral.serve.self_telemetry import SelfTelemetry, keep_exporting
from coral.store.api import Store
from coral.store.guard.pool import PoolStatistics

_log = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 1.0


class ColonyOperations:
    """Runs beside the colony's work, and never ends it: what fails here is logged."""

    def __init__(
        self,
        *,
        store: Store,
        fleet: FleetServicer,
        sql: Callable[[], PoolStatistics],
        events: Callable[[], EventStatistics],
        clock: Clock,
        metrics: str | None = None,
        self_telemetry: SelfTelemetry | None = None,
    ) -> None:
        """Listens on the metrics address; the rest begins with `run`.

        Args:
            store: The colony's store.
            fleet: The agents.
            sql: Figures of the workers for callers' SQL; called in threads.
            events: Figures of what scripts emit; called in threads.
            clock: The wall clock, which is watched.
            metrics: Address of `/metrics`, or None for none.
            self_telemetry: Where metrics are sent to, or None.

        Raises:
            UsageError: The metrics address is malformed.
            ListenError: It cannot be opened.
        """
        self._store = store
        self._fleet = fleet
        self._sql = sql
        self._events = events
        self._watch = ClockWatch(clock)
        self._jumps = ClockJumps()
        self._self_telemetry = self_telemetry
        self._metrics = Metrics(INSTRUMENTS, self._figures)
        self._server = (
            None if metrics is None else MetricsServer(metrics, self._metrics, problems=self._not_ready)
        )

    @property
    def metrics_address(self) -> str | None:
        """Where `/metrics` is, `HOST:PORT`, or None."""
        return None if self._server is None else self._server.address

    def problems(self) -> list[str]:
        """What an operator should know, a sentence each; empty when all is well."""
        found = [*self._store.problems(), *self._jumps()]
        missing = self._fleet.missing_agents()
        if missing:
            names = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
            found.append(f"Agents that were here within a day are silent: {names}.")
        return found

    async def run(self) -> None:
        """Works until cancelled."""
        tasks = [asyncio.create_task(self._watch_clock())]
        if self._self_telemetry is not None:
            resource = {"service.name": "coral-colony", "service.version": coral.__version__}
            exporting = keep_exporting(self._metrics, self._self_telemetry, resource=resource)
            tasks.append(asyncio.create_task(exporting))
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def close(self) -> None:
        """Stops listening."""
        if self._server is not None:
            self._server.close()

    async def _watch_clock(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            jump = self._watch.look()
            if jump is not None:
                CLOCK_JUMPS.add(1)
                self._jumps.note(jump)
                _log.warning("the wall clock was %s", describe_jump(jump))

    def _figures(self) -> Iterator[Figure]:
        """Read in the threads of the metrics server."""
        yield Figure("coral_colony_info", "The colony.", 1, {"version": coral.__version__})
        yield from fleet_figures(self._fleet.statistics(), connected=self._fleet.connected_agents())
        yield from sql_figures(self._sql())
        yield from event_figures(self._events())
        yield Figure("coral_colony_problems", "Problems that `coral status` tells of.", len(self.problems()))
        try:
            statistics, segments = self._store.statistics(), self._store.segments()
        except CoralError as error:
            _log.warning("metrics of the store could not be read: %s", error)
            return
        yield from store_figures(statistics, segments)

    def _not_ready(self) -> list[str]:
        """Why batches sent now would be refused."""
        try:
            statistics = self._store.statistics()
        except CoralError as error:
            return [error.message]
        return [] if statistics.accepts_new_data else list(statistics.problems)
