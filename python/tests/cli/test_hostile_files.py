"""Files that commands find or are given, made so that they hang, fill the memory or break Coral: each is an error."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.test_commands import error
from tests.runner.program import DEADLINE_SECONDS, Program, Result

NO_COLONY = {"CORAL_COLONY": ""}
EXAMPLE = "it is YAML, such as: colony: 127.0.0.1:4000"
SUBJECT = "the configuration file FILE "
REPLACE = "put a file in its place, or remove it"
ADDRESS_SPACE = 4 << 30
"""Of a command, so that one which reads without bound ends before the machine does."""


def run(program: Program, *arguments: str, **variables: str) -> Result:
    """Runs a command with bounded memory."""
    ended = subprocess.run(
        program.command(*arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**program.environment, **variables},
        cwd=program.home,
        timeout=DEADLINE_SECONDS,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE)),
    )
    return Result(ended.returncode, ended.stdout, ended.stderr)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def holds(text: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_text(text)

    return make


MADE = [
    (pipe, f"{SUBJECT}is a named pipe, expected a file", REPLACE),
    (endless, f"{SUBJECT}is a device, expected a file", REPLACE),
    (Path.mkdir, f"{SUBJECT}is a directory, expected a file", REPLACE),
    (holds("#" * 65_537), f"{SUBJECT}is larger than 64 KiB", "is it the file that you mean?"),
    (holds("[" * 50_000), "FILE:1 cannot be used: nested deeper than 32 levels", EXAMPLE),
    (holds("{a: " * 16_000), "FILE:1 cannot be used: nested deeper than 32 levels", EXAMPLE),
    (
        holds("a: &a [" + "x, " * 10_000 + "]\nb: [" + "*a, " * 1_000 + "]"),
        "FILE:2 cannot be used: its aliases (*name) stand for more than 65536 characters together",
        EXAMPLE,
    ),
    (
        holds("colony: 2001-99-99"),
        ("FILE:1 is not YAML: a value that looks like timestamp and is none (month must be in 1..12)"),
        EXAMPLE,
    ),
]


@pytest.mark.parametrize(("make", "message", "hint"), MADE)
@pytest.mark.parametrize("command", ["run", "config"])
def test_a_projects_file(
    coral: Program, make: Callable[[Path], None], message: str, hint: str, command: str
) -> None:
    make(coral.home / "coral.yaml")
    words = ["run", coral.script("")] if command == "run" else ["config", "show"]
    assert run(coral, *words, **NO_COLONY) == error(78, message.replace("FILE", "./coral.yaml"), hint)


@pytest.mark.parametrize(("make", "message", "hint"), MADE)
def test_the_users_file(coral: Program, make: Callable[[Path], None], message: str, hint: str) -> None:
    own = coral.home / "config" / "coral" / "config.yaml"
    own.parent.mkdir(parents=True)
    make(own)
    expected = error(78, message.replace("FILE", str(own)), hint)
    assert run(coral, "run", coral.script(""), **NO_COLONY) == expected
    assert run(coral, "config", "set", "check", "true", **NO_COLONY) == expected


@pytest.mark.parametrize(("make", "message", "hint"), [each for each in MADE if each[0] is not endless])
def test_an_agents_file(coral: Program, make: Callable[[Path], None], message: str, hint: str) -> None:
    own = coral.home / "config" / "coral" / "agent.yaml"
    own.parent.mkdir(parents=True)
    make(own)
    ended = run(coral, "agent", "check-config")
    assert "Traceback" not in ended.stderr
    if "64 KiB" in message:
        assert ended.code == 0  # it may have 1 MiB
    else:
        assert (ended.code, ended.stdout) == (78, "")
        assert ended.stderr.startswith(f"error: {message.replace('FILE', str(own))}\n")


@pytest.mark.parametrize("of_link", [True, False])
def test_a_link_of_another_user_is_not_used(coral: Program, of_link: bool) -> None:
    if os.geteuid() != 0:
        pytest.skip("this user cannot give a file away")
    target = coral.home / "other.yaml"
    target.write_text("colony: evil:1\n")
    (coral.home / "coral.yaml").symlink_to(target)
    try:
        os.lchown(coral.home / "coral.yaml" if of_link else target, 12345, 12345)
    except OSError:
        pytest.skip("this user cannot give a file away")
    ended = run(coral, "run", "--dry-run", coral.script(""), **NO_COLONY)
    assert ended.stderr == "coral: ./coral.yaml is not used: it belongs to another user\n"
    assert ended.code == 0


def test_a_link_of_ones_own_is_used(coral: Program) -> None:
    target = coral.home / "other.yaml"
    target.write_text("colony: project:1\n")
    (coral.home / "coral.yaml").symlink_to(target)
    assert run(coral, "config", "get", "colony", **NO_COLONY).stdout == "project:1\n"


def test_what_never_ends_is_read_to_a_limit(coral: Program) -> None:
    address = ["--colony", "127.0.0.1:9"]
    ended = run(coral, "services", *address, "--token-file", "/dev/zero")
    assert ended == error(
        78, "the file of the token /dev/zero is larger than 64 KiB", "is it the file that you mean?"
    )
    ended = run(coral, "services", *address, "--tls-ca", "/dev/zero")
    assert ended == error(
        78,
        "the file of certificate authorities /dev/zero is larger than 4 MiB",
        "is it the file that you mean?",
    )
    for words in (["token", "list", "--token-file"], ["colony", "check-config"], ["agent", "check-config"]):
        ended = run(coral, *words, "/dev/zero")
        assert (ended.code, ended.stdout) == (78, "")
        assert "is larger than" in ended.stderr


def test_pipes_that_the_user_names_are_read(coral: Program) -> None:
    def given(text: str, make: Callable[[str], list[str]]) -> subprocess.CompletedProcess[str]:
        read, write = os.pipe()
        with open(write, "w", encoding="utf-8") as file:
            file.write(text)
        try:
            return subprocess.run(
                coral.command(*make(f"/dev/fd/{read}")),
                capture_output=True,
                text=True,
                env=coral.environment,
                pass_fds=(read,),
                timeout=DEADLINE_SECONDS,
                check=False,
            )
        finally:
            os.close(read)

    ended = given("log: {level: debug}\n", lambda path: ["agent", "check-config", path])
    assert (ended.returncode, ended.stderr) == (0, "")
    assert 'level: "debug"' in ended.stdout
    ended = given("two words", lambda path: ["services", "--colony", "127.0.0.1:9", "--token-file", path])
    assert "holds no token" in ended.stderr
    ended = given("tokens: []\n", lambda path: ["token", "list", "-o", "json", "--token-file", path])
    assert (ended.returncode, ended.stdout) == (0, "[]\n")


def test_parameters_from_a_named_pipe(coral: Program) -> None:
    path = coral.home / "p.json"
    os.mkfifo(path)
    script = coral.script('import { params } from "@coral/sdk"; console.log(params.a);')
    writer = threading.Thread(target=lambda: path.write_text('{"a": 7}'))
    writer.start()
    ended = coral.run("run", script, "--param-file", "p.json")
    writer.join()
    assert ended == Result(0, "7\n", "")


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize("name", ["p.json", "p.yaml"])
def test_nesting_of_parameters(coral: Program, name: str) -> None:
    script = coral.script('import { params } from "@coral/sdk"; console.log(JSON.stringify(params.a));')
    path = coral.home / name
    path.write_text(f'{{"a": {nested(99)}}}')
    assert coral.run("run", script, "--param-file", name) == Result(0, f"{nested(99)}\n", "")
    for levels in (100, 450, 3_000, 100_000):
        path.write_text(f'{{"a": {nested(levels)}}}')
        where = "line 1: " if name == "p.yaml" else ""
        assert run(coral, "run", script, "--param-file", name) == error(
            2,
            f"the parameter file {name} cannot be used: {where}nested deeper than 100 levels",
            'the file holds one object, for example {"threshold": 500, "service": "payments"}',
        )
    path.write_text('{"a": 1, "b": "' + "x" * 1_048_576 + '"}')
    assert run(coral, "run", script, "--param-file", name) == error(
        2,
        f"the parameter file {name} is larger than 1 MiB",
        "a script can read a file of data that lies beside it",
    )


def test_aliases_in_parameters(coral: Program) -> None:
    lines = ["l0: &l0 [x]", *(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12))]
    (coral.home / "p.yaml").write_text("\n".join(lines))
    ended = run(coral, "run", coral.script(""), "--param-file", "p.yaml")
    assert (ended.code, ended.stdout) == (2, "")
    assert "its aliases (*name) stand for more than 65536 characters together" in ended.stderr


def test_a_parameter_that_is_nested_deeper_is_text(coral: Program) -> None:
    script = coral.script('import { params } from "@coral/sdk"; console.log(typeof params.a);')
    for levels, kind in ((100, "object"), (101, "string"), (450, "string"), (900, "string")):
        assert coral.run("run", script, "-p", f"a={nested(levels)}") == Result(0, f"{kind}\n", "")
