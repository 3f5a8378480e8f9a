"""What of a script's folder the script may read and import, looked at before every run.

All of it, except what somebody else may have put there for another purpose or as a trap: entries whose
name begins with a dot (`.env`, `.git`, `.ssh`), `node_modules`, environments of Python (their settings may
hold tokens, and all their thousands of files would be looked at), links that lead out of the folder or to one
of these, files that have further names elsewhere (hard links), and what is neither file nor folder.

The answer is a list of what is allowed, not of what is denied: a name can be spelled in many ways in a
URL (`./%2eenv`), and what is not on the list does not load.
"""

from __future__ import annotations

import os
import stat

from coral.errors import LimitError, UsageError
from coral.script_limits import SCRIPT_DENIED_ENTRIES, SCRIPT_FOLDER_ENTRIES

# Files and folders that make their folder an environment of Python: venv and virtualenv, conda.
_ENVIRONMENTS = frozenset({"pyvenv.cfg", "conda-meta"})
# Deno spells these otherwise where it appends them to a folder of the import map: they get an entry each.
_RESPELLED = frozenset("#?" + "".join(map(chr, range(32))))


class Folder:
    """A script's folder.

    Attributes:
        path: Its real path.
        trees: Folders of which everything may be read, now and later.
        files: Single files that may be read; also those below `trees` whose path Deno would spell otherwise.
        denied: Entries that may not, the topmost of each kind.
    """

    __slots__ = ("denied", "files", "path", "trees")

    def __init__(self, path: str, trees: list[str], files: list[str], denied: list[str]) -> None:
        self.path = path
        self.trees = trees
        self.files = files
        self.denied = denied


def trusted_folder(path: str) -> Folder:
    """A folder that Coral itself has filled."""
    return Folder(path, [path], [], [])


def look_at(path: str, script: str) -> Folder:
    """Looks at a folder.

    Args:
        path: Real path of the folder.
        script: Real path of the script in it, which may be read whatever else it is.

    Raises:
        LimitError: There is more in it than can be looked at before a run.
        UsageError: It is the root of all files.
    """
    if path == "/":
        raise UsageError(
            "a script in / could read every file", hint="move it into a folder of its own and run it there"
        )
    look = _Look(path, script)
    return look.result()


def _respelled(path: str) -> bool:
    return not _RESPELLED.isdisjoint(path)


class _Entry:
    """A folder within the folder, with what is allowed directly in it."""

    __slots__ = ("children", "clean", "files", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self.files: list[str] = []
        self.children: list[_Entry] = []
        self.clean = True


class _Look:
    def __init__(self, path: str, script: str) -> None:
        self._path = path
        self._inside = path.rstrip("/") + "/"
        self._script = script
        self._denied: list[str] = []
        self._links: list[tuple[_Entry, str]] = []
        self._shared: dict[tuple[int, int], tuple[int, list[tuple[_Entry, str]]]] = {}
        self._seen = 0
        self._respelled = False
        self._order: list[_Entry] = []
        root = _Entry(path)
        waiting = [root]
        while waiting:  # level by level: what is nearest to the script is looked at first
            following: list[_Entry] = []
            for entry in waiting:
                self._order.append(entry)
                self._scan(entry, following)
            waiting = following
        self._settle_hard_links()

    def result(self) -> Folder:
        """Puts together what was found."""
        self._spread()
        # A link is judged by what it leads to, so after all else.
        by_path = {entry.path: entry for entry in self._order}
        judged = [(entry, link, self._may_follow(link, by_path)) for entry, link in self._links]
        for entry, link, may_follow in judged:
            if may_follow:
                entry.files.append(link)
            else:
                self._deny(entry, link)
        self._spread()
        trees, files = [], []
        waiting = [self._order[0]]
        for entry in waiting:
            if entry.clean:
                trees.append(entry.path)
            else:
                files.extend(entry.files)
                waiting.extend(entry.children)
        if self._respelled:
            start = len(self._path)
            for entry in self._order:
                if entry.clean:
                    files.extend([file for file in entry.files if _respelled(file[start:])])
        return Folder(self._path, trees, files, self._few(self._denied))

    def _spread(self) -> None:
        """A folder is as clean as what is below it."""
        for entry in reversed(self._order):  # children before their parents
            for child in entry.children:
                entry.clean = entry.clean and child.clean

    def _scan(self, entry: _Entry, folders: list[_Entry]) -> None:
        is_root = entry.path == self._path
        try:
            with os.scandir(entry.path) as listing:
                found = list(listing)
        except OSError:
            if not is_root:
                self._deny(entry, entry.path)
            return
        if not is_root and not _ENVIRONMENTS.isdisjoint([item.name for item in found]):
            self._deny(entry, entry.path)
            return
        self._seen += len(found)
        if self._seen > SCRIPT_FOLDER_ENTRIES:
            if is_root:
                raise LimitError(
                    f"the folder {entry.path} has {len(found)} entries,"
                    f" a script's may have {SCRIPT_FOLDER_ENTRIES}",
                    hint="put the script, and what it imports and reads, into a folder of its own",
                )
            self._deny(entry, entry.path)
            return
        for item in found:
            path = item.path
            self._respelled = self._respelled or _respelled(item.name)
            if path == self._script:
                entry.files.append(path)
            elif item.name.startswith(".") or item.name == "node_modules":
                self._deny(entry, path)
            elif item.is_symlink():
                self._links.append((entry, path))
            elif item.is_dir(follow_symlinks=False):
                child = _Entry(path)
                entry.children.append(child)
                folders.append(child)
            else:
                self._look_at_file(entry, item)

    def _look_at_file(self, entry: _Entry, item: os.DirEntry[str]) -> None:
        try:
            status = item.stat(follow_symlinks=False)
        except OSError:
            self._deny(entry, item.path)
            return
        if not stat.S_ISREG(status.st_mode):
            self._deny(entry, item.path)
        elif status.st_nlink == 1:
            entry.files.append(item.path)
        else:
            key = (status.st_dev, status.st_ino)
            self._shared.setdefault(key, (status.st_nlink, []))[1].append((entry, item.path))

    def _settle_hard_links(self) -> None:
        for names, here in self._shared.values():
            for entry, path in here:
                if len(here) == names:  # all of its names are in the folder
                    entry.files.append(path)
                else:
                    self._deny(entry, path)

    def _may_follow(self, link: str, by_path: dict[str, _Entry]) -> bool:
        target = os.path.realpath(link)
        if link.startswith(target + "/"):
            return False  # to a folder that holds it
        if target in by_path:
            return by_path[target].clean and target != self._path
        parent = by_path.get(os.path.dirname(target))
        return parent is not None and target in parent.files

    def _deny(self, entry: _Entry, path: str) -> None:
        self._denied.append(path)
        entry.clean = False

    def _few(self, denied: list[str]) -> list[str]:
        """Names whole folders where there would be too many entries."""
        if len(denied) <= SCRIPT_DENIED_ENTRIES:
            return denied
        tops = {self._inside + path.removeprefix(self._inside).partition("/")[0] for path in denied}
        if len(tops) <= SCRIPT_DENIED_ENTRIES and self._script not in tops:
            return sorted(tops)
        raise LimitError(
            f"the folder {self._path} has more than {SCRIPT_DENIED_ENTRIES} hidden entries and"
            " links out of it",
            hint="put the script, and what it imports and reads, into a folder of its own",
        )
