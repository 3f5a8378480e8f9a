"""When the rollup runs: at an interval, and sooner when much has come in."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from coral.agent.rollup.run import Rollup
from coral.agent.telemetry import ROLLUP_FAILURES, ROLLUP_SECONDS
from coral.errors import CoralError
from coral.limits import MAX_ROLLUP_ROWS

_log = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 0.25


async def keep_rolling_up(
    rollup: Rollup, *, interval: float, rows_stored: Callable[[], int], written: Callable[[], None]
) -> None:
    """Rolls up until cancelled.

    Args:
        rollup: What to run; it runs in a thread.
        interval: Seconds between the end of a rollup and the next one.
        rows_stored: Rows stored since the start; `MAX_ROLLUP_ROWS` more than at the start of the last
            rollup do not wait for the interval.
        written: Called when there are new batches in the outbox.
    """
    before = rows_stored()
    while True:
        due = time.monotonic() + interval
        while (left := due - time.monotonic()) > 0 and rows_stored() - before < MAX_ROLLUP_ROWS:
            await asyncio.sleep(min(left, _LOOK_SECONDS))
        before = rows_stored()
        try:
            with ROLLUP_SECONDS.timed():
                sequence = await asyncio.to_thread(rollup.run)
        except CoralError as error:
            # Nothing is lost: the next round takes what this one did not commit.
            ROLLUP_FAILURES.add(1)
            _log.error("a rollup failed: %s", error)
            await asyncio.sleep(min(interval, 1.0))
            continue
        if sequence is not None:
            written()
