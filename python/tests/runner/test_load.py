"""Scripts that cannot be loaded, checked or connected: message, hint and exit code."""

from __future__ import annotations

import os

from tests.runner.program import NOWHERE, Program

SDK = 'import * as coral from "@coral/sdk";\n'


def test_a_missing_script(coral: Program) -> None:
    ended = coral.run("run", "nope.ts")
    assert (ended.code, ended.stdout) == (66, "")
    assert ended.stderr == (
        "error: there is no file nope.ts\nhint: coral run takes the path of a TypeScript or JavaScript file\n"
    )


def test_a_missing_script_starts_no_colony(coral: Program) -> None:
    assert coral.run("run", "nope.ts", CORAL_COLONY="").code == 66
    assert not (coral.home / "state").exists()


def test_a_directory(coral: Program) -> None:
    ended = coral.run("run", str(coral.home))
    assert (ended.code, ended.stdout) == (2, "")
    assert ended.stderr == (
        f"error: {coral.home} is a directory, expected a script\nhint: name the file: coral run script.ts\n"
    )


def test_a_syntax_error_shows_the_place(coral: Program) -> None:
    script = coral.script("const a = 1;\nconst b = = 2;\n")
    ended = coral.run("run", script)
    assert (ended.code, ended.stdout) == (65, "")
    assert f"at file://{os.path.realpath(script)}:2:11" in ended.stderr
    assert ended.stderr.endswith(
        "error: script.ts could not be loaded\nhint: correct the place that is shown above and run it again\n"
    )


def test_a_syntax_error_in_an_imported_file(coral: Program) -> None:
    coral.script("let = ;", "lib.ts")
    ended = coral.run("run", coral.script('import "./lib.ts";'))
    assert ended.code == 65
    assert "lib.ts:1:" in ended.stderr


def test_a_missing_import(coral: Program) -> None:
    ended = coral.run("run", coral.script('import "./nope.ts";'))
    assert ended.code == 65
    folder = os.path.realpath(coral.home / "scripts")
    assert ended.stderr == (
        f"error: script.ts imports {folder}/nope.ts, which does not exist\n"
        f"    at file://{folder}/script.ts:1:8\n"
        "hint: write the path as it is on disk, with its ending: ./lib.ts\n"
    )


def test_a_broken_file_that_is_imported_on_demand_is_the_scripts_own_affair(coral: Program) -> None:
    coral.script("let = ;", "lib.ts")
    script = coral.script('try { await import("./lib.ts"); } catch { console.log("caught"); }\nDeno.exit(1);')
    ended = coral.run("run", script)
    assert (ended.code, ended.stdout, ended.stderr) == (1, "caught\n", "")


def test_a_type_error_counts_only_with_check(coral: Program) -> None:
    script = coral.script('const n: number = "x";\nconsole.log(n);\n')
    assert coral.run("run", script).stdout == "x\n"
    ended = coral.run("run", script, "--check")
    assert (ended.code, ended.stdout) == (79, "")
    assert "TS2322" in ended.stderr
    assert f"at file://{os.path.realpath(script)}:1:7" in ended.stderr
    assert ended.stderr.endswith(
        "error: script.ts has type errors\nhint: correct them, or run it with --no-check\n"
    )


def test_check_knows_the_types_of_the_sdk(coral: Program) -> None:
    good = coral.script(SDK + "const mode: string | undefined = coral.mode;\nconsole.log(mode);\n", "good.ts")
    ended = coral.run("run", "--check", good)
    assert (ended.code, ended.stdout, ended.stderr) == (0, "cli\n", "")
    bad = coral.script(SDK + "coral.nope();\n", "bad.ts")
    ended = coral.run("run", "--check", bad)
    assert (ended.code, ended.stdout) == (79, "")
    assert "bad.ts:2:7" in ended.stderr


def test_check_of_a_script_with_a_syntax_error(coral: Program) -> None:
    ended = coral.run("run", "--check", coral.script("const = 1;"))
    assert ended.code == 65


def test_an_unreachable_colony(coral: Program) -> None:
    script = coral.script(SDK + 'console.log("before");\nconsole.log(await coral.services.list());\n')
    ended = coral.run("run", script, "--colony", NOWHERE)
    assert (ended.code, ended.stdout) == (69, "before\n")
    first, second = ended.stderr.splitlines()
    assert first.startswith("error: ")
    assert NOWHERE in first
    assert second.startswith("hint: ")


def test_an_unreachable_colony_in_a_promise_nobody_waits_for(coral: Program) -> None:
    script = coral.script(SDK + "setTimeout(() => coral.services.list(), 1);\nsetInterval(() => {}, 1000);\n")
    assert coral.run("run", script).code == 69


def test_an_unreachable_colony_can_be_caught(coral: Program) -> None:
    script = coral.script(
        SDK + "try { await coral.services.list(); } catch (error) { console.log(error.name, error.reason); }"
    )
    ended = coral.run("run", script)
    assert (ended.code, ended.stdout, ended.stderr) == (0, "CoralError UNREACHABLE\n", "")


def test_a_scripts_own_handler_of_unhandled_errors_comes_first(coral: Program) -> None:
    script = coral.script(
        SDK
        + 'addEventListener("unhandledrejection", (event) => {\n'
        + '  console.log("mine", event.reason.reason); event.preventDefault(); Deno.exit(4); });\n'
        + "coral.services.list();\nsetInterval(() => {}, 1000);\n"
    )
    ended = coral.run("run", script)
    assert (ended.code, ended.stdout, ended.stderr) == (4, "mine UNREACHABLE\n", "")
