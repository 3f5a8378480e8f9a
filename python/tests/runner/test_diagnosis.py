"""What a script did itself is told as its own; what could not be loaded, in Coral's words and no others."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from coral.runner.diagnosis import check_report, has_type_errors
from coral.runner.import_errors import worded
from coral.runner.policy import file_url
from tests.runner.program import Program

DENO_WORDS = ("Unsupported scheme", "--allow-", "--unstable", "--sloppy", "deno add", "ext:", "coral-denied")
CATCHES = 'try { await import("lodash"); } catch { /* fine */ }\n'
SPELLING = "hint: write the path as it is on disk, with its ending: ./lib.ts\n"
LEFT_OUT = "hint: hidden entries, node_modules, links out of the folder and hard links are left out\n"
NO_FILES = "hint: -e and - read and import no files: write the script to a file beside them, and run that\n"


def folder(coral: Program) -> str:
    return os.path.realpath(coral.home / "scripts")


@pytest.mark.parametrize(
    ("text", "stderr"),
    [
        (CATCHES + "Deno.exit(1);", ""),
        (CATCHES + 'throw new Error("my own");', "error: Uncaught (in promise) Error: my own\n"),
        (
            'import type { X } from "./nope.d.ts"; throw new Error("mine");',
            "error: Uncaught (in promise) Error",
        ),
        (
            "throw new TypeError('Module not found \"file:///x\".');",
            "error: Uncaught (in promise) TypeError: Module not found",
        ),
        ('setTimeout(() => JSON.parse("{"), 1);', "error: Uncaught SyntaxError: Expected property name"),
        ("await new Promise(() => {});", "error: Top-level await promise never resolved\n"),
        ('require("fs");', "error: ReferenceError: require is not defined\n    at file://"),
    ],
)
def test_a_scripts_own_end_is_not_a_failed_import(coral: Program, text: str, stderr: str) -> None:
    ended = coral.run("run", coral.script(text))
    assert ended.code == 1
    assert ended.stderr.startswith(stderr)
    assert "imports" not in ended.stderr.replace(text, "")
    assert not (coral.home / "state" / "coral" / "audit.jsonl").exists()


def test_a_file_that_uses_require_is_told_what_modules_are(coral: Program) -> None:
    ended = coral.run("run", coral.script('require("fs");'))
    assert ended.stderr.endswith('\nhint: scripts are ES modules: import fs from "node:fs"\n')


IMPORTS = [
    ("fs", 65, "{what} imports fs, which is a module of Node.js", "write node:fs"),
    ("lodash", 77, "{what} imports the package lodash", "packages do not come with Coral"),
    ("./nope.ts", 65, "{what} imports {folder}/nope.ts, which does not exist", "write the path as it is"),
    ("./dir", 65, "{what} imports {folder}/dir, which is a folder", "name a file in it"),
    ("/etc/hosts", 77, "{what} imports /etc/hosts, which is outside its folder", "scripts may import"),
    ("node:nope", 65, "{what} imports node:nope, which is no module of Node.js", "such as node:path"),
]


@pytest.mark.parametrize("hidden", [False, True], ids=["plain folder", "with a hidden entry"])
@pytest.mark.parametrize("form", ['import "{}";', 'await import("{}");'], ids=["static", "dynamic"])
@pytest.mark.parametrize(("specifier", "code", "message", "hint"), IMPORTS)
def test_an_import_that_fails(
    coral: Program, *, specifier: str, code: int, message: str, hint: str, form: str, hidden: bool
) -> None:
    script = coral.script(form.format(specifier))
    (coral.home / "scripts" / "dir").mkdir()
    if hidden:
        coral.script("", ".env")
    ended = coral.run("run", script)
    what = "script.ts" if form.startswith("import ") else "the script"
    said = message.format(what=what, folder=folder(coral))
    assert (ended.code, ended.stdout) == (code, "")
    assert ended.stderr.startswith(f"error: {said}\n    at ")
    assert f"file://{folder(coral)}/script.ts:1:" in ended.stderr
    assert f"\nhint: {hint}" in ended.stderr
    assert not [word for word in DENO_WORDS if word in ended.stderr]


@pytest.mark.parametrize("specifier", ["npm:x", "jsr:@std/x", "https://127.0.0.1:1/x.ts"])
def test_an_import_from_the_network_while_it_runs(coral: Program, specifier: str) -> None:
    ended = coral.run("run", coral.script(f'await import("{specifier}");'))
    assert (ended.code, ended.stdout) == (77, "")
    assert ended.stderr.startswith("error: the script imports ")
    assert not [word for word in DENO_WORDS if word in ended.stderr]


@pytest.mark.parametrize("specifier", ['import.meta.resolve("./nope.ts")', '"https://127.0.0.1:1/x.ts"'])
def test_a_worker_that_cannot_be_loaded(coral: Program, specifier: str) -> None:
    coral.script("", ".env")
    text = f'new Worker({specifier}, {{ type: "module" }});\nsetInterval(() => {{}}, 1000);'
    ended = coral.run("run", coral.script(text))
    assert ended.code == (65 if "nope" in specifier else 77)
    assert ended.stderr.startswith("error: the script imports ")
    assert not [word for word in DENO_WORDS if word in ended.stderr]


def test_an_error_in_a_worker_is_the_scripts_own(coral: Program) -> None:
    worker = 'new Worker("data:text/javascript,throw new Error(7)", { type: "module" });'
    ended = coral.run("run", coral.script(f"{worker}\nsetInterval(() => {{}}, 1000);"))
    assert ended.code == 1
    assert ended.stderr.startswith('error: Uncaught (in worker "") (in promise) Error: 7\n')


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("script.ts", "let a = 1; let a = 2;", "script.ts:1:16"),
        ("script.js", "let a: number = 1;", "script.js:1:6"),
        ("script.ts", 'import { nope } from "./lib.ts"; console.log(nope);', "script.ts:1:10"),
        ("script.ts", 'import "./bad.ts";', "bad.ts:1:16"),
    ],
)
def test_what_v8_does_not_load(coral: Program, name: str, text: str, place: str) -> None:
    coral.script("export const a = 1;", "lib.ts")
    coral.script("let a = 1; let a = 2;", "bad.ts")
    ended = coral.run("run", coral.script(text, name))
    assert (ended.code, ended.stdout) == (65, "")
    assert f"at <anonymous> (file://{folder(coral)}/{place})\n" in ended.stderr
    assert ended.stderr.endswith(
        f"error: {name} could not be loaded\nhint: correct the place that is shown above and run it again\n"
    )


def test_help_of_a_script_with_a_failed_import_says_it_once(coral: Program) -> None:
    script = coral.script('import "./nope.ts"; export const params = 1;')
    ended = coral.run("run", script, "--help-script")
    assert ended.code == 65
    assert ended.stderr.count("error:") == 1
    assert ended.stderr.startswith("error: script.ts imports ")


def test_loading_again_runs_no_line_of_it(coral: Program) -> None:
    ended = coral.run("run", coral.script('console.log("once");\nDeno.exit(1);'))
    assert (ended.code, ended.stdout, ended.stderr) == (1, "once\n", "")


@pytest.mark.parametrize(
    ("statement", "hint"),
    [
        ('Deno.readTextFileSync(".env");', LEFT_OUT),
        ('import fs from "node:fs"; fs.readFileSync(".env");', LEFT_OUT),
        ('Deno.readTextFileSync("linked");', LEFT_OUT),
        ('await import("./.env");', LEFT_OUT),
        ('Deno.readTextFileSync("../x");', "hint: scripts may read files below their own folder only\n"),
        ('Deno.readDirSync(".");', f"{LEFT_OUT[:-1]}, and a folder that holds one cannot be listed: name"),
        ('import fs from "node:fs"; fs.readdirSync(".");', f"{LEFT_OUT[:-1]}, and a folder that holds one"),
    ],
)
def test_an_entry_that_is_left_out(
    coral: Program, monkeypatch: pytest.MonkeyPatch, statement: str, hint: str
) -> None:
    coral.script("SECRET", ".env")
    (coral.home / "outside").write_text("SECRET")
    os.link(coral.home / "outside", coral.home / "scripts" / "linked")
    script = coral.script(f"process.chdir(import.meta.dirname);\n{statement}")
    ended = coral.run("run", script)
    assert (ended.code, ended.stdout) == (77, "")
    assert hint in ended.stderr
    assert "SECRET" not in ended.stderr


@pytest.mark.parametrize(
    ("statement", "hint"),
    [
        (
            "await Deno.openKv();",
            "openKv is an API of Deno that is not stable yet, which scripts do not have",
        ),
        ('localStorage.setItem("a", "b");', "scripts keep nothing between runs: print what is to be kept"),
        ('await caches.open("x");', "scripts keep nothing between runs: print what is to be kept"),
    ],
)
def test_what_scripts_do_not_have(coral: Program, statement: str, hint: str) -> None:
    ended = coral.run("run", coral.script(statement))
    assert ended.code == 77
    assert ended.stderr.endswith(f"\nhint: {hint}\n")
    assert "script.ts:1:" in ended.stderr
    assert not [word for word in DENO_WORDS if word in ended.stderr]


def test_errors_of_eval_show_the_users_code_and_column(coral: Program) -> None:
    ended = coral.run("run", "-e", 'const a = 1;\nnull.x; console.log(coral.mode, "SDK")')
    assert ended.code == 1
    assert "\nnull.x; console.log" in ended.stderr
    assert "eval.ts:2:6" in ended.stderr
    assert "import * as" not in ended.stderr


def test_eval_still_has_the_sdk(coral: Program) -> None:
    assert coral.run("run", "-e", "console.log(coral.mode) // all").stdout == "cli\n"


def test_eval_that_ends_early(coral: Program) -> None:
    ended = coral.run("run", "-e", "console.log(1")
    assert ended.code == 65
    assert ended.stderr == (
        "error: -e could not be loaded\nhint: it ends too early: is a bracket or a quote open?\n"
    )


def test_a_syntax_error_of_eval_shows_the_users_lines_only(coral: Program) -> None:
    for flags in ([], ["--check"]):
        ended = coral.run("run", *flags, "-e", "const text = `open")
        assert ended.code == 65
        assert ended.stderr == (
            "error: SyntaxError: Unterminated template\n  |\n1 | const text = `open\n  |              ~~~~~\n"
            "    at -e:1:14\nerror: -e could not be loaded\n"
            "hint: correct the place that is shown above and run it again\n"
        )


@pytest.mark.parametrize(
    "text",
    [
        'class E extends Error { name = "Ünï"; } setTimeout(() => { throw new E("x"); });',
        'setTimeout(() => { throw "ü"; });',
        "throw undefined;",
        "throw { a: 1 };",
        "setTimeout(() => { throw new Error('Module not found \"file:///x\"'); });",
        "setTimeout(() => { throw 'Module not found'; });",
        "Promise.reject(null);",
        'new Worker("data:text/javascript,throw 1", { type: "module", name: "ü" }); setInterval(() => {}, 9);',
    ],
)
def test_whatever_a_script_throws_is_shown(coral: Program, text: str) -> None:
    ended = coral.run("run", coral.script(text))
    assert ended.code == 1
    assert ended.stderr.startswith("error: Uncaught ")


@pytest.mark.parametrize(
    ("code", "stderr"),
    [
        ('import "./x.ts";', "error: -e imports ./x.ts, which does not exist\n    at -e:1:8\n" + NO_FILES),
        ('await import("./x.ts");', NO_FILES),
        ('Deno.readTextFileSync("x.txt");', NO_FILES),
    ],
)
def test_eval_reads_no_files(coral: Program, code: str, stderr: str) -> None:
    for ended in (coral.run("run", "-e", code), coral.run("run", "-", stdin=code.encode())):
        assert ended.code in (65, 77)
        assert ended.stderr.replace("- imports", "-e imports").replace("at -:", "at -e:").endswith(stderr)


def test_process_abort_is_no_lack_of_memory(coral: Program) -> None:
    for flags in ([], ["--check"]):
        ended = coral.run("run", *flags, coral.script("process.abort();"))
        assert (ended.code, ended.stderr) == (
            134,
            "error: script.ts was ended by SIGABRT\nhint: process.abort() does that, and so does a fault in Deno\n",
        )


def test_too_many_threads(coral: Program) -> None:
    worker = 'new Worker("data:text/javascript,setInterval(() => {}, 1000)", { type: "module" });'
    text = f"for (let i = 0; i < 200; i++) {worker}\nsetInterval(() => {{}}, 1000);"
    ended = coral.run("run", coral.script(text))
    # Where no control group can be made, what V8 reserves for each may reach the limit of memory before.
    said, hint = {
        124: ("error: script.ts was stopped at its limit of ", "hint: start fewer workers"),
        137: ("error: script.ts ran out of its 512 MiB of memory", "with --memory 1g"),
    }[ended.code]
    assert said in ended.stderr
    assert ended.stderr.rstrip().endswith(hint)


def test_a_debuggers_port_in_use(coral: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = coral.run("run", f"--inspect=127.0.0.1:{port}", coral.script("1;"))
    assert (ended.code, ended.stdout) == (73, "")
    assert ended.stderr.startswith(f"error: the port 127.0.0.1:{port} for a debugger cannot be opened: Addr")
    assert "\nhint: choose another one: --inspect=127.0.0.1:" in ended.stderr


def test_a_path_that_is_not_utf_8(coral: Program) -> None:
    path = os.fsencode(coral.home) + b"/b\xff.ts"
    try:
        Path(os.fsdecode(path)).write_text("1;")
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    ended = coral.run("run", os.fsdecode(path))
    assert ended.code == 2
    assert "is not UTF-8, which Deno cannot be given\nhint: rename" in ended.stderr


@pytest.mark.parametrize("hidden", [False, True], ids=["plain folder", "with a hidden entry"])
@pytest.mark.parametrize(
    "name", ["p#", "p?", "100%", "p%23", "p q", "ü日", "it's", '"q"', "b\\s", "a\tb", "#?%"]
)
def test_names_with_characters_that_mean_something_in_a_url(
    coral: Program, name: str, *, hidden: bool
) -> None:
    place = coral.home / "scripts" / name
    place.mkdir(parents=True)
    if hidden:
        (place / ".env").touch()
        (place.parent / ".env").touch()
    (place / f"{name}.ts").write_text("export const found = 1;")
    url = file_url(f"/{name}").removeprefix("file:///")
    above = coral.script(
        f'import {{ found }} from "./{url}/{url}.ts"; console.log(found);', f"above{name}.ts"
    )
    beside = place / f"x{name}.ts"
    beside.write_text(f'import {{ found }} from "./{url}.ts"; console.log(found);')
    for script in (above, str(beside)):
        ended = coral.run("run", script)
        assert (ended.code, ended.stdout, ended.stderr) == (0, "1\n", "")


def test_a_report_of_types_has_no_end_of_denos() -> None:
    plain = b"TS1 [ERROR]: x\n\nerror: Type checking failed.\n"
    coloured = b"\x1b[1mTS1 \x1b[0m[ERROR]: x\n\n\x1b[0m\x1b[1m\x1b[31merror\x1b[0m: Type checking failed.\n"
    assert check_report(plain) == "TS1 [ERROR]: x\n\n"
    assert check_report(coloured) == "\x1b[1mTS1 \x1b[0m[ERROR]: x\n\n"


def test_a_failed_import_is_no_type_error() -> None:
    assert has_type_errors("\x1b[1mTS2322 \x1b[0m[ERROR]: x\n")
    assert not has_type_errors('error: Module not found "file:///TS.ts".\n')


def test_a_coloured_check_ends_with_corals_line_alone(coral: Program) -> None:
    ended = coral.run("run", "--check", "--color", "always", coral.script('const a: number = "x";'))
    assert ended.code == 79
    assert "Type checking failed" not in ended.stderr


@pytest.mark.parametrize("path", ["/dev/zero", "FIFO", "/nonexistent"])
def test_what_a_text_names_as_its_place_is_read_with_care(path: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    named = path.replace("FIFO", str(tmp_path / "fifo"))
    found = worded(f"npm specifiers are not allowed\n    at file://{named}:1:1", "/s/a.ts", "/s", None)
    assert found is not None
    assert found.message == f"{os.path.basename(named)} imports the package\n    at file://{named}:1:1"
