"""Fills DENO_DIR once, so that scripts need not write to it.

Deno keeps V8's compiled code of the SDK there, and without it each start would take longer. What fills it
is the SDK alone, with no script. For scripts it is read-only then: none can leave anything behind for the
next one.
"""

from __future__ import annotations

import os

from coral.runner.places import close_storage, sdk_skills
from coral.runner.question import Question

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coral.runner.script import Prepared

_SECONDS = 20.0
_KEPT = 4


def fill(prepared: Prepared, flags: list[str]) -> None:
    """Makes DENO_DIR: it is there as a whole or not at all.

    Args:
        prepared: A run whose import map is made.
        flags: Flags of `deno run`.
    """
    import fcntl
    import shutil

    target = prepared.environment["DENO_DIR"]
    parent = os.path.dirname(target)
    os.makedirs(parent, mode=0o700, exist_ok=True)
    with open(f"{parent}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of many first runs one fills it
        if os.path.isdir(target):
            return
        folder = os.path.join(parent, "filling")
        if os.path.isdir(folder):  # of a run that was killed in here
            shutil.rmtree(folder)
        # Two environments with a Coral each use theirs in turns; what is older belongs to none any more.
        others = sorted(
            [entry for entry in os.scandir(parent) if entry.is_dir(follow_symlinks=False)],
            key=lambda entry: entry.stat(follow_symlinks=False).st_mtime,
        )
        for old in others[: -_KEPT + 1]:
            shutil.rmtree(old.path)
        close_storage(folder)
        _fill(prepared, [prepared.deno, "run", *flags, sdk_skills()], folder)
        os.rename(folder, target)


def _fill(prepared: Prepared, command: list[str], folder: str) -> None:
    # Twice: V8's code is kept once it was used.
    for _ in range(2):
        with Question(
            command,
            {**prepared.environment, "DENO_DIR": folder},
            seconds=_SECONDS,
            trees=prepared.trees(),
            files=prepared.files(),
            written=[folder],
        ) as question:
            question.wait()
    for entry in os.listdir(folder):
        if entry.endswith("_v2"):
            _settle(os.path.join(folder, entry))


def _settle(path: str) -> None:
    """Moves what stands in a database's log into the database, and leaves the log empty.

    Who may only read cannot use a database whose log holds anything (20 ms are lost in trying), nor one in
    this mode that has no log and no index beside it, which the last one to close a database removes.
    """
    try:
        import sqlite3

        database = sqlite3.connect(path)
        try:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            with open(f"{path}-shm", "rb") as file:
                index = file.read()
        finally:
            database.close()
    except (ImportError, OSError, sqlite3.Error):
        return  # it works as it is, only slower
    for ending, content in (("-shm", index), ("-wal", b"")):
        with open(path + ending, "wb") as file:
            file.write(content)
