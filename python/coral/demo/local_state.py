"""Names the demo's colony as the local one, so that `coral run` finds it without any flag."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coral.embedded.state import LocalColony, read_state, running, state_file, write_state


@contextmanager
def registered(address: str, pid: int, data: Path) -> Iterator[None]:
    """Points the local state file at a colony until the block ends; then what it said before holds again.

    A local colony that runs already keeps running meanwhile, and is found again afterwards.
    """
    path = state_file()
    before = running(path)
    Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    colony = LocalColony(
        address=address,
        pid=pid,
        data=str(data),
        started_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        kind="demo",
    )
    write_state(path, colony)
    try:
        yield
    finally:
        now = read_state(path)
        # Whoever wrote the file since then means its own colony.
        if now is not None and now.pid == pid:
            if before is not None:
                write_state(path, before)
            else:
                Path(path).unlink()
