"""Plays docs/guides/first-script.md as a new user would: an empty home, the demo, `--watch`, a typo, a fix.

With CORAL_UPDATE_DOCS=1 the output in the guide is written anew.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "guides" / "first-script.md"
BLOCK = re.compile(r"^```(console|ts first\.ts|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = 60.0
UPDATE = bool(os.environ.get("CORAL_UPDATE_DOCS"))
SETTLED_SECONDS = 6.0


class User:
    """Someone with a home, a working directory, and programs that run in other terminals."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home
        self.running: list[subprocess.Popen[bytes]] = []
        program = home / ".local" / "bin" / "coral"
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m coral "$@"\n')
        program.chmod(0o755)
        self.environment = {
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "HOME": str(home),
            "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
            "LANG": "C.UTF-8",
        }

    def run(self, command: str) -> str:
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=True,
        ).stdout

    def start(self, command: str) -> Terminal:
        path = self.home / f"terminal{len(self.running)}"
        with path.open("wb") as file:
            process = subprocess.Popen(
                shlex.split(command),
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.running.append(process)
        return Terminal(path, process)

    def stop(self) -> None:
        for process in reversed(self.running):
            process.send_signal(signal.SIGINT)
            process.wait(SECONDS)


class Terminal:
    """What a program has printed since it was looked at last."""

    def __init__(self, path: Path, process: subprocess.Popen[bytes]) -> None:
        self.path = path
        self._process = process
        self._seen = 0

    def wait(self, fits: Callable[[str], bool]) -> str:
        """Waits for text that fits; answers what is there at last."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            text = self.path.read_bytes()[self._seen :]
            if fits(text.decode()) or self._process.poll() is not None:
                break
            time.sleep(0.05)
        self._seen += len(text)
        return text.decode()

    def settled(self) -> str:
        time.sleep(SETTLED_SECONDS)
        return self.wait(lambda _: True)


def the_readmes_first_script(user: User) -> None:
    """Runs it, and the commands below it, while the demo runs."""
    text = (GUIDE.parents[2] / "README.md").read_text(encoding="utf-8")
    section = text.partition("## A first script\n")[2].partition("\n## ")[0]
    script, commands = re.findall(r"^```\w*\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    (user.folder / "slow.ts").write_text(script)
    answers = [user.run(command) for command in commands.splitlines()]
    assert len(answers) == 3
    assert re.search(r"⚠️ payments: \d+\.\dms\n   [0-9a-f]{32} \d+\.\dms\n", answers[0]), answers[0]
    assert all("payments" in answer for answer in answers)


def masked(text: str) -> str:
    """Without what is another number each time."""
    return re.sub(r"\d+([.:]\d+)*", "N", text)


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    if not GUIDE.exists():
        pytest.skip("the documents are not here: this tree has the package only")
    user = User(tmp_path)
    yield user
    user.stop()


def test_the_guide(user: User) -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    watch: Terminal | None = None
    played = []
    made = guide

    def compare(expected: str, terminal: Terminal) -> str:
        if UPDATE:
            found = terminal.settled()
        else:
            found = terminal.wait(lambda text: masked(shown(text)) == masked(expected))
            assert masked(shown(found)) == masked(expected)
        return shown(found)

    def shown(text: str) -> str:
        return text.replace(str(user.home.resolve()), "/HOME")

    for block in BLOCK.finditer(guide):
        kind, text = block.groups()
        result = text
        if kind == "ts first.ts":
            (user.folder / "first.ts").write_text(text)
        elif kind == "text":
            assert watch is not None
            result = compare(text, watch)
        else:
            result = ""
            for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
                result += f"$ {command}\n"
                if command.startswith("cd "):
                    user.folder /= command.removeprefix("cd ")
                elif command == "coral demo":
                    ready = user.start(command).wait(lambda text: "the demo keeps going" in text)
                    assert "the demo keeps going" in ready, ready
                elif "--watch" in command:
                    watch = user.start(command)
                    result += compare(expected, watch)
                else:
                    found = shown(user.run(command))
                    if not UPDATE:
                        assert found == expected, command
                    result += found
        played.append(kind)
        made = made.replace(block[0], f"```{kind}\n{result}```", 1)
    assert played.count("text") == 3
    the_readmes_first_script(user)
    if UPDATE:
        GUIDE.write_text(made, encoding="utf-8")
