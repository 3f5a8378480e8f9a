"""Waits until the colony knows enough about every service for a report that means something."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

from coral.errors import NoDataError

ENOUGH_REQUESTS = 50
"""Requests per service; among so many payments about four are slow."""

WAIT_SECONDS = 30.0
"""How long to wait for them; then the report is made of what is there."""

POLL_SECONDS = 0.25

RequestCounts = Callable[[], Mapping[str, int]]
"""Asks a colony how many requests it knows of each service."""


def await_services(
    services: Collection[str],
    request_counts: RequestCounts,
    *,
    check: Callable[[], None],
    enough: int = ENOUGH_REQUESTS,
    wait_seconds: float = WAIT_SECONDS,
) -> None:
    """Returns once every service has `enough` requests, or at least one when the time is over.

    Args:
        services: The names that must appear.
        request_counts: Asks the colony.
        check: Called before each question; raises when one of the demo's processes has ended.
        enough: Requests per service to wait for.
        wait_seconds: Time limit.

    Raises:
        NoDataError: A service is still unknown to the colony when the time is over.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        check()
        counts = request_counts()
        if all(counts.get(service, 0) >= enough for service in services):
            return
        if time.monotonic() >= deadline:
            break
        time.sleep(POLL_SECONDS)
    missing = sorted(service for service in services if not counts.get(service))
    if missing:
        raise NoDataError(
            f"after {wait_seconds:g} s the colony knows nothing of {', '.join(missing)}",
            hint="the logs of the demo's processes are in its data folder",
        )
