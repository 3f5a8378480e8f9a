"""What each command prints and how it ends, against `snapshots/`: real processes, 80 columns, no colours.

With CORAL_UPDATE_SNAPSHOTS=1 the files are written anew; read the difference before you commit it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import coral as package
from coral import __version__
from tests.cli.sessions import CTRL_C, SESSIONS, Session
from tests.cli.test_variables import commands
from tests.runner.program import Program, Result, finish, first_line, interrupt

_SNAPSHOTS = Path(__file__).with_name("snapshots")
_UPDATE = bool(os.environ.get("CORAL_UPDATE_SNAPSHOTS"))
_TERMINAL = {"COLUMNS": "80", "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def colony(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A colony without agents."""
    program = Program(tmp_path_factory.mktemp("colony"), cache)
    arguments = ("colony", "start", "--listen", "127.0.0.1:0", "--metrics", "off", "-o", "json")
    process = subprocess.Popen(
        program.command(*arguments), stdout=subprocess.PIPE, env=program.environment, text=True
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["grpc"]
    finally:
        process.terminate()
        process.communicate()


@pytest.mark.parametrize("name", SESSIONS)
def test_the_snapshot_of_a_session(
    name: str, coral: Program, cache: Path, request: pytest.FixtureRequest
) -> None:
    session = SESSIONS[name]
    for path, text in session.files.items():
        file = coral.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    uses_colony = any("{colony}" in command for command in session.commands)
    address = request.getfixturevalue("colony") if uses_colony else ""
    places = {
        str(coral.home.resolve()): "HOME",
        str(coral.home): "HOME",
        str(cache): "CACHE",
        str(Path(package.__file__).resolve().parent): "PACKAGE",
        str(Path(package.__file__).parent): "PACKAGE",
        __version__: "VERSION",
    }
    if address:
        places[address] = "COLONY"
    told = "\n".join([_one(session, command, coral, address, places) for command in session.commands])
    snapshot = _SNAPSHOTS / f"{name}.txt"
    if _UPDATE:
        snapshot.write_text(told, encoding="utf-8")
    assert told == snapshot.read_text(encoding="utf-8")


def _one(session: Session, command: str, coral: Program, address: str, places: dict[str, str]) -> str:
    words = shlex.split(command.removesuffix(CTRL_C).replace("{colony}", address))[1:]
    variables = {**_TERMINAL, **session.environment}
    if command.endswith(CTRL_C):
        process = coral.start(*words, **variables)
        line = first_line(process)
        interrupt(process)
        ended = finish(process)
        ended = Result(ended.code, f"{line}\n{ended.stdout}", ended.stderr)
    else:
        ended = coral.run(*words, stdin=session.stdin.encode(), **variables)
    lines = ended.stdout.splitlines(keepends=True)
    stdout = "".join([line for line in lines if re.search(session.kept, line)])
    parts = [f"$ {command}"]
    for label, text in (("stdout", stdout), ("stderr", ended.stderr)):
        if text:
            parts += [f"--- {label}", _masked(text, places, session.masks).rstrip("\n")]
    return "\n".join([*parts, f"--- exit {ended.code}", ""])


def _masked(text: str, places: dict[str, str], masks: tuple[tuple[str, str], ...]) -> str:
    for place, name in places.items():
        text = text.replace(place, name)
    text = re.sub(r"\b2\.\d+\.\d+\b", "N.N.N", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    for found, instead in masks:
        text = re.sub(found, instead, text)
    return text


def test_every_command_has_a_snapshot() -> None:
    lines = [" ".join(shlex.split(line)[1:]) for session in SESSIONS.values() for line in session.commands]
    without = [
        " ".join(path)
        for path, _ in commands()
        if not any(f"{line} ".startswith(f"{' '.join(path)} ") for line in lines)
    ]
    assert without == []


def test_every_snapshot_is_of_a_session() -> None:
    assert {path.stem for path in _SNAPSHOTS.iterdir()} == set(SESSIONS)


def test_the_exit_codes_of_coral_run_are_in_the_snapshots() -> None:
    told = "".join([(_SNAPSHOTS / f"{name}.txt").read_text(encoding="utf-8") for name in SESSIONS])
    blocks = [block for block in told.split("$ coral ") if block.startswith("run ")]
    codes = {int(code) for block in blocks for code in re.findall(r"^--- exit (\d+)$", block, re.MULTILINE)}
    assert {0, 1, 2, 69, 77, 78, 99, 124, 130, 137} <= codes
