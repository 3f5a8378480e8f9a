"""Samples the host at an interval, and at up to 100 Hz for a while when asked to.

One thread takes all samples, so each covers the time since the one before, whatever the rate, and
nothing is counted twice. Each sample is a row of `host_samples`. At each regular interval what was seen
is added up to one row of `system_metrics`, weighted by time, so that a burst does not outweigh the rest
of its minute; that row goes to the colony.

Time between samples is measured by the monotonic clock; the wall clock only says when one was taken.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Final

from coral.agent.collect.counters import Counters, difference, read_counters
from coral.agent.collect.rows import Batch, Taken, add_up, write_batch
from coral.clock import Clock
from coral.errors import CoralError, UsageError
from coral.limits import MAX_BURST_HZ, MAX_BURST_SECONDS
from coral.store.api import Store

_log = logging.getLogger(__name__)
_FIRST_SECONDS: Final = 1.0
_WRITE_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 2.0
_LEAST_SECONDS: Final = 0.001  # two looks nearer to each other say nothing
_MOST_WAITING: Final = 1000  # samples kept while the store takes none


@dataclass(frozen=True)
class CollectStatistics:
    """What the collector did since its start.

    Attributes:
        samples: Taken.
        lost_samples: Taken, but dropped because the store did not take them for too long.
        burst_seconds_left: How long it still samples fast; 0 when it does not.
    """

    samples: int
    lost_samples: int
    burst_seconds_left: float


@dataclass(frozen=True)
class _Burst:
    period: float  # seconds between samples
    until: float  # by the monotonic clock


_NO_BURST: Final = _Burst(math.inf, -math.inf)


class HostCollector:
    """Takes and stores samples while `run` runs."""

    def __init__(
        self,
        store: Store,
        *,
        agent_id: str,
        clock: Clock,
        interval: float,
        monotonic: Callable[[], float] = time.monotonic,
        read: Callable[[], Counters] = read_counters,
    ) -> None:
        """Binds; nothing is sampled yet.

        Args:
            store: The agent's store.
            agent_id: Whose samples they are.
            clock: Says when a sample was taken.
            interval: Seconds between regular samples.
            monotonic: Measures the time between samples.
            read: Looks at the host.
        """
        self._store = store
        self._agent_id = agent_id
        self._clock = clock
        self._interval = interval
        self._monotonic = monotonic
        self._read = read
        self._changed = threading.Condition()
        self._stopped = False
        self._burst = _NO_BURST
        self._samples = 0
        self._lost = 0
        self._waiting = Batch()
        self._writing: tuple[Batch, Future[None]] | None = None

    def burst(self, hz: float, seconds: float) -> None:
        """Samples at a higher rate for a while; a later call replaces an earlier one. From any thread.

        Args:
            hz: Samples per second, above 0, at most `MAX_BURST_HZ`.
            seconds: How long, above 0, at most `MAX_BURST_SECONDS`.

        Raises:
            UsageError: One of them is out of range.
        """
        if not 0 < hz <= MAX_BURST_HZ:
            raise UsageError(
                f"the rate is {hz:g} Hz, expected above 0 and at most MAX_BURST_HZ ({MAX_BURST_HZ:g})"
            )
        if not 0 < seconds <= MAX_BURST_SECONDS:
            raise UsageError(
                f"the time is {seconds:g} s, expected above 0 and at most MAX_BURST_SECONDS"
                f" ({MAX_BURST_SECONDS:g})"
            )
        with self._changed:
            self._burst = _Burst(1 / hz, self._monotonic() + seconds)
            self._changed.notify()

    def statistics(self) -> CollectStatistics:
        """Figures as of now."""
        return CollectStatistics(self._samples, self._lost, max(0.0, self._burst.until - self._monotonic()))

    async def run(self) -> None:
        """Samples until cancelled."""
        loop = asyncio.get_running_loop()
        failed: asyncio.Future[None] = loop.create_future()

        def fail(error: Exception) -> None:
            if not failed.done():
                failed.set_exception(error)

        def work() -> None:
            try:
                self._sample()
            except Exception as error:  # told to the one who awaits `run`
                loop.call_soon_threadsafe(fail, error)

        thread = threading.Thread(target=work, name="coral-host", daemon=True)
        thread.start()
        try:
            await failed
        finally:
            with self._changed:
                self._stopped = True
                self._changed.notify()
            await asyncio.to_thread(thread.join)

    def _sample(self) -> None:
        """The thread."""
        before, looked_at = self._read(), self._monotonic()
        regular_due = looked_at + min(_FIRST_SECONDS, self._interval)
        fast_due = write_due = math.inf
        burst = _NO_BURST
        cpu_pct = 0.0
        regular: list[Taken] = []
        while True:
            self._wait(min(regular_due, fast_due, write_due), burst)
            if self._stopped:
                break
            now = self._monotonic()
            if self._burst is not burst:
                burst = self._burst
                fast_due = now
            if now >= min(regular_due, fast_due) and now - looked_at >= _LEAST_SECONDS:
                after = self._read()
                sample = difference(before, after, seconds=now - looked_at, last_cpu_pct=cpu_pct)
                before, looked_at, cpu_pct = after, now, sample.cpu_pct
                taken = Taken(self._clock.now(), sample)
                regular.append(taken)
                self._keep(taken)
                write_due = min(write_due, now + _WRITE_SECONDS)
            if now >= fast_due:
                fast_due = _next(fast_due, burst.period, now)
                if fast_due >= burst.until:
                    fast_due = math.inf
            if now >= regular_due:
                regular_due = _next(regular_due, self._interval, now)
                if regular:
                    self._waiting.minutes.append(add_up(regular))
                    del self._waiting.minutes[:-_MOST_WAITING]
                    regular = []
                    write_due = now
            if now >= write_due:
                write_due = now + _WRITE_SECONDS if self._write() else math.inf
        for _ in range(2):  # what is being written, and what came after it
            if self._writing is not None:
                wait([self._writing[1]], timeout=_STOP_SECONDS)
            self._write()

    def _wait(self, until: float, burst: _Burst) -> None:
        """Waits for a time, another burst or the stop, whichever is first."""
        with self._changed:
            left = until - self._monotonic()
            if not self._stopped and self._burst is burst and left > 0:
                self._changed.wait(left)

    def _keep(self, taken: Taken) -> None:
        self._samples += 1
        self._waiting.samples.append(taken)
        surplus = len(self._waiting.samples) - _MOST_WAITING
        if surplus > 0:
            self._lost += surplus
            del self._waiting.samples[:surplus]

    def _write(self) -> bool:
        """Hands what waits to the store. Answers whether something waits still."""
        if self._writing is not None:
            batch, future = self._writing
            if not future.done():
                return True
            self._writing = None
            error = future.exception()
            if error is not None:
                _log.warning("host samples could not be written, trying again: %s", error)
                self._waiting = batch.followed_by(self._waiting, most=_MOST_WAITING)
        if not self._waiting.samples:
            return False
        batch = self._waiting
        try:
            future = self._store.submit(lambda transaction: write_batch(transaction, batch, self._agent_id))
        except CoralError as error:
            # Requests of clients come first; samples can wait a second.
            _log.warning("host samples wait for the store: %s", error)
            return True
        self._writing, self._waiting = (batch, future), Batch()
        return True


def _next(due: float, period: float, now: float) -> float:
    """The next time on the grid after `now`: what was missed, the machine's sleep say, is not caught up."""
    return due + period * (math.floor((now - due) / period) + 1)
