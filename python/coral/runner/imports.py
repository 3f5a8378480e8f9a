"""What a run hands to Deno besides flags: the import map, the connection, and sometimes files of its own.

The import map and the connection travel in the command and in the environment: a file of each would cost a
plain `coral run` two milliseconds. Where they are too long for that, and for scripts that are no file, a
run takes the first free of a few numbered directories and holds a lock on it. Fixed paths keep
Deno's caches small and warm (they are keyed by path), and a run that was killed leaves nothing
behind that the next one does not overwrite.
"""

from __future__ import annotations

import os

from coral.config.fast_json import dumps
from coral.errors import StorageError

_SLOTS = 1024
_MARKS = "in-use"
_MOST_PROCESSES = 1 << 22  # PID_MAX_LIMIT of Linux
_TURNS = 64
# One argument or variable has at most 128 KiB (Linux's MAX_ARG_STRLEN).
_MOST_CHARACTERS = 100_000


class RunDirectory:
    """A private directory (mode 0700) that belongs to this process from its first file until `close`.

    Attributes:
        path: The directory; None while nothing was added.
    """

    __slots__ = ("_added", "_base", "_lock", "_mark", "path")

    def __init__(self, base: str) -> None:
        """Takes no directory yet, but says that the base directory is in use (`in_use`).

        Args:
            base: The base directory below which it will be.
        """
        self._base = base
        self._mark = _mark(base)
        self._added: list[str] = []
        self.path: str | None = None

    def add(self, name: str, text: str) -> str:
        """Writes a file, such as a module that runs before the script.

        Args:
            name: Its name, or a path of two parts; the folder is made.
            text: What it holds.

        Returns:
            Its path.

        Raises:
            StorageError: No directory can be made.
        """
        if self.path is None:
            self.path = self._take()
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        _write(path, text)
        self._added.append(name)
        return path

    def import_map(self, made: dict[str, dict[str, str]]) -> str:
        """Returns an import map as Deno takes it: a `data:` URL; a file's path if that is too long."""
        text = dumps(made)
        url = "data:application/json," + text.replace("%", "%25").replace("#", "%23").replace('"', "%22")
        return url if len(url) <= _MOST_CHARACTERS else self.add("import_map.json", text)

    def connection(self, given: dict[str, object]) -> str:
        """Returns the connection as the SDK takes it: as text, or `@` and the path of a file."""
        text = dumps(given)
        return text if len(text) <= _MOST_CHARACTERS else "@" + self.add("connection.json", text)

    def close(self) -> None:
        """Removes what was written and gives the directory back."""
        if self._mark is not None:
            os.close(self._mark)
            self._mark = None
        if self.path is None:
            return
        for name in self._added:
            try:
                os.unlink(os.path.join(self.path, name))
            except FileNotFoundError:
                pass  # somebody cleans up the cache
        self.path = None
        os.close(self._lock)

    def _take(self) -> str:
        import fcntl

        runs = os.path.join(self._base, "runs")
        for number in range(_SLOTS):
            path = os.path.join(runs, str(number))
            try:
                os.makedirs(path, mode=0o700, exist_ok=True)
                lock = os.open(os.path.join(path, "lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            except OSError as error:
                raise StorageError(
                    f"the run directory {path} cannot be made: {error.strerror}",
                    hint="set CORAL_CACHE_DIR to a directory that can be written",
                ) from None
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(lock)  # another run has it
                continue
            try:
                _empty(path)
            except OSError as error:
                os.close(lock)
                raise StorageError(
                    f"the run directory {path} cannot be emptied: {error.strerror}", hint="remove it by hand"
                ) from None
            self._lock = lock
            return path
        raise StorageError(f"{_SLOTS} scripts run already", hint="wait for some of them to end")


def _empty(folder: str) -> None:
    """Removes what a run left that was killed: the script of this one may read all that is there."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            _empty(entry.path)
        elif entry.name != "lock":
            os.unlink(entry.path)


def in_use(base: str) -> bool:
    """Says whether a run of another process uses what is below a base directory."""
    try:
        descriptor = os.open(os.path.join(base, _MARKS), os.O_RDWR)
    except OSError:
        return False  # nobody ever has
    try:
        os.lockf(descriptor, os.F_TEST, 0)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _mark(base: str) -> int | None:
    """Locks one byte of a file, each process another: flock's module would have to be loaded."""
    if not hasattr(os, "lockf"):
        return None  # Windows, which runs no scripts
    try:
        descriptor = os.open(os.path.join(base, _MARKS), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None  # a full disk: the run needs nothing of it
    for turn in range(_TURNS):  # another one with our number is in another container
        os.lseek(descriptor, os.getpid() + turn * _MOST_PROCESSES, os.SEEK_SET)
        try:
            os.lockf(descriptor, os.F_TLOCK, 1)
            break
        except (BlockingIOError, PermissionError):
            continue
        except OSError:
            break  # a file system without locks
    return descriptor


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
