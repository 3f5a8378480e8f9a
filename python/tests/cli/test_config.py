"""`coral config`, contexts, a project's file, and which of them goes first."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.test_commands import error
from tests.runner.program import NOWHERE, Program, Result

NO_COLONY = {"CORAL_COLONY": ""}
MAY_SET = "a project file may set: colony, context, check"
MODE = "console.log(1);"


def own(program: Program) -> Path:
    return program.home / "config" / "coral" / "config.yaml"


def write(program: Program, text: str) -> Path:
    own(program).parent.mkdir(parents=True, exist_ok=True)
    own(program).write_text(text)
    return own(program)


def project(program: Program, text: str) -> None:
    (program.home / "coral.yaml").write_text(text)


def test_a_key_is_set_shown_and_removed(coral: Program) -> None:
    file = own(coral)
    assert coral.run("config", "set", "colony", "a:1", **NO_COLONY) == Result(
        0, f"colony is a:1 now ({file})\n", ""
    )
    assert coral.run("config", "get", "colony", **NO_COLONY) == Result(0, "a:1\n", "")
    assert coral.run("config", "set", "timeout", "2m").code == 0
    assert coral.run("config", "set", "memory", "1g").code == 0
    assert coral.run("config", "set", "check", "false").code == 0
    assert file.read_text() == "colony: a:1\ntimeout: 2m\nmemory: 1g\ncheck: false\n"
    assert coral.run("config", "show", **NO_COLONY) == Result(
        0,
        f"colony   a:1    {file}:1\n"
        "context  -\n"
        f"check    false  {file}:4\n"
        f"timeout  2m     {file}:2\n"
        f"memory   1g     {file}:3\n",
        "",
    )
    assert coral.run("config", "unset", "colony", **NO_COLONY) == Result(
        0, f"colony is not set any more ({file})\n", ""
    )
    assert coral.run("config", "get", "colony", **NO_COLONY) == error(
        66, "colony is not set", "coral config set colony VALUE sets it"
    )
    assert coral.run("config", "unset", "colony") == error(
        66, f"colony is not set in {file}", "coral config show says what is set where"
    )
    assert file.read_text() == "timeout: 2m\nmemory: 1g\ncheck: false\n"


def test_what_stands_in_the_file_besides_stays(coral: Program) -> None:
    text = "# mine\ncolony: a:1   # old\n\n# about time\ntimeout: 1m\ncontexts:\n  # production\n  p: {colony: p:1}\n"
    file = write(coral, text)
    assert coral.run("config", "set", "colony", "b:2", **NO_COLONY).code == 0
    assert file.read_text() == text.replace("colony: a:1   # old", "colony: b:2")
    coral.run("config", "unset", "timeout")
    assert file.read_text() == text.replace("colony: a:1   # old", "colony: b:2").replace("timeout: 1m\n", "")


def test_a_file_of_braces_is_kept_too(coral: Program) -> None:
    file = write(coral, "{colony: 'a:1', check: true}")
    assert coral.run("config", "set", "colony", "b:2", **NO_COLONY).code == 0
    assert coral.run("config", "get", "colony", **NO_COLONY).stdout == "b:2\n"
    assert coral.run("config", "get", "check").stdout == "true\n"
    assert file.read_text() == "check: true\ncolony: b:2\n"


def test_the_command_that_is_proposed_can_be_copied(coral: Program) -> None:
    told = coral.run("config", "add-context", "b ad; x", "p:1", **NO_COLONY).stdout
    assert told.endswith("\nNext: coral config use 'b ad; x'\n")
    assert coral.run("config", "use", "no pe", **NO_COLONY).code == 66
    hint = coral.run("config", "remove-context", "no pe", CORAL_COLONY="").stderr.splitlines()[1]
    assert hint == "hint: the contexts are b ad; x"


def test_contexts(coral: Program) -> None:
    file = own(coral)
    run = coral.run
    assert run("config", "contexts", **NO_COLONY).stdout == (
        "There are none. coral config add-context NAME HOST:PORT adds one.\n"
    )
    assert run("config", "add-context", "prod", "p:1", **NO_COLONY) == Result(
        0, f"the context prod is p:1 ({file})\n\nNext: coral config use prod\n", ""
    )
    run("config", "add-context", "test", "t:1", **NO_COLONY)
    assert run("config", "use", "prod", **NO_COLONY) == Result(0, "commands use p:1 now (context prod)\n", "")
    assert run("config", "contexts", **NO_COLONY) == Result(0, "* prod  p:1\n  test  t:1\n", "")
    assert json.loads(run("config", "contexts", "--json", **NO_COLONY).stdout) == [
        {"name": "prod", "colony": "p:1", "tls_ca": None, "token_file": None, "used": True},
        {"name": "test", "colony": "t:1", "tls_ca": None, "token_file": None, "used": False},
    ]
    shown = json.loads(run("config", "show", "--json", **NO_COLONY).stdout)
    assert shown["colony"] == {"value": "p:1", "source": f"context prod, {file}:6"}
    assert run("config", "get", "colony", CORAL_COLONY="", CORAL_CONTEXT="test").stdout == "t:1\n"
    assert run("config", "use", "nope") == error(
        66, "there is no context 'nope'", "the contexts are prod, test"
    )
    assert run("run", coral.script(MODE), CORAL_COLONY="", CORAL_CONTEXT="nope") == error(
        78,
        "environment variable CORAL_CONTEXT: there is no context 'nope'",
        "the contexts are prod, test; coral config add-context nope HOST:PORT adds it",
    )
    # An address goes instead of the context, which is said.
    assert run("config", "set", "colony", "c:1", **NO_COLONY).stderr == (
        "note: context was prod, and is not set any more\n"
    )
    run("config", "use", "test", **NO_COLONY)
    assert run("config", "remove-context", "test", **NO_COLONY) == Result(
        0, "the context test is removed; it was the one in use\n", ""
    )
    assert file.read_text() == "contexts:\n  prod:\n    colony: p:1\n"


def test_flag_environment_project_user(coral: Program) -> None:
    write(coral, "colony: user:1\n")
    project(coral, "colony: project:1\n")
    script = coral.script(MODE)

    def asked(*flags: str, **variables: str) -> tuple[str, str]:
        ended = coral.run("run", "--dry-run", "-o", "json", script, *flags, **variables)
        assert ended.code == 0, ended
        return json.loads(ended.stdout)["colony"], ended.stderr

    assert asked("--colony", "flag:1", CORAL_COLONY="environment:1") == ("flag:1", "")
    assert asked(CORAL_COLONY="environment:1") == ("environment:1", "")
    assert asked(**NO_COLONY) == ("project:1", "coral: using colony project:1 from ./coral.yaml\n")
    assert asked("-q", **NO_COLONY) == ("project:1", "")
    (coral.home / "coral.yaml").unlink()
    assert asked(**NO_COLONY) == ("user:1", "")


def test_limits_of_a_run_come_from_the_users_file(coral: Program) -> None:
    write(coral, "timeout: 200ms\n")
    endless = coral.script("while (true) {}")
    ended = coral.run("run", endless)
    assert (ended.code, ended.stderr.splitlines()[0]) == (
        124,
        "error: script.ts was stopped at its time limit of 0.2 s",
    )
    assert "0.3 s" in coral.run("run", endless, CORAL_RUN_TIMEOUT="300ms").stderr
    assert "0.4 s" in coral.run("run", endless, "--timeout", "400ms", CORAL_RUN_TIMEOUT="300ms").stderr
    write(coral, "check: true\n")
    wrong = coral.script('const n: number = "x"; console.log(n);')
    assert coral.run("run", wrong).code == 79
    assert coral.run("run", wrong, "--no-check").code == 0
    assert coral.run("run", wrong, CORAL_RUN_CHECK="0").code == 0
    project(coral, "check: false\n")
    assert coral.run("run", wrong).code == 0


def test_the_project_is_found_from_below_it_but_not_above_home(coral: Program) -> None:
    project(coral, "colony: project:1\n")
    below = coral.home / "a" / "b"
    below.mkdir(parents=True)
    script = coral.script(MODE)
    lines = coral.run("config", "path").stdout.splitlines()
    assert f"project file  {coral.home}/coral.yaml" in lines
    coral_below = Program(coral.home, Path(coral.environment["CORAL_CACHE_DIR"]))
    object.__setattr__(coral_below, "home", below)
    ended = coral_below.run("run", "--dry-run", script, **NO_COLONY)
    assert ended.stderr == "coral: using colony project:1 from ../../coral.yaml\n"
    away = {**NO_COLONY, "HOME": str(below)}
    assert coral_below.run("run", "--dry-run", script, **away).stderr == ""


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "timeout: 0s",
            "./coral.yaml:1: timeout cannot be set by a project file, because its folder may be anybody's",
            f"it belongs into your own file: coral config set timeout ...; {MAY_SET}",
        ),
        (
            "check: true\nmemory: 64g",
            "./coral.yaml:2: memory cannot be set by a project file, because its folder may be anybody's",
            f"it belongs into your own file: coral config set memory ...; {MAY_SET}",
        ),
        (
            "contexts: {prod: {colony: evil:1}}",
            "./coral.yaml:1: contexts cannot be set by a project file, because its folder may be anybody's",
            f"it belongs into your own file: coral config add-context; {MAY_SET}",
        ),
        *(
            (
                f"{name}: x",
                f"./coral.yaml:1: a project file cannot set '{name}'",
                "it may set: colony, context, check",
            )
            for name in ("deno_path", "containment", "cache_dir", "token", "params", "CORAL_DENO_PATH")
        ),
        (
            "context: prod",
            "./coral.yaml:1: there is no context 'prod'",
            "there are none yet; coral config add-context prod HOST:PORT adds it",
        ),
        ("colony: x", None, None),
        ("colony: !!python/object/apply:os.system ['touch evil']", None, None),
    ],
)
def test_what_a_project_file_may_not_do(
    coral: Program, text: str, message: str | None, hint: str | None
) -> None:
    project(coral, text)
    ended = coral.run("run", coral.script(MODE), **NO_COLONY)
    if message is not None and hint is not None:
        assert ended == error(78, message, hint)
    assert (ended.code, ended.stdout) == (78, "")
    assert "Traceback" not in ended.stderr
    assert not (coral.home / "evil").exists()


def test_a_project_file_of_another_user_is_not_used(coral: Program) -> None:
    project(coral, "colony: evil:1\n")
    try:
        os.chown(coral.home / "coral.yaml", 12345, 12345)
    except OSError:
        pytest.skip("this user cannot give a file away")
    ended = coral.run("run", "--dry-run", "-o", "json", coral.script(MODE), **NO_COLONY)
    assert json.loads(ended.stdout)["colony"] is None
    assert ended.stderr == "coral: ./coral.yaml is not used: it belongs to another user\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colny: a:1", ":1: the key 'colny' is unknown"),
        ("timeout: 5", ':1: timeout is 5, expected a duration with a unit, for example "30s" or "7d"'),
        ("memory: lots", ":1: memory is 'lots', expected a size such as 512m or 2g"),
        ("check: maybe", ":1: check is 'maybe'"),
        ("contexts: [a]", ":1: contexts is ['a'], expected names with settings"),
        ("contexts: {a: {colony: x}}", ":1: the context a: colony cannot be used: 'x' is not HOST:PORT"),
        ("contexts: {a: {token: x}}", ":1: the context 'a' has no key colony"),
        ("colony: a:1\ncontext: a\n", " sets both colony and context, and either says which colony is meant"),
        ("colony: a:1\ncolony: b:1\n", ":2: the key 'colony' stands in line 1 too"),
    ],
)
def test_what_the_users_file_must_not_say(coral: Program, text: str, message: str) -> None:
    file = write(coral, text)
    ended = coral.run("services", **NO_COLONY)
    assert (ended.code, ended.stdout) == (78, "")
    assert ended.stderr.startswith(f"error: {file}{message}"), ended.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["config", "set", "nope", "1"],
            error(2, "there is no key 'nope'", "the keys are colony, context, check, timeout, memory"),
        ),
        (
            ["config", "set", "contexts", "1"],
            error(2, "contexts are more than one value", "coral config contexts, use, add-context"),
        ),
        (
            ["config", "set", "memory", "lots"],
            error(
                2,
                "memory is 'lots', expected a size such as 512m or 2g, at least 128m",
                "memory is size such as 512m or 2g, at least 128m",
            ),
        ),
        (
            ["config", "set", "context", "prod"],
            error(66, "there is no context 'prod'", "coral config add-context prod HOST:PORT adds it"),
        ),
        (
            ["config", "add-context", "prod", "x"],
            error(
                2,
                "'x' is not HOST:PORT",
                "write HOST:PORT, for example 127.0.0.1:4000, [::1]:4000 or colony.internal:4000",
            ),
        ),
    ],
)
def test_what_is_refused(coral: Program, arguments: list[str], expected: Result) -> None:
    assert coral.run(*arguments) == expected
    assert not own(coral).exists()


def test_a_change_that_has_no_effect_says_so(coral: Program) -> None:
    assert coral.run("config", "set", "colony", "a:1").stderr == (
        "note: the environment variable CORAL_COLONY goes before it\n"
    )
    project(coral, "colony: project:1\n")
    assert coral.run("config", "set", "colony", "b:1", **NO_COLONY).stderr == (
        "note: ./coral.yaml goes before it, here\n"
    )


def test_paths_follow_xdg(coral: Program) -> None:
    places = json.loads(coral.run("config", "path", "--json").stdout)
    assert places == {
        "user_file": str(own(coral)),
        "project_file": None,
        "config": str(coral.home / "config" / "coral"),
        "state": str(coral.home / "state" / "coral"),
        "cache": coral.environment["CORAL_CACHE_DIR"],
    }
    assert coral.run("config", "get", "colony").stdout.strip() == NOWHERE
