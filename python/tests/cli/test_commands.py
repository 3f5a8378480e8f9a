"""Snapshots of the program: exit code, stdout, stderr."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from coral import __version__
from tests.runner.program import DEADLINE_SECONDS, Program, Result

SCRIPT_HINT = "coral run takes the path of a TypeScript or JavaScript file"
ADDRESS_HINT = "write HOST:PORT, for example 127.0.0.1:4000, [::1]:4000 or colony.internal:4000"


def error(code: int, message: str, hint: str) -> Result:
    return Result(code, "", f"error: {message}\nhint: {hint}\n")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["runn"], error(2, "there is no command 'runn'", "did you mean: coral run")),
        (["zzz"], error(2, "there is no command 'zzz'", "coral --help lists the commands")),
        (["a.ts"], error(2, "there is no command 'a.ts'", "to run a script: coral run a.ts")),
        (["--nope"], error(2, "no such option '--nope'", "coral --help shows how it is used")),
        (["run"], error(2, "missing argument 'FILE'", "coral run --help shows how it is used")),
        (
            ["run", "a.ts", "--colny", "h:1"],
            error(
                2,
                "no such option '--colny'",
                "did you mean --colony or --color? coral run --help shows all options",
            ),
        ),
        (
            ["run", "a.ts", "--nope"],
            error(
                2,
                "no such option '--nope'",
                "did you mean --inspect or --no-check? coral run --help shows all options",
            ),
        ),
        (
            ["run", "a.ts", "b"],
            error(
                2,
                "got unexpected extra argument (b)",
                "what the script itself shall get stands after --: coral run script.ts -- argument",
            ),
        ),
        (["run", "a.ts"], error(66, "there is no file a.ts", SCRIPT_HINT)),
        (
            ["run", "a.ts", "-p", "x"],
            error(
                2,
                "the parameter 'x' is not NAME=VALUE",
                "for example: --param threshold=500 --param service=payments",
            ),
        ),
        (
            ["run", "a.ts", "--timeout", "5x"],
            error(
                2,
                "'5x' is not a duration",
                'write a number with a unit: "500ms", "30s", "5m", "1h30m", "7d"',
            ),
        ),
        (["services", "--colony", "x"], error(2, "'x' is not HOST:PORT", ADDRESS_HINT)),
        (["--version"], Result(0, f"coral {__version__}\n", "")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_a_command_line_does(coral: Program, arguments: list[str], expected: Result) -> None:
    assert coral.run(*arguments) == expected


def test_a_bad_address_for_a_script(coral: Program) -> None:
    script = coral.script("")
    assert coral.run("run", script, "--colony", "http://h:1") == error(
        2, "'http://h:1' has a scheme, expected HOST:PORT", ADDRESS_HINT
    )
    assert coral.run("run", script, CORAL_COLONY="h") == error(
        78, "environment variable CORAL_COLONY: 'h' is not HOST:PORT", ADDRESS_HINT
    )


def test_help_lists_every_command_and_loads_none(coral: Program) -> None:
    ended = coral.run("--help")
    assert ended == coral.run("-h") == coral.run()
    assert (ended.code, ended.stderr) == (0, "")
    for name in ("run", "demo", "query", "services", "status", "colony", "agent", "version"):
        assert f"\n  {name} " in ended.stdout


def test_help_of_run(coral: Program) -> None:
    ended = coral.run("run", "--help")
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.startswith("Usage: coral run [OPTIONS] FILE [-- ARGS...]\n")
    for option in ("--colony HOST:PORT", "--timeout DURATION", "-p, --param NAME=VALUE", "--check"):
        assert option in ended.stdout


@pytest.mark.parametrize(
    "name",
    [
        *("init", "new", "examples", "config", "cache", "completion", "doctor"),
        *("demo", "query", "services", "status", "colony", "agent", "version"),
    ],
)
def test_every_command_has_help(coral: Program, name: str) -> None:
    ended = coral.run(name, "--help")
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"Usage: coral {name} ")


def test_version_as_json(coral: Program) -> None:
    ended = coral.run("version", "--json")
    assert (ended.code, ended.stderr) == (0, "")
    versions = json.loads(ended.stdout)
    assert list(versions) == ["coral", "deno", "duckdb"]
    assert versions["coral"] == __version__
    assert versions["deno"].startswith("2.")
    assert versions["duckdb"].startswith("2.")


def test_version_for_people(coral: Program) -> None:
    lines = coral.run("version").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["coral", "deno", "duckdb"]


def test_an_error_that_is_a_bug_is_one_line_and_a_hint(coral: Program) -> None:
    (coral.home / "coral_bug.py").write_text(
        "import coral.runner.script\n"
        "def broken(*arguments, **options): raise ZeroDivisionError('by zero')\n"
        "coral.runner.script.run_script = broken\n"
        "import sys; from coral.__main__ import main; sys.exit(main())\n"
    )
    command = coral.command("run", coral.script(""))
    command[1:3] = [str(coral.home / "coral_bug.py")]
    plain = subprocess.run(
        command, capture_output=True, text=True, env=coral.environment, timeout=DEADLINE_SECONDS, check=False
    )
    assert (plain.returncode, plain.stdout, plain.stderr) == (
        70,
        "",
        (
            "error: Coral failed in a way that it should not: ZeroDivisionError: by zero\n"
            "hint: run it again with CORAL_DEBUG=1 for the traceback, and please report it\n"
        ),
    )
    debug = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**coral.environment, "CORAL_DEBUG": "1"},
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert debug.returncode == 70
    assert debug.stderr.startswith("Traceback")


def test_a_closed_pipe_is_quiet(coral: Program) -> None:
    read, write = os.pipe()
    os.close(read)
    process = subprocess.Popen(
        coral.command("--help"), stdout=write, stderr=subprocess.PIPE, env=coral.environment, cwd=coral.home
    )
    os.close(write)
    _, stderr = process.communicate(timeout=DEADLINE_SECONDS)
    assert (process.returncode, stderr) == (141, b"")
