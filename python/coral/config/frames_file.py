"""Where this user's colonies on this machine serve frames: a file for each, locked while its colony runs.

On the way to `coral run`. The name of the file is the colony's port for questions, its content the one for
frames. A lock that can be had means that the colony has ended, however it did.
"""

from __future__ import annotations

import os

from coral.config.access import is_loopback
from coral.config.address import parse_address
from coral.config.paths import state_dir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

VARIABLE = "CORAL_FRAMES"
"""`off` makes scripts speak gRPC everywhere, and colonies serve nothing else."""


def wanted() -> bool:
    """Says whether frames may be used: not where they are switched off, nor without this system's locks."""
    return os.name == "posix" and os.environ.get(VARIABLE) != "off"


def frames_of(address: str) -> str | None:
    """Returns where a colony serves frames, `HOST:PORT`; None where it does not, or nobody knows.

    Args:
        address: The colony's for questions.
    """
    if not wanted():
        return None
    host, port = parse_address(address)
    if not is_loopback(host):
        return None
    try:
        with open(_path(port), encoding="ascii") as file:
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                found = file.read()
                return f"127.0.0.1:{int(found)}" if found.isdecimal() else None
    except (OSError, ValueError):
        pass  # there is none: gRPC does as well
    return None


class FramesFile:
    """A colony's own file; made when it starts. `close` removes it."""

    def __init__(self, port: int) -> None:
        """Opens and locks it.

        Args:
            port: The colony's for questions.

        Raises:
            OSError: It cannot be written, or another process has it.
        """
        import fcntl

        self._path = _path(port)
        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._file: IO[str] = os.fdopen(descriptor, "r+", encoding="ascii")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise

    def last_port(self) -> int:
        """The port that the colony before used; 0 where there was none."""
        found = self._file.read()
        return int(found) if found.isdecimal() and int(found) <= 65535 else 0

    def write(self, port: int) -> None:
        """Tells the port."""
        self._file.seek(0)
        self._file.write(str(port))
        self._file.truncate()
        self._file.flush()

    def close(self) -> None:
        """Gives the lock back. The file stays: the next colony at this address takes the same port."""
        self._file.close()


def _path(port: int) -> str:
    return os.path.join(state_dir(), "frames", str(port))
