"""What operators get from a running agent: status file, metrics, control socket, a watch on the clock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import coral
from coral._proto.colony.v1 import fleet_pb2
from coral.agent.collect.host import HostCollector
from coral.agent.control import ControlServer
from coral.agent.problems import ColonyAway, Delivery, Problems
from coral.agent.status import status_document, write_status
from coral.agent.telemetry import CLOCK_JUMPS, INSTRUMENTS, health_figures, store_figures
from coral.clock import Clock, ClockWatch
from coral.errors import CoralError, UsageError
from coral.serve.clock_jumps import ClockJumps, describe_jump
from coral.serve.exposition import Metrics
from coral.serve.instruments import Figure
from coral.serve.metrics_server import MetricsServer
from coral.serve.self_telemetry import SelfTelemetry, keep_exporting
from coral.store.api import Store

_log = logging.getLogger(__name__)
_STATUS_SECONDS: Final = 1.0


class AgentOperations:
    """Runs beside the agent's work, and never ends it: what fails here is logged."""

    def __init__(
        self,
        *,
        data: Path,
        agent_id: str,
        store: Store,
        health: Callable[[], fleet_pb2.AgentHealth],
        problems: Problems,
        collector: HostCollector,
        clock: Clock,
        colony: str | None = None,
        delivery: Callable[[], Delivery] | None = None,
        figures: Callable[[], Iterable[Figure]] = tuple,
        metrics: str | None = None,
        self_telemetry: SelfTelemetry | None = None,
    ) -> None:
        """Listens on the metrics address; the rest begins with `run`.

        Args:
            data: The data directory.
            agent_id: The agent's id.
            store: Its store.
            health: Its report as of now; called in threads.
            problems: What `health` tells as problems; sources are added here.
            collector: Takes orders for bursts.
            clock: The wall clock, which is watched.
            colony: Address of the colony, or None.
            delivery: Figures of the way to the colony, or None.
            figures: Further figures for `/metrics`; called in threads.
            metrics: Address of `/metrics`, or None for none.
            self_telemetry: Where metrics are sent to, or None.

        Raises:
            UsageError: The metrics address is malformed.
            ListenError: It cannot be opened.
        """
        self._data = data
        self._agent_id = agent_id
        self._store = store
        self._health = health
        self._collector = collector
        self._delivery = delivery
        self._more_figures = figures
        self._watch = ClockWatch(clock)
        self._jumps = ClockJumps()
        self._self_telemetry = self_telemetry
        self._metrics = Metrics(INSTRUMENTS, self._figures)
        self._control = ControlServer(data, {"sample": self._sample})
        problems.add(self._jumps)
        if delivery is not None and colony is not None:
            problems.add(ColonyAway(colony, delivery))
        self._server = (
            None if metrics is None else MetricsServer(metrics, self._metrics, problems=self._not_ready)
        )

    @property
    def metrics_address(self) -> str | None:
        """Where `/metrics` is, `HOST:PORT`, or None."""
        return None if self._server is None else self._server.address

    async def run(self) -> None:
        """Works until cancelled."""
        tasks = [asyncio.create_task(self._watch_clock()), asyncio.create_task(self._report())]
        if self._self_telemetry is not None:
            tasks.append(asyncio.create_task(self._export(self._self_telemetry)))
        try:
            await self._control.start()
        except OSError as error:
            _log.warning("there is no control socket, so `coral agent sample` does not work: %s", error)
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._control.close()

    def close(self) -> None:
        """Stops listening and writes the last status. The store is still open; `run` was cancelled."""
        if self._server is not None:
            self._server.close()
        self._write_status(running=False)

    async def _report(self) -> None:
        """Keeps the figures fresh that `coral agent status` reads while the agent runs."""
        while True:
            await asyncio.to_thread(self._write_status, running=True)
            await asyncio.sleep(_STATUS_SECONDS)

    def _write_status(self, *, running: bool) -> None:
        try:
            delivery = None if self._delivery is None else self._delivery()
            document = status_document(
                self._health(), self._store.statistics(), delivery, agent_id=self._agent_id, running=running
            )
            write_status(self._data, document)
        except (CoralError, OSError) as error:
            _log.warning("the status file could not be written: %s", error)

    async def _watch_clock(self) -> None:
        while True:
            await asyncio.sleep(_STATUS_SECONDS)
            jump = self._watch.look()
            if jump is not None:
                self.clock_jumped(jump)

    def clock_jumped(self, jump: timedelta) -> None:
        """Notes that the wall clock was set."""
        CLOCK_JUMPS.add(1)
        self._jumps.note(jump)
        _log.warning("the wall clock was %s", describe_jump(jump))

    async def _export(self, to: SelfTelemetry) -> None:
        await keep_exporting(
            self._metrics,
            to,
            resource={
                "service.name": "coral-agent",
                "service.instance.id": self._agent_id,
                "service.version": coral.__version__,
            },
        )

    def _figures(self) -> Iterator[Figure]:
        """Read in the threads of the metrics server."""
        yield Figure(
            "coral_agent_info", "The agent.", 1, {"id": self._agent_id, "version": coral.__version__}
        )
        try:
            yield from [*health_figures(self._health()), *store_figures(self._store.statistics())]
        except CoralError as error:
            _log.warning("metrics of the store could not be read: %s", error)
        if self._delivery is not None:
            connected = self._delivery().connected
            yield Figure("coral_agent_connected", "Whether the stream to the colony is open.", connected)
        yield from self._more_figures()
        collected = self._collector.statistics()
        yield Figure("coral_agent_host_samples_total", "Host samples taken.", collected.samples)
        yield Figure(
            "coral_agent_host_samples_lost_total",
            "Host samples that the store did not take in time.",
            collected.lost_samples,
        )

    def _not_ready(self) -> list[str]:
        """Why data sent now would be refused."""
        try:
            statistics = self._store.statistics()
        except CoralError as error:
            return [error.message]
        return [] if statistics.accepts_new_data else list(statistics.problems)

    def _sample(self, request: Any) -> dict[str, Any]:
        try:
            hz, seconds = float(request["hz"]), float(request["seconds"])
        except (KeyError, TypeError, ValueError):
            raise UsageError("a sample request has the numbers `hz` and `seconds`") from None
        self._collector.burst(hz, seconds)
        return {"hz": hz, "seconds": seconds}
