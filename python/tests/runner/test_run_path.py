"""`coral run` takes its modules from one file, where it can; nothing else changes by it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import coral
from coral.run_path import LATE, MODULES, name_of
from tests.runner.program import Program

# The group is made for what runs longer than 50 ms; where none can be made, that is told after the run.
OF_LONGER_RUNS = {"coral.runner.containment.cgroup", "coral.runner.containment.scope", "coral.runner.audit"}

_SOURCES = Path(coral.__file__).parent


class Copy:
    """A copy of the package, in which it may write as in a user's environment."""

    def __init__(self, folder: Path, program: Program) -> None:
        self.package = folder / "coral"
        self._program = program
        self._script = program.script("console.log('done');")
        shutil.copytree(
            _SOURCES, self.package, ignore=shutil.ignore_patterns("__pycache__", "_*[!_].*", "_deno")
        )
        for part in _SOURCES.glob("_[a-z]*"):
            if part.is_dir():
                shutil.rmtree(self.package / part.name, ignore_errors=True)
                (self.package / part.name).symlink_to(part.resolve())
        self._environment = {**program.environment, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
        del self._environment["PYTHONDONTWRITEBYTECODE"]

    def run(self, *options: str) -> str:
        """Runs a script, and returns what came on stderr."""
        ended = self._python(*options, "-m", "coral", "run", self._script)
        assert ended.stdout == "done\n"
        return ended.stderr

    def uses_the_file(self) -> bool:
        """Asks whether the next run would take its modules from the file."""
        return self._python("-c", "from coral import run_path; print(run_path.use())").stdout == "True\n"

    def file(self) -> Path:
        """Finds the file."""
        (found,) = self.package.glob("__pycache__/run_path.*.modules")
        return found

    def _python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )


@pytest.fixture
def copy(tmp_path: Path, coral: Program) -> Copy:
    """A copy of the package, and Deno unpacked."""
    made = Copy(tmp_path / "packages", coral)
    made.run()
    return made


def test_the_list_is_what_a_plain_run_imports(copy: Copy) -> None:
    copy.file().unlink()
    copy._environment["PYTHONDONTWRITEBYTECODE"] = "1"
    imported = re.findall(r"^import time:.*\| +(coral\.\S+)$", copy.run("-X", "importtime"), re.MULTILINE)
    # The first two are there before the file is.
    found = set(imported) - {"coral.__main__", "coral.run_path", *OF_LONGER_RUNS}
    assert found == {name_of(module) for module in (*MODULES, *LATE)}


def test_with_the_file_no_module_is_looked_for_but_the_late_ones(copy: Copy) -> None:
    told = copy.run("-v")
    looked_for = set(re.findall(r"^import '(coral\.[\w.]+)' #", told, re.MULTILINE))
    assert looked_for - OF_LONGER_RUNS == {"coral.run_path", *map(name_of, LATE)}


def test_the_first_run_writes_it_and_an_edit_makes_it_stale(copy: Copy) -> None:
    assert copy.uses_the_file()
    source = copy.package / "runner" / "source.py"
    source.write_text(source.read_text() + "\nimport sys; print('edited', file=sys.stderr)\n")
    assert not copy.uses_the_file()
    assert copy.run() == "edited\n"
    assert copy.uses_the_file()
    assert copy.run() == "edited\n"


def test_a_damaged_file_is_no_error(copy: Copy) -> None:
    for damage in (b"", b"not code", copy.file().read_bytes()[:1000]):
        copy.file().write_bytes(damage)
        assert not copy.uses_the_file()
        assert copy.run() == ""
        assert copy.uses_the_file()


def test_a_package_that_moved_does_not_use_it(copy: Copy) -> None:
    elsewhere = copy.package.rename(copy.package.with_name("moved"))
    (elsewhere.parent / "new").mkdir()
    copy.package = elsewhere.rename(elsewhere.parent / "new" / "coral")
    copy._environment["PYTHONPATH"] = os.pathsep.join([str(copy.package.parent), *sys.path])
    assert not copy.uses_the_file()


def test_a_traceback_shows_the_source(copy: Copy, coral: Program) -> None:
    program = (
        "from coral import run_path; assert run_path.use()\n"
        "import traceback\n"
        "from coral.config.address import parse_address\n"
        "try: parse_address('x')\n"
        "except Exception: traceback.print_exc()\n"
    )
    told = copy._python("-c", program).stderr
    assert "is not HOST:PORT" in told
    assert 'raise UsageError(f"{text!r} is not HOST:PORT", hint=_HINT)' in told


def test_without_the_right_to_write_it_works_all_the_same(copy: Copy) -> None:
    copy.file().unlink()
    copy._environment["PYTHONDONTWRITEBYTECODE"] = "1"
    assert copy.run() == ""
    assert not copy.uses_the_file()
