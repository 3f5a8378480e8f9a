"""What the environment says and cannot be used is said of the variable: 78, and nothing of a flag."""

from __future__ import annotations

import click
import pytest

from coral.cli.checks.variables import check_variables
from coral.cli.main import coral as program
from coral.cli.variables import variable_of
from tests.cli.test_commands import error
from tests.cli.test_variables import OPTIONS
from tests.runner.program import Program

_SWITCH = "is neither true nor false"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CORAL_RUN_TIMEOUT", "abc", "'abc' is not a duration"),
        ("CORAL_RUN_OUTPUT", "xml", "'xml' is not one of 'json', 'jsonl', 'csv', 'table'"),
        ("CORAL_RUN_WATCH", "maybe", f"'maybe' {_SWITCH}"),
        ("CORAL_RUN_CHECK", "maybe", f"'maybe' {_SWITCH}"),
        ("CORAL_RUN_DAEMON", "maybe", f"'maybe' {_SWITCH}"),
        ("CORAL_RUN_COLOR", "blue", "'blue' is not one of 'always', 'never', 'auto'"),
        ("CORAL_RUN_INSPECT", "here", "'here' is not HOST:PORT"),
        (
            "CORAL_RUN_INSPECT_BRK",
            "far.example:9",
            "a debugger on far.example could be used by other machines",
        ),
        ("CORAL_RUN_PARAM", "novalue", "the parameter 'novalue' is not NAME=VALUE"),
        (
            "CORAL_RUN_PARAM_FILE",
            "nope.json",
            "the parameter file nope.json cannot be read: No such file or directory",
        ),
        ("CORAL_MEMORY", "16m", "16m of memory is too little, expected at least 128m"),
    ],
)
def test_a_run_names_the_variable(coral: Program, name: str, value: str, message: str) -> None:
    ended = coral.run("run", coral.script("console.log('not run');"), **{name: value})
    assert (ended.code, ended.stdout) == (78, "")
    said, hint = ended.stderr.splitlines()
    assert said == f"error: environment variable {name}: {message}"
    assert hint.startswith("hint: ")
    assert "is --param-file right" not in hint


def test_other_commands_do_so_too(coral: Program) -> None:
    assert coral.run("logs", CORAL_LOGS_LIMIT="few").code == 78
    assert coral.run("record", "x.duckdb", CORAL_RECORD_SINCE="0") == error(
        78, "environment variable CORAL_RECORD_SINCE is 0, expected more than nothing", "for example 1h"
    )
    assert coral.run("run", coral.script(""), CORAL_RUN_HTML=str(coral.home)) == error(
        78,
        f"environment variable CORAL_RUN_HTML {coral.home} is a folder, expected a file",
        "for example --html report.html",
    )


def test_a_flag_is_still_a_flag(coral: Program) -> None:
    ended = coral.run("run", coral.script(""), "--timeout", "abc", CORAL_RUN_TIMEOUT="5s")
    assert (ended.code, ended.stderr.splitlines()[0]) == (2, "error: 'abc' is not a duration")


def test_doctor_finds_every_variable_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"CORAL_MEMORY", "CORAL_OUTPUT", "CORAL_AGENT_RETENTION", "CORAL_COLONY_QUERY_MEMORY"}
    for path, _, option in OPTIONS:
        name = variable_of(path, option)
        numbers = (
            click.types.BoolParamType,
            click.types.IntParamType,
            click.types.FloatParamType,
            click.Choice,
        )
        if option.envvar is not None and (isinstance(option.type, numbers) or option.metavar == "DURATION"):
            assert name is not None
            wrong.add(name)
    for name in wrong:
        monkeypatch.setenv(name, "what?")
    found = check_variables(program)
    assert {
        finding.detail.removeprefix("environment variable ").split(" ")[0].rstrip(":") for finding in found
    } == wrong
    assert {finding.state for finding in found} == {"problem"}
    assert len(wrong) > 60


def test_doctor_says_nothing_of_variables_that_can_be_used(coral: Program) -> None:
    ended = coral.run("doctor", CORAL_RUN_TIMEOUT="5s", CORAL_RUN_INSPECT="1", CORAL_MEMORY="256m")
    assert "environment" not in ended.stdout
    ended = coral.run("doctor", CORAL_RUN_TIMEOUT="much")
    assert ended.code == 3
    assert "problem  environment" in ended.stdout


def test_too_little_memory_is_refused_where_it_is_set_and_where_it_is_read(coral: Program) -> None:
    hint = "memory is size such as 512m or 2g, at least 128m"
    assert coral.run("config", "set", "memory", "16m") == error(
        2, "memory is 16m, expected at least 128m", hint
    )
    file = coral.home / "config" / "coral" / "config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("check: false\nmemory: 16m\n")
    assert coral.run("run", coral.script("")) == error(
        78, f"{file}:2: memory is 16m, expected at least 128m", hint
    )


@pytest.mark.parametrize(
    "words",
    [
        ("--inspect", "FILE"),
        ("--inspect-brk", "FILE"),
        ("--inspect", "127.0.0.1:9230", "FILE"),
        ("--inspect", "9230", "FILE"),
        ("FILE", "--inspect"),
        ("--inspect=localhost:9230", "FILE"),
    ],
)
def test_what_follows_inspect_is_the_file_if_it_is_no_address(coral: Program, words: tuple[str, ...]) -> None:
    path = coral.script("")
    port = 9230 if any("9230" in word for word in words) else 9229
    flag = next(word.partition("=")[0] for word in words if word.startswith("--"))
    ended = coral.run("run", "--dry-run", *[path if word == "FILE" else word for word in words])
    assert (ended.code, ended.stderr) == (0, "")
    assert f"{flag}=127.0.0.1:{port}" in ended.stdout


@pytest.mark.parametrize(
    ("value", "shown"), [("1", ":9229"), ("true", ":9229"), ("9231", ":9231"), ("0", None)]
)
def test_the_variable_of_inspect_is_a_switch_too(coral: Program, value: str, shown: str | None) -> None:
    ended = coral.run("run", "--dry-run", coral.script(""), CORAL_RUN_INSPECT=value)
    assert (ended.code, ended.stderr) == (0, "")
    assert ("--inspect" in ended.stdout) == (shown is not None)
    assert shown is None or f"--inspect=127.0.0.1{shown}" in ended.stdout
