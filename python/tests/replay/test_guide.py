"""The guide's commands do what the guide says, numbers and times aside."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest

from tests.replay.conftest import Recorded
from tests.runner.program import DEADLINE_SECONDS, Program

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _shape(text: str) -> str:
    """A text without its numbers, and without the widths that go by them."""
    # What only shows at times: the agent of these tests sends nothing any more, and a busy machine is slow.
    text = re.sub(r"^(note: agent \S+ was missing|slow query .*)\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\d+(?:[-T:.,]\d+)*", "N", text)
    return re.sub(r" +", " ", re.sub(r"-{2,}", "--", text)).strip()


def test_the_commands_of_the_guide(coral: Program, recorded: Recorded, pytestconfig: pytest.Config) -> None:
    guide = pytestconfig.rootpath / "docs" / "guides" / "testing-scripts.md"
    program = coral.home / "bin" / "coral"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m coral "$@"\n')
    program.chmod(0o755)
    folder = coral.home / "scripts"
    folder.mkdir()
    search = os.pathsep.join([str(program.parent), coral.environment["PATH"]])
    environment = {**coral.environment, "PATH": search, "CORAL_COLONY": recorded.colony}
    ran = 0
    for kind, text in _BLOCK.findall(guide.read_text(encoding="utf-8")):
        if kind == "ts":
            name = re.match(r"// (\S+\.ts)\n", text)
            assert name is not None, text
            (folder / name[1]).write_text(text, encoding="utf-8")
            continue
        for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
            ended = subprocess.run(
                ["bash", "-c", command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environment,
                text=True,
                timeout=DEADLINE_SECONDS,
                check=False,
            )
            assert _shape(ended.stdout) == _shape(expected), command
            ran += 1
    assert ran == 7
