"""The command line on Windows, as far as Linux can tell: what asks a colony works, what cannot be done there says so.

`windows_machine` takes away what Windows does not have; the colony is a real one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from coral.cli.main import coral as commands
from coral.testing.processes import start_colony
from tests.runner.program import Program

USE_WSL = "hint: use WSL; what asks a colony without a script works here: coral query, coral services\n"


class Windows(Program):
    """The program as Windows would run it, without a colony of its own."""

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "tests.cli.windows_machine", *arguments]


@pytest.fixture
def windows(tmp_path: Path) -> Windows:
    program = Windows(tmp_path, tmp_path / "cache")
    del program.environment["CORAL_COLONY"]
    return program


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with start_colony(tmp_path_factory.mktemp("colony")) as colony:
        yield colony.grpc


@pytest.mark.parametrize("name", commands.list_commands(None))  # type: ignore[arg-type]
def test_every_command_has_help(windows: Windows, name: str) -> None:
    ended = windows.run(name, "--help")
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"Usage: coral {name}")


@pytest.mark.parametrize(
    "how",
    [
        ("-e", "console.log(1)"),
        ("script.ts",),
        ("example:latency-report",),
        ("--watch", "script.ts"),
        ("--check", "script.ts"),
        ("--dry-run", "script.ts"),
        ("--help-script", "script.ts"),
    ],
    ids=" ".join,
)
def test_scripts_are_refused_before_anything_is_made(windows: Windows, how: tuple[str, ...]) -> None:
    (windows.home / "script.ts").write_text("console.log(1)")
    ended = windows.run("run", *how, CORAL_COLONY="127.0.0.1:9")
    assert ended.stderr == f"error: scripts cannot be run on Windows yet\n{USE_WSL}"
    assert (ended.code, ended.stdout) == (69, "")
    assert not (windows.home / "cache").exists(), "nothing was unpacked"


@pytest.mark.parametrize(
    ("command", "what"),
    [
        (("colony", "start"), "colonies"),
        (("agent", "start"), "agents"),
        (("demo", "--once"), "colonies and agents"),
        (("services",), "colonies"),  # no colony is set, and none may be started for it
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_serves_is_refused(windows: Windows, command: tuple[str, ...], what: str) -> None:
    ended = windows.run(*command)
    assert ended.stderr.startswith(f"error: {what} cannot be run on Windows yet\nhint: ")
    assert (ended.code, ended.stdout) == (69, "")


def test_questions_are_answered(windows: Windows, address: str) -> None:
    windows.environment["CORAL_COLONY"] = address
    asked = windows.run("query", "SELECT 6 * 7 AS answer", "-o", "json")
    assert asked.stderr == ""
    assert json.loads(asked.stdout)["rows"] == [[42]]
    for command in (
        ("status",),
        ("services",),
        ("logs",),
        ("events",),
        ("queries",),
        ("functions", "payments"),
    ):
        ended = windows.run(*command)
        assert "Coral failed" not in ended.stderr, ended.stderr
        assert ended.code in (0, 66), ended.stderr  # nobody has sent anything


def test_what_needs_no_colony_works(windows: Windows) -> None:
    for command in (
        ("version",),
        ("config", "show"),
        ("cache", "show"),
        ("audit",),
        ("examples", "list"),
        ("new", "x"),
    ):
        ended = windows.run(*command)
        assert ended.code == 0, ended.stderr
    secret = windows.run("token", "create", "mine", "--role", "viewer", "--token-file", "tokens.yaml")
    assert secret.code == 0, secret.stderr
    assert "mine" in windows.run("token", "list", "--token-file", "tokens.yaml").stdout


def test_doctor_says_what_there_is(windows: Windows) -> None:
    ended = windows.run("doctor", "--json")
    assert ended.code == 0, ended.stderr
    told = {each["name"]: (each["state"], each["detail"]) for each in json.loads(ended.stdout)["findings"]}
    assert told["deno"] == ("note", "scripts cannot be run on Windows yet")
    assert told["sandbox"] == ("note", "no scripts are run on Windows")
    assert told["colony"] == ("note", "none is set, and none is started on Windows")
