"""Signals that stop a server, and the line that says it is ready."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Coroutine
from typing import Any, Final

from coral.printing import emit, tell

if sys.platform != "win32":  # which has no such limit
    import resource

_OPEN_FILES: Final = 65_536


def run_server(work: Coroutine[Any, Any, None]) -> None:
    """Runs a server to its end, in uvloop's event loop where there is one.

    A request of gRPC is some ten turns of the loop: uvloop takes half the time of asyncio for them.
    """
    if sys.platform == "win32":
        asyncio.run(work)
    else:
        import uvloop

        uvloop.run(work)


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set. Call it inside the running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def allow_open_files() -> None:
    """Raises the soft limit on open files as far as is allowed: each connection is one, 1,024 are few."""
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    most = _OPEN_FILES if hard == unlimited else min(hard, _OPEN_FILES)
    if soft != unlimited and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def announce_ready(fields: dict[str, Any], *, as_json: bool, text: str) -> None:
    """Writes the ready line: JSON on stdout, or text on stderr."""
    if as_json:
        emit(json.dumps({"event": "ready", **fields}) + "\n")
    else:
        tell(text)
