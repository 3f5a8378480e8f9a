"""Commands at a terminal, where a colony, a script, its parameters and the home's own name are hostile."""

from __future__ import annotations

import shlex
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.hostile_colony import HostileColony, hostile_colony
from tests.runner.at_terminal import at_terminal
from tests.runner.program import Program

NAME = "\x1b]0;owned\x07\x9b6n\u202e.ts"
PARAMETERS = r"""(globalThis as any)[Symbol.for("coral.run")].describe?.({
  "a\x1b]0;owned\x07\x9b6n": {
    type: "string", choices: ["c\x1b]0;owned\x07\u202e\rx\ny"], default: "\x1b]0;owned\x07", description: "\x1b[2J\nz",
  },
  "r\x1b]0;owned\x07": { type: "number" },
});
console.log("ran");
"""


def steering(text: str) -> set[str]:
    """What in a text would steer the terminal, or turn its text around."""
    kinds = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return {each for each in text if unicodedata.category(each) in kinds} - {"\n", "\t"}


@pytest.fixture(scope="module")
def colony() -> Iterator[HostileColony]:
    with hostile_colony() as opened:
        yield opened


@pytest.mark.parametrize("form", ["", "-o csv", "-o json"])
@pytest.mark.parametrize(
    "command",
    [
        "services",
        "status",
        "logs payments",
        "events",
        "functions payments",
        "functions payments main",
        "queries",
        "query 'SELECT 1'",
        "doctor",
    ],
)
def test_what_a_colony_says(coral: Program, colony: HostileColony, command: str, form: str) -> None:
    if form == "-o csv" and command in ("events", "doctor"):
        form = "-o jsonl" if command == "events" else ""
    if command == "doctor":
        form = form.replace("-o json", "--json")
    words = shlex.split(f"{command} --colony {colony.address} {form}")
    _, seen, _ = at_terminal(coral, *words, NO_COLOR="1")
    assert "owned" in seen or command == "doctor", seen
    assert not steering(seen)
    ended = coral.run(*words)
    assert not steering(ended.stderr)
    if form != "-o csv":
        assert not steering(ended.stdout)


@pytest.mark.parametrize("command", ["services", "query 'SELECT 1'", "status", "record x.duckdb"])
def test_what_a_colony_refuses_with(coral: Program, colony: HostileColony, command: str) -> None:
    colony.refuses = True
    try:
        for debug in ("0", "1"):
            words = shlex.split(f"{command} --colony {colony.address}")
            code, seen, _ = at_terminal(coral, *words, NO_COLOR="1", CORAL_DEBUG=debug)
            assert code != 0
            assert "owned" in seen
            assert not steering(seen)
    finally:
        colony.refuses = False


@pytest.fixture
def hostile(tmp_path: Path, cache: Path) -> Program:
    """The program in a home whose name is hostile, and with it all paths below; a script of that name."""
    home = tmp_path / "\x1b]0;owned\x07\x9b6n\u202e\nx"
    home.mkdir()
    program = Program(home, cache)
    (home / NAME).write_text(PARAMETERS)
    (home / f".hidden{NAME}").write_text("")
    (home / "main.ts").write_text(f"import {NAME!r};\n".replace("'", '"'))
    (home / "config" / "coral").mkdir(parents=True)
    (home / "coral.yaml").write_text("check: true\n")
    return program


@pytest.mark.parametrize(
    "command",
    [
        "run NAME --no-check -v",
        "run NAME --check -v --timeout 1",
        "run NAME --dry-run",
        "run NAME --dry-run -o json",
        "run main.ts --dry-run",
        "run NAME --help-script",
        "run NAME --help-script -o json",
        "run NAME --no-check --html NAME.html",
        "run missingNAME",
        "run --colony NAME main.ts",
        "run -e throw(1) --no-check -p NAME=1",
        "config path",
        "config show",
        "config get check",
        "config set timeout 5s",
        "config unset timeout",
        "config add-context a 127.0.0.1:9",
        "config add-context NAME 127.0.0.1:9",
        "config use NAME",
        "audit",
        "audit --path",
        "cache show",
        "cache prune --dry-run",
        "new NAME",
        "new made/NAME --list",
        "init NAME.d",
        "examples copy latency-report NAME.copy.ts",
        "token create ci --role viewer --token-file NAME.tokens",
        "token list --token-file NAME.none",
        "agent check-config NAME",
        "agent status --data NAME.data",
        "colony check-config NAME",
        "test NAME",
        "test . --dataset NAME",
        "backtest NAME --dataset NAME",
        "query --dataset NAME 'SHOW TABLES'",
        "record NAME.duckdb",
        "NAME",
        "run --NAME",
        "doctor",
    ],
)
def test_what_files_and_words_are_called(hostile: Program, command: str) -> None:
    words = [word.replace("NAME", NAME) for word in shlex.split(command)]
    variables = (
        {"NO_COLOR": "1", "CORAL_CACHE_DIR": str(hostile.home / "cache")}
        if "cache" in words
        else {"NO_COLOR": "1"}
    )
    if "cache" in words:
        (hostile.home / "cache" / "deno" / f"1{NAME}").mkdir(parents=True)
    _, seen, _ = at_terminal(hostile, *words, **variables)
    assert seen
    assert not steering(seen), seen
    ended = hostile.run(*words, **variables)
    assert not steering(ended.stderr), ended.stderr
    if words != ["audit", "--path"] and words[:2] != ["config", "get"]:  # what programs take as it is
        assert not steering(ended.stdout), ended.stdout


def test_watching(hostile: Program) -> None:
    _, seen, _ = at_terminal(hostile, "run", NAME, "--watch", "--no-check", NO_COLOR="1", until="Ctrl-C ends")
    assert "running \\x1b]0;owned\\x07\\x9b6n\\u202e.ts" in seen
    assert not steering(seen)


def test_a_name_that_is_no_text(coral: Program) -> None:
    name = "a\udc9b6n.ts"
    (coral.home / name).write_text("console.log('ran');\n")
    for words in (
        ["run", name, "--dry-run"],
        ["run", name, "--no-check", "-v"],
        ["run", name, "--help-script"],
    ):
        _, seen, _ = at_terminal(coral, *words, NO_COLOR="1")
        assert r"a\x9b6n.ts" in seen, seen
        assert not steering(seen)
