"""Where the local colony listens: `$XDG_STATE_HOME/coral/local/colony.json`.

    {"address": "127.0.0.1:40123", "pid": 4711, "data": "/home/me/.local/state/coral/local/data",
     "started_at": "2026-01-31T12:00:00Z", "kind": "local"}

`kind` is `local` (started on demand) or `demo`. The file stays when the colony ends; whoever reads it
asks whether the colony is there.
"""

from __future__ import annotations

import os

from coral.config import fast_json
from coral.config.address import parse_address
from coral.config.paths import state_dir
from coral.errors import CoralError

_CONNECT_SECONDS = 0.5


class LocalColony:
    """What the state file says.

    Attributes:
        address: `HOST:PORT` on this machine.
        pid: Its process.
        data: Its data directory.
        started_at: UTC, ISO 8601.
        kind: `local` or `demo`.
    """

    __slots__ = ("address", "data", "kind", "pid", "started_at")

    def __init__(self, *, address: str, pid: int, data: str, started_at: str, kind: str) -> None:
        self.address = address
        self.pid = pid
        self.data = data
        self.started_at = started_at
        self.kind = kind

    def is_empty(self) -> bool:
        """Says whether the colony has stored nothing yet, without asking it.

        A store seals what it holds into segment files every few seconds; only the last seconds are
        missed here, which is good enough for a hint.
        """
        try:
            with os.scandir(os.path.join(self.data, "segments")) as entries:
                return next(entries, None) is None
        except OSError:
            return False  # not this machine's files, or not this layout: say nothing


def state_file() -> str:
    """Returns the path of the state file, which need not exist."""
    return os.path.join(state_dir(), "local", "colony.json")


def read_state(path: str) -> LocalColony | None:
    """Reads a state file; None if there is none or it says nothing usable."""
    try:
        with open(path, encoding="utf-8") as file:
            fields = fast_json.loads(file.read())
    except (OSError, ValueError):
        return None  # absent, or from a version that wrote it otherwise: start anew
    if not isinstance(fields, dict):
        return None
    address, pid = fields.get("address"), fields.get("pid")
    if not isinstance(address, str) or not isinstance(pid, int):
        return None
    return LocalColony(
        address=address,
        pid=pid,
        data=str(fields.get("data", "")),
        started_at=str(fields.get("started_at", "")),
        kind=str(fields.get("kind", "local")),
    )


def write_state(path: str, colony: LocalColony) -> None:
    """Replaces a state file atomically; its directory exists."""
    temporary = f"{path}.{os.getpid()}"
    fields: dict[str, object] = {name: getattr(colony, name) for name in LocalColony.__slots__}
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(fast_json.dumps(fields) + "\n")
    os.replace(temporary, path)


def running(path: str) -> LocalColony | None:
    """Returns the colony that a state file names if it is there: its process lives and it accepts calls."""
    colony = read_state(path)
    if colony is None or not _alive(colony.pid) or not _accepts(colony.address):
        return None
    return colony


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return False  # another user's: the number was given anew
    return pid > 0


def _accepts(address: str) -> bool:
    import socket

    try:
        with socket.create_connection(parse_address(address), timeout=_CONNECT_SECONDS):
            return True
    except (OSError, CoralError):
        return False  # that is the question
