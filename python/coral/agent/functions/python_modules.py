"""Finds the modules of another process's Python program in its file system."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from coral.agent.functions.places import inside, open_regular
from coral.limits import MAX_SOURCE_FILES

_SKIPPED: Final = frozenset({"__pycache__", "node_modules", "site-packages", "dist-packages"})


@dataclass(frozen=True)
class Module:
    """A source file.

    Attributes:
        name: Its dotted name; a script's is its file name without `.py`.
        path: Where it is, as the service sees it.
        is_package: Whether it is an `__init__.py`.
    """

    name: str
    path: str
    is_package: bool = False


class ModuleFinder:
    """Looks names up in the program's own folders, as `import` would."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._folders: list[str] = []
        self._only: dict[str, frozenset[str]] = {}
        self._known: dict[str, list[Module]] = {}

    def add_folder(self, folder: str, *, only: frozenset[str] | None = None) -> None:
        """Adds a folder of the import path; with `only`, just these top-level names in it count."""
        if folder not in self._folders:
            self._folders.append(folder)
            self._known.clear()
        if only is not None:
            self._only[folder] = self._only.get(folder, frozenset()) | only
            self._known.clear()

    def reach(self, name: str) -> list[Module]:
        """The modules that come with a dotted name: itself, its parents, and all of its top package."""
        if name not in self._known:
            top = name.partition(".")[0]
            self._known[name] = self._find(top, name) if top.isidentifier() else []
        return self._known[name]

    def below(self, folder: str) -> Iterator[Module]:
        """All modules below a folder, named from it; hidden folders and virtual environments are left out."""
        yield from self._walk(folder, "")

    def read(self, path: str, most: int) -> bytes | None:
        """A file's bytes; None when it cannot be read or has more than `most`."""
        place = inside(self._root, path)
        if place is None:
            return None
        try:
            with open_regular(place) as file:
                data = file.read(most + 1)
        except OSError:
            return None  # counted by the caller
        return data if len(data) <= most else None

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder."""
        place = inside(self._root, path)
        return place is not None and place.is_dir()

    def is_file(self, path: str) -> bool:
        """Whether there is a file."""
        place = inside(self._root, path)
        return place is not None and place.is_file()

    def names(self, folder: str) -> list[str]:
        """What is in a folder, by name; nothing when it cannot be read."""
        place = inside(self._root, folder)
        try:
            return [] if place is None else sorted(os.listdir(place))
        except OSError:
            return []

    def _find(self, top: str, name: str) -> list[Module]:
        for folder in self._folders:
            if top not in self._only.get(folder, {top}):
                continue
            if self.is_file(f"{folder}/{top}/__init__.py"):
                return self._reach_all(folder, top)
            if self.is_file(f"{folder}/{top}.py"):
                return [Module(top, f"{folder}/{top}.py")]
            if "." in name and self.is_folder(f"{folder}/{top}"):
                found = list(self._in_namespace(folder, name))
                if found:
                    return found
        return []

    def _reach_all(self, folder: str, top: str) -> list[Module]:
        if top not in self._known:
            self._known[top] = list(self._walk(f"{folder}/{top}", top))
        return self._known[top]

    def _in_namespace(self, folder: str, name: str) -> Iterator[Module]:
        """Modules on the way of a name through folders without `__init__.py`."""
        parts = name.split(".")
        for length in range(2, len(parts) + 1):
            dotted, path = ".".join(parts[:length]), f"{folder}/{'/'.join(parts[:length])}"
            if self.is_file(f"{path}/__init__.py"):
                yield from self._walk(path, dotted)
                return
            if self.is_file(f"{path}.py"):
                yield Module(dotted, f"{path}.py")
                return

    def _walk(self, folder: str, prefix: str) -> Iterator[Module]:
        waiting = [(folder, prefix)]
        count = 0
        while waiting:
            path, dotted = waiting.pop()
            names = self.names(path)
            if "pyvenv.cfg" in names:
                continue
            for name in names:
                inner = f"{path}/{name}"
                stem = name.removesuffix(".py")
                if name.startswith(".") or name in _SKIPPED:
                    continue
                if stem != name and self.is_file(inner):
                    count += 1
                    if count > MAX_SOURCE_FILES + 1:
                        return  # the reader stops at the limit, and says so
                    if stem == "__init__":
                        if dotted:
                            yield Module(dotted, inner, is_package=True)
                        continue
                    yield Module(f"{dotted}.{stem}" if dotted else stem, inner)
                elif stem == name and name.isidentifier() and self.is_folder(inner):
                    waiting.append((inner, f"{dotted}.{name}" if dotted else name))
