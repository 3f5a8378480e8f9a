"""The guides' commands do what the guides say, and the table of exit codes is the program's."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from coral import errors
from coral.cli.errors import EXIT_BUG, EXIT_INTERRUPTED, EXIT_PIPE_CLOSED
from coral.runner import places
from tests.runner.program import DEADLINE_SECONDS, Program

_DOCS = Path(__file__).resolve().parents[3] / "docs"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def docs() -> Path:
    if not _DOCS.exists():
        pytest.skip("the documents are not here: this tree has the package only")
    return _DOCS


@pytest.mark.parametrize(("guide", "least"), [("running-scripts", 10), ("plots-and-reports", 5)])
def test_the_commands_of_the_guides(coral: Program, docs: Path, guide: str, least: int) -> None:
    folder = coral.home
    program = folder / "bin" / "coral"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m coral "$@"\n')
    program.chmod(0o755)
    search = os.pathsep.join([str(program.parent), coral.environment["PATH"]])
    ran = 0
    for kind, text in _BLOCK.findall((docs / "guides" / f"{guide}.md").read_text(encoding="utf-8")):
        if kind == "ts":
            name = re.match(r"// (\S+\.ts)\n", text)
            assert name is not None, text
            (folder / name[1]).write_text(text, encoding="utf-8")
        elif kind == "console":
            code = 0
            for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
                ended = subprocess.run(
                    ["bash", "-c", f"(exit {code}); {command}"],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    cwd=folder,
                    env={**coral.environment, "PATH": search},
                    text=True,
                    timeout=DEADLINE_SECONDS,
                    check=False,
                )
                assert ended.stdout.replace(str(folder.resolve()), "/HERE") == expected, command
                code = ended.returncode
                ran += 1
    assert ran >= least


def test_the_table_of_exit_codes(docs: Path) -> None:
    table = (docs / "exit-codes.md").read_text(encoding="utf-8")
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    raised = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.CoralError)
    }
    guard = {
        int(code) for code in re.findall(r"^const EXIT_\w+ = (\d+);", places.prelude("guard"), re.MULTILINE)
    }
    status_check = 3
    assert documented == raised | guard | {0, status_check, EXIT_BUG, EXIT_INTERRUPTED, EXIT_PIPE_CLOSED}
