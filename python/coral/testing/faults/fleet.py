"""An agent and a colony behind a link that can be cut, killed and started again at the same addresses."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from coral.demo.children import Child, ChildError
from coral.demo.launch import ANY_PORT, Agent, Colony, await_agent, await_colony, begin_agent, begin_colony
from coral.testing.faults.proxy import CutProxy

_START_SECONDS: Final = 60.0
_ROLLUP_INTERVAL: Final = "200ms"


class Victim:
    """One process that is killed and started again. Its methods may be called from several threads."""

    def __init__(self, begin: Callable[[], Child], ready: Callable[[Child], None]) -> None:
        self._begin = begin
        self._ready = ready
        self._one = threading.Lock()
        self._child: Child | None = None
        self.kills = 0
        """How often it was killed."""

    def start(self, chance: random.Random | None = None, start_kills: float = 0.0) -> None:
        """Starts it, and tries again until it is ready: a full disk may keep it from starting.

        Args:
            chance: Source of randomness; with one, it is killed while it starts with the given chance.
            start_kills: That chance, from 0 to 1.

        Raises:
            ChildError: It has not started for a minute.
        """
        deadline = time.monotonic() + _START_SECONDS
        with self._one:
            while True:
                self._child = self._begin()
                if chance is not None and chance.random() < start_kills:
                    time.sleep(chance.uniform(0.05, 1.0))
                    self._kill(self._child)
                    continue
                try:
                    self._ready(self._child)
                except ChildError:
                    self._child.stop()
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.2)
                else:
                    return

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        with self._one:
            if self._child is not None:
                self._kill(self._child)

    def stop(self) -> int:
        """SIGTERM; answers the exit code."""
        with self._one:
            assert self._child is not None
            return self._child.stop(timeout_seconds=30)

    def end(self) -> None:
        """Makes sure that it is gone."""
        if self._child is not None:
            self._child.stop()

    def _kill(self, child: Child) -> None:
        self.kills += 1
        child.signal(signal.SIGKILL)
        child.wait(10)
        child.stop()


class FaultyFleet:
    """The two processes and the link."""

    def __init__(
        self, folder: Path, *, agent_data: Path | None = None, colony_data: Path | None = None
    ) -> None:
        """Prepares both; nothing runs before `start`.

        Args:
            folder: For logs, and for data where no place of its own is given.
            agent_data: The agent's data directory.
            colony_data: The colony's data directory.
        """
        self._logs = folder / "logs"
        self.agent_data = agent_data or folder / "agent"
        self.colony_data = colony_data or folder / "colony"
        self.colony_address = ANY_PORT
        self.fleet_address = ANY_PORT
        self.otlp_grpc = ANY_PORT
        self.otlp_http = ANY_PORT
        self.proxy: CutProxy | None = None
        self.colony = Victim(self._begin_colony, self._colony_ready)
        self.agent = Victim(self._begin_agent, self._agent_ready)

    def start(self) -> CutProxy:
        """Starts both, and the link; answers the link."""
        self.colony.start()
        self.proxy = CutProxy(self.fleet_address)
        self.proxy.__enter__()
        self.agent.start()
        return self.proxy

    def end(self) -> None:
        """Ends whatever still runs."""
        self.agent.end()
        self.colony.end()
        if self.proxy is not None:
            self.proxy.__exit__(None, None, None)

    def _begin_colony(self) -> Child:
        log = self._logs / "colony.log"
        return begin_colony(self.colony_data, log, self.colony_address, self.fleet_address)

    def _colony_ready(self, child: Child) -> None:
        colony: Colony = await_colony(child)
        self.colony_address, self.fleet_address = colony.grpc, colony.fleet

    def _begin_agent(self) -> Child:
        assert self.proxy is not None
        return begin_agent(
            self.colony_address,
            self.agent_data,
            self._logs / "agent.log",
            agent_id="agent-1",
            labels={},
            rollup_interval=_ROLLUP_INTERVAL,
            otlp_grpc=self.otlp_grpc,
            otlp_http=self.otlp_http,
            fleet=self.proxy.address,
        )

    def _agent_ready(self, child: Child) -> None:
        agent: Agent = await_agent(child)
        self.otlp_grpc, self.otlp_http = agent.otlp_grpc, agent.otlp_http
