"""The per-run directory: the import map, and the modules that hand the connection to the SDK.

A run takes the first free of a few numbered directories and holds a lock on it. Fixed paths keep
Deno's caches small and warm (they are keyed by path), and a run that was killed leaves nothing
behind that the next one does not overwrite.
"""

from __future__ import annotations

import os

from coral.config.fast_json import dumps
from coral.errors import StorageError
from coral.runner.folder import Folder
from coral.runner.policy import file_url, import_map

_SLOTS = 1024


class RunDirectory:
    """A private directory (mode 0700) that belongs to this process until `close`.

    Attributes:
        path: The directory.
        import_map: Path of the import map in it, once `write` was called.
        front: Path of the module behind `@coral/sdk`, likewise.
        skills: Path of the one behind `@coral/sdk/skills`, which loads all that is the SDK's.
    """

    def __init__(self, base: str) -> None:
        """Takes a free directory below a base directory.

        Raises:
            StorageError: No directory can be made.
        """
        import fcntl

        runs = os.path.join(base, "runs")
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
            self.path = path
            self.import_map = os.path.join(path, "import_map.json")
            self.front = os.path.join(path, "sdk.js")
            self.skills = os.path.join(path, "skills.js")
            self._lock = lock
            self._added: list[str] = []
            return
        raise StorageError(f"{_SLOTS} scripts run already", hint="wait for some of them to end")

    def write(
        self,
        *,
        sdk: str,
        folder: Folder,
        connection: dict[str, object],
        preludes: list[str],
    ) -> None:
        """Writes the import map and the modules behind `@coral/sdk` and `@coral/sdk/skills`.

        Args:
            sdk: Path of the SDK's bundle.
            folder: What the script may import.
            connection: What the SDK finds under `Symbol.for("coral.connection")`.
            preludes: Modules of ours that run before the script.
        """
        front = self.front
        data = os.path.join(self.path, "connection.js")
        # A sibling that is imported first is evaluated first, so the SDK finds the object.
        _write(data, f'globalThis[Symbol.for("coral.connection")] = {dumps(connection)};\n')
        recipes = os.path.join(os.path.dirname(sdk), "skills.js")
        for module, whole in ((front, sdk), (self.skills, recipes)):
            _write(module, f'import "./connection.js";\nexport * from "{file_url(whole)}";\n')
        modules = [data, sdk, recipes, *preludes]
        made = import_map(
            sdk=front, skills=self.skills, trees=folder.trees, files=folder.files, modules=modules
        )
        _write(self.import_map, dumps(made))

    def write_types(self, *, types: str, folder: Folder) -> None:
        """Writes the import map for a type check.

        Args:
            types: Path of the SDK's type declarations.
            folder: What the script may import.
        """
        own = os.path.dirname(types) + "/"
        skills = os.path.join(os.path.dirname(types), "skills.d.ts")
        made = import_map(sdk=types, skills=skills, trees=folder.trees, files=folder.files, modules=[own])
        _write(self.import_map, dumps(made))

    def add(self, name: str, text: str) -> str:
        """Writes one more file, such as a module that runs before the script.

        Args:
            name: Its name, or a path of two parts; the folder is made.
            text: What it holds.

        Returns:
            Its path.
        """
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        _write(path, text)
        self._added.append(name)
        return path

    def close(self) -> None:
        """Removes what was written and gives the directory back."""
        for name in ("connection.js", "sdk.js", "skills.js", "import_map.json", *self._added):
            try:
                os.unlink(os.path.join(self.path, name))
            except FileNotFoundError:
                pass  # nothing was written
        os.close(self._lock)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
