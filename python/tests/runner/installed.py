"""The command `coral` as a wheel for Linux installs it: a program that becomes the Python program beside it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

import coral as package
from tests.runner.program import Program

STARTER = Path(package.__file__).parent / "_native" / "starter"

# Tells which children the process has when Python begins, and when that is.
_PYTHON = """\
#!/bin/sh
read -r children < /proc/$$/task/$$/children
echo "$children" > '{folder}/children'
{before}
date +%s%3N > '{folder}/began'
exec '{python}' -m coral "$@"
"""


def install(folder: Path, python: str) -> None:
    """Puts the command into a folder, as a wheel does.

    Args:
        folder: It is made.
        python: Text of the script beside the command, which that becomes.
    """
    folder.mkdir(exist_ok=True)
    shutil.copy(STARTER, folder / "coral")
    script = folder / "coral-python"
    script.write_text(python)
    script.chmod(0o755)


class Installed(Program):
    """The command `coral` as a wheel installs it."""

    def __init__(self, home: Path, cache: Path, folder: Path) -> None:
        super().__init__(home, cache)
        self.folder = folder
        self.before("")
        self._plans: set[Path] = set()
        self._plans = set(self.plans())

    def before(self, command: str) -> None:
        """Has something done between the start of Deno and that of Python."""
        install(self.folder, _PYTHON.format(folder=self.folder, before=command, python=sys.executable))

    def command(self, *arguments: str) -> list[str]:
        return [str(self.folder / "coral"), *arguments]

    def early(self) -> list[int]:
        """Process ids of what was running before Python."""
        return [int(word) for word in (self.folder / "children").read_text().split()]

    def plans(self) -> list[Path]:
        """The plans that were kept since this was made."""
        folder = Path(self.environment["CORAL_CACHE_DIR"], "starts")
        return sorted(path for path in folder.glob("*") if not path.suffix and path not in self._plans)


@pytest.fixture
def installed(tmp_path: Path, cache: Path) -> Installed:
    """The command in a fresh home."""
    home = tmp_path / "home"
    home.mkdir()
    return Installed(home, cache, tmp_path / "bin")
