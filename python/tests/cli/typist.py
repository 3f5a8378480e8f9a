"""Shells at a terminal of their own, and somebody who types."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import shutil
import sys
import time
from pathlib import Path

import pytest

from tests.runner.program import DEADLINE_SECONDS, Program

SCRIPT = """import * as coral from "@coral/sdk";
export const params = coral.defineParams({
  threshold: { type: "number", default: 500, description: "P99 in ms" },
  level: { type: "string", choices: ["warn", "error", "very loud"], default: "error" },
  at: { type: "string", choices: ["a:b=c/d@1,2"], default: "a:b=c/d@1,2" },
});
"""


@pytest.fixture
def shell_environment(coral: Program) -> dict[str, str]:
    """With `coral` on the PATH, as a wheel puts it there."""
    program = coral.home / "bin" / "coral"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m coral "$@"\n')
    program.chmod(0o755)
    for name in ("slow.ts", "two words.ts", "odd$(touch PWNED).ts"):
        (coral.home / name).write_text(SCRIPT)
    (coral.home / "plain").write_text(SCRIPT)
    (coral.home / "given.json").write_text("{}")
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
                while "\b" in self.text:
                    self.text = re.sub("[^\b]?\b", "", self.text, count=1)
        self.text = self.text[found.end() :]
        return found[0]

    def close(self) -> None:
        os.close(self.terminal)  # hangs up
        os.waitpid(self.pid, 0)


def typist(shell: str, environment: dict[str, str], folder: Path) -> Typist:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    plain = {
        "bash": ["bash", "--norc", "--noprofile", "-i"],
        "zsh": ["zsh", "-f", "-i"],
        "fish": ["fish", "--no-config", "-i"],
    }[shell]
    at = Typist(plain, environment, folder)
    if shell == "zsh":
        at.type("PS1='$ '; unsetopt zle_bracketed_paste; autoload -U compinit && compinit -u -D\n")
    if shell == "fish":
        at.type('coral completion fish | source; echo rea""dy\n')
    else:
        at.type(f'eval "$(coral completion {shell})"; echo rea""dy\n')
    at.wait_for("ready\n")
    return at
