"""Fills DENO_DIR once, so that scripts need not write to it.

Deno keeps V8's compiled code of the SDK there, and without its databases each start would take 180 ms
longer. What fills it is the SDK alone, with no script. For scripts it is read-only then: none
can leave anything behind for the next one.
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
    folder = prepared.environment["DENO_DIR"]
    command = [prepared.deno, "run", *flags, prepared.directory.front]
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
    os.close(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT, 0o400))
