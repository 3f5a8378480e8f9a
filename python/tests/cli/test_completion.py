"""Completion in real shells, as far as they are installed: what is typed, and what stands there after Tab."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_commands import error
from tests.runner.program import DEADLINE_SECONDS, Program

SCRIPT = """import * as coral from "@coral/sdk";
export const params = coral.defineParams({
  threshold: { type: "number", default: 500, description: "P99 in ms" },
  level: { type: "string", choices: ["warn", "error"], default: "error" },
});
"""


@pytest.fixture
def shell_environment(coral: Program) -> dict[str, str]:
    """With `coral` on the PATH, as a wheel puts it there."""
    program = coral.home / "bin" / "coral"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m coral "$@"\n')
    program.chmod(0o755)
    (coral.home / "slow.ts").write_text(SCRIPT)
    search = os.pathsep.join([str(program.parent), coral.environment["PATH"]])
    return {**coral.environment, "PATH": search, "TERM": "dumb", "PS1": "$ ", "HISTFILE": "/dev/null"}


class Typist:
    """A shell at a terminal."""

    def __init__(self, command: list[str], environment: dict[str, str], folder: Path) -> None:
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, environment)
        self.text = ""

    def type(self, keys: str) -> None:
        os.write(self.terminal, keys.encode())

    def wait_for(self, pattern: str) -> str:
        """Reads until the terminal shows something."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (found := re.search(pattern, self.text)):
            assert time.monotonic() < deadline, self.text
            if select.select([self.terminal], [], [], 0.1)[0]:
                self.text += os.read(self.terminal, 4096).decode(errors="replace").replace("\r", "")
        self.text = self.text[found.end() :]
        return found[0]

    def close(self) -> None:
        os.close(self.terminal)  # hangs up
        os.waitpid(self.pid, 0)


def typist(shell: str, environment: dict[str, str], folder: Path) -> Typist:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    plain = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}[shell]
    at = Typist(plain, environment, folder)
    if shell == "zsh":
        at.type("PS1='$ '; unsetopt zle_bracketed_paste; autoload -U compinit && compinit -u -D\n")
    at.type(f'eval "$(coral completion {shell})"; echo rea""dy\n')
    at.wait_for("ready\n")
    return at


@pytest.fixture(params=["bash", "zsh"])
def at(request: pytest.FixtureRequest, shell_environment: dict[str, str], coral: Program) -> Iterator[Typist]:
    opened = typist(request.param, shell_environment, coral.home)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("coral exam", "coral examples "),
        ("coral run --time", "coral run --timeout "),
        ("coral run slo", r"coral run slow\.ts "),
        ("coral run example:analy", "coral run example:analysis "),
        ("coral run slow.ts -p thr", r"coral run slow\.ts -p threshold="),
        ("coral run slow.ts -p level=w", r"coral run slow\.ts -p level=warn "),
        ("coral new mine -t tra", "coral new mine -t traces "),
    ],
)
def test_what_tab_makes_of_it(at: Typist, typed: str, expected: str) -> None:
    at.type(f"{typed}\t")
    at.wait_for(expected)


def test_fish(shell_environment: dict[str, str], coral: Program) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")

    def complete(line: str) -> list[str]:
        program = f"coral completion fish | source; complete -C {shlex.quote(line)}"
        ended = subprocess.run(
            ["fish", "--no-config", "-c", program],
            env=shell_environment,
            cwd=coral.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=True,
        )
        return [each.split("\t")[0] for each in ended.stdout.splitlines()]

    assert complete("coral exam") == ["examples"]
    assert complete("coral run slo") == ["slow.ts"]
    assert complete("coral run example:analy") == ["example:analysis"]
    assert sorted(complete("coral run slow.ts -p ")) == ["level=", "threshold="]
    assert sorted(complete("coral run slow.ts -p level=")) == ["level=error", "level=warn"]


def test_a_configuration_that_cannot_be_used_says_nothing_to_the_shell(
    coral: Program, shell_environment: dict[str, str]
) -> None:
    (coral.home / "config" / "coral").mkdir(parents=True)
    (coral.home / "config" / "coral" / "config.yaml").write_text("nope: 1\n")
    variables = {"_CORAL_COMPLETE": "bash_complete", "COMP_WORDS": "coral config use", "COMP_CWORD": "3"}
    ended = coral.run(**variables)
    assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")


def test_a_shell_that_is_not_known(coral: Program) -> None:
    assert coral.run("completion", "tcsh") == error(
        2,
        "invalid value for '{bash|zsh|fish}': 'tcsh' is not one of 'bash', 'zsh', 'fish'",
        "coral completion --help shows how it is used",
    )
