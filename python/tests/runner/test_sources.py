"""Where a script comes from, and what it gets: FILE, -, -e, example:NAME, parameters of a file."""

from __future__ import annotations

import json
import os

import pytest

from coral.errors import UsageError
from coral.runner.source import find_source, text_of
from coral.script_limits import MAX_SCRIPT_BYTES
from tests.runner.program import Program, Result

SDK = 'import * as coral from "@coral/sdk";\n'
SHOW = SDK + "console.log(JSON.stringify(coral.params));"


def error(code: int, message: str, hint: str) -> Result:
    return Result(code, "", f"error: {message}\nhint: {hint}\n")


def test_a_script_by_stdin(coral: Program) -> None:
    ended = coral.run(
        "run", "-", "-p", "a=1", "--", "x", stdin=(SHOW + "console.log(Deno.args[0]);").encode()
    )
    assert ended == Result(0, '{"a":1}\nx\n', "")


def test_a_script_by_stdin_that_is_not_text(coral: Program) -> None:
    ended = coral.run("run", "-", stdin=b"\xff")
    assert (ended.code, ended.stdout) == (2, "")
    assert ended.stderr.startswith("error: the script on stdin is not UTF-8: ")


def test_a_script_by_stdin_can_be_too_large(coral: Program) -> None:
    assert coral.run("run", "-", stdin=b" " * (4 * 1024 * 1024 + 1)) == error(
        2, "the script on stdin is larger than 4 MiB", "data belong into a file beside the script"
    )


@pytest.mark.parametrize("options", [[], ["--help-script"], ["--dry-run"]])
def test_a_file_can_be_too_large(coral: Program, options: list[str]) -> None:
    path = coral.script("// A script.\n")
    os.truncate(path, 1_500_000_000)  # most of it takes no room on disk
    assert coral.run("run", path, *options) == error(
        2, f"the script {path} is larger than 4 MiB", "data belong into a file beside the script"
    )
    os.truncate(path, 13)
    assert coral.run("run", path, *options).code == 0


def test_a_script_that_grows_after_the_look_is_not_read_whole(coral: Program) -> None:
    path = coral.script("// A script.\n")
    source = find_source(path)
    assert text_of(source) == "// A script.\n"
    os.truncate(path, MAX_SCRIPT_BYTES + 1)
    with pytest.raises(UsageError, match="is larger than 4 MiB"):
        text_of(source)


def test_a_script_on_the_command_line_can_be_too_large() -> None:
    assert text_of(find_source(None, " " * MAX_SCRIPT_BYTES)).startswith(" " * MAX_SCRIPT_BYTES + "\n")
    with pytest.raises(UsageError, match=r"^the script of -e is larger than 4 MiB$"):
        find_source(None, " " * (MAX_SCRIPT_BYTES + 1))


def test_a_script_on_the_command_line_knows_coral(coral: Program) -> None:
    ended = coral.run("run", "-e", "const n: number = 1; console.log(n, coral.mode, Deno.args);", "--", "a")
    assert ended == Result(0, '1 cli [ "a" ]\n', "")
    assert coral.run("run", "-e", SHOW) == Result(0, "{}\n", "")


def test_its_errors_name_the_line(coral: Program) -> None:
    ended = coral.run("run", "-e", "const a = 1;\n\nthrow new Error(`${a}`);")
    assert ended.code == 1
    assert "/eval.ts:3:7" in ended.stderr


def test_it_reads_nothing_beside_it(coral: Program) -> None:
    (coral.home / "secret.txt").write_text("x")
    ended = coral.run("run", "-e", 'Deno.readTextFileSync("secret.txt")')
    assert ended.code == 77
    ended = coral.run(
        "run",
        "-e",
        'Deno.readTextFileSync(new URL("../connection.js", import.meta.url).pathname + "/../../lock")',
    )
    assert ended.code in (1, 77)


def test_two_scripts_at_once(coral: Program) -> None:
    assert coral.run("run", "a.ts", "-e", "1") == error(
        2,
        "there are two scripts, -e and a.ts",
        "what the script itself shall get stands after --: coral run -e CODE -- argument",
    )


@pytest.mark.parametrize("url", ["https://example.com/x.ts", "http://example.com/x.ts"])
def test_urls_are_refused(coral: Program, url: str) -> None:
    assert coral.run("run", url) == error(
        2,
        f"{url} is a URL, and coral run loads nothing from the network",
        f"download it, read it, then run the file: curl -o script.ts {url}",
    )


def test_file_urls_are_refused(coral: Program) -> None:
    assert coral.run("run", "file:///tmp/x.ts") == error(
        2, "file:///tmp/x.ts is a URL, expected a path", "leave out file://"
    )


def test_an_example(coral: Program) -> None:
    ended = coral.run("run", "example:latency-report")
    assert (ended.code, ended.stdout) == (69, "")  # it asks the colony, and there is none


@pytest.mark.parametrize("name", ["nope", "", "../runner/guard", "/etc/passwd"])
def test_an_example_that_does_not_exist(coral: Program, name: str) -> None:
    ended = coral.run("run", f"example:{name}")
    assert (ended.code, ended.stdout) == (66, "")
    first, second = ended.stderr.splitlines()
    assert first == f"error: there is no example {name!r}"
    assert second.startswith("hint: the examples are alert-high-latency, analysis, ")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.json", '{"a": 1, "b": [true, null], "c": {"d": "e"}, "over": "file"}'),
        ("p.yaml", "a: 1\nb: [true, null]\nc:\n  d: e\nover: file\n"),
        ("p.yml", "{a: 1, b: [true, null], c: {d: e}, over: file}"),
    ],
)
def test_parameters_of_a_file(coral: Program, name: str, text: str) -> None:
    path = coral.home / name
    path.write_text(text)
    ended = coral.run("run", coral.script(SHOW), "--param-file", str(path), "-p", "over=line")
    assert (ended.code, ended.stderr) == (0, "")
    assert json.loads(ended.stdout) == {"a": 1, "b": [True, None], "c": {"d": "e"}, "over": "line"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("p.json", "[1]", "expected an object with names"),
        ("p.json", "{", "not JSON"),
        ("p.yaml", "1: 2", "expected an object with names"),
        ("p.yaml", "a: 2026-01-01", "date has no JSON form"),
        ("p.yaml", "a: .nan", "nan is not JSON"),
        ("p.yaml", "a: [", "while parsing"),
        ("p.yaml", "a: !!python/object:os.system {}", "could not determine a constructor"),
    ],
)
def test_files_of_parameters_that_cannot_be_used(coral: Program, name: str, text: str, message: str) -> None:
    (coral.home / name).write_text(text)
    ended = coral.run("run", coral.script(SHOW), "--param-file", name)
    assert (ended.code, ended.stdout) == (2, "")
    first, second = ended.stderr.splitlines()
    assert first.startswith(f"error: the parameter file {name} cannot be used: ")
    assert message in first
    assert second.startswith("hint: the file holds one object")


def test_files_of_parameters_of_another_kind(coral: Program) -> None:
    assert coral.run("run", coral.script(""), "--param-file", "p.toml") == error(
        2, "the parameter file p.toml ends neither in .json nor in .yaml", "rename it, or use -p NAME=VALUE"
    )
    assert coral.run("run", coral.script(""), "--param-file", "p.json") == error(
        2, "the parameter file p.json cannot be read: No such file or directory", "is --param-file right?"
    )


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["--memory", "much"], "'much' is no size of memory", "write a size such as 512m or 2g"),
        (
            ["--memory", "1m"],
            "1m of memory is too little, expected at least 128m",
            "write a size such as 512m or 2g",
        ),
        (["--watch", "--dry-run"], "--watch and --dry-run exclude each other", "choose one of them"),
        (
            ["--inspect=10.0.0.1:1"],
            "a debugger on 10.0.0.1 could be used by other machines",
            "use 127.0.0.1:9229, and ssh -L for a debugger elsewhere",
        ),
        (
            ["--inspect", "--inspect-brk"],
            "--inspect and --inspect-brk exclude each other",
            "choose one of them",
        ),
        (["--dry-run", "-o", "csv"], "--dry-run cannot be printed as csv", "leave -o out, or use -o json"),
    ],
)
def test_options_that_cannot_be_used(coral: Program, arguments: list[str], message: str, hint: str) -> None:
    assert coral.run("run", coral.script(""), *arguments) == error(2, message, hint)


def test_a_memory_limit_of_the_environment(coral: Program) -> None:
    assert coral.run("run", coral.script(""), CORAL_MEMORY="much") == error(
        78,
        "environment variable CORAL_MEMORY: 'much' is no size of memory",
        "write a size such as 512m or 2g",
    )
    assert coral.run("run", coral.script(""), CORAL_MEMORY="1g").code == 0


def test_the_file_must_be_named(coral: Program) -> None:
    assert coral.run("run", "-q") == error(
        2, "missing argument 'FILE'", "coral run --help shows how it is used"
    )
    assert coral.run("run", "-w", "-") == error(2, "--watch needs a file", "save the script to a file first")
