"""Fills DENO_DIR once, so that scripts need not write to it.

Deno keeps V8's compiled code of the SDK there, and without it each start would take longer. What fills it
is the SDK alone, with no script. For scripts it is read-only then: none can leave anything behind for the
next one.
"""

from __future__ import annotations

import os

from coral.runner.question import Question

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coral.runner.script import Prepared

_SECONDS = 20.0


def fill(prepared: Prepared, flags: list[str], name: str) -> None:
    """Runs a script that imports the SDK, with DENO_DIR writable.

    Args:
        prepared: A run whose directory has been written.
        flags: Flags of `deno run`.
        name: Of the file that says that it is done.
    """
    import fcntl

    folder = prepared.environment["DENO_DIR"]
    with open(f"{folder}.lock", "w", encoding="utf-8") as lock:
        # One fills: a database that is settled while another Deno has mapped it ends that by SIGBUS.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(folder, name)):
            _fill(prepared, [prepared.deno, "run", *flags, prepared.directory.front], folder)
            os.close(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT, 0o400))


def _fill(prepared: Prepared, command: list[str], folder: str) -> None:
    for old in os.listdir(folder):
        if old.startswith("filled-"):
            os.unlink(os.path.join(folder, old))
    # Twice: V8's code is kept once it was used.
    for _ in range(2):
        with Question(
            command,
            prepared.environment,
            trees=prepared.trees(),
            files=[],
            written=[folder],
        ) as question:
            question.wait(_SECONDS)
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
