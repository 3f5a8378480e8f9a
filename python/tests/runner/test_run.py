"""`coral run` with the real Deno: what goes in and what comes out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runner.program import Program, Result, deno_below, finish, first_line

SDK = 'import * as coral from "@coral/sdk";\n'


@pytest.mark.parametrize("code", [0, 1, 3, 42, 124, 255])
def test_the_exit_code_is_passed_on(coral: Program, code: int) -> None:
    script = coral.script(f"Deno.exit({code});")
    assert coral.run("run", script) == Result(code, "", "")


def test_stdout_and_stderr_are_not_touched(coral: Program) -> None:
    script = coral.script(
        "const bytes = new Uint8Array(256 * 400).map((_, i) => i);\n"
        "Deno.stdout.writeSync(bytes.subarray(0, 1000));\n"
        "let done = 1000; while (done < bytes.length) done += Deno.stdout.writeSync(bytes.subarray(done));\n"
        "Deno.stderr.writeSync(new Uint8Array([0, 27, 255, 13, 10]));\n"
    )
    ended = coral.raw("run", script)
    assert ended.returncode == 0
    assert ended.stdout == bytes(range(256)) * 400
    assert ended.stderr == b"\x00\x1b\xff\r\n"


def test_output_streams_while_the_script_runs(coral: Program) -> None:
    process = coral.start("run", coral.script('console.log("first"); setInterval(() => {}, 1000);'))
    assert first_line(process) == "first"
    process.terminate()
    assert finish(process).code == 143


def test_stdin_reaches_the_script(coral: Program) -> None:
    script = coral.script("console.log((await new Response(Deno.stdin.readable).text()).toUpperCase());")
    assert coral.run("run", script, stdin=b"hello").stdout == "HELLO\n"


def test_params_have_their_types(coral: Program) -> None:
    script = coral.script(SDK + "console.log(JSON.stringify(coral.params));")
    options = ["threshold=500", "ratio=0.5", "on=true", "off=false", "none=null", "who=payments", "empty="]
    options += ["list=[1,2]", 'map={"a":"b"}', 'quoted="7"', "window=5m", "id=12345678901234567890", "eq=a=b"]
    options += ["ü=日本\u2028", "open={", "cut=[1,"]
    ended = coral.run("run", script, *[word for option in options for word in ("-p", option)])
    assert ended == Result(
        0,
        '{"threshold":500,"ratio":0.5,"on":true,"off":false,"none":null,"who":"payments","empty":"",'
        '"list":[1,2],"map":{"a":"b"},"quoted":"7","window":"5m","id":"12345678901234567890","eq":"a=b",'
        '"ü":"日本\u2028","open":"{","cut":"[1,"}\n',
        "",
    )


def test_what_stands_after_the_dashes_is_deno_args(coral: Program) -> None:
    script = coral.script("console.log(JSON.stringify(Deno.args));")
    ended = coral.run("run", script, "--timeout", "30s", "--", "-A", "--allow-all", "--", "--colony", "x y")
    assert ended == Result(0, '["-A","--allow-all","--","--colony","x y"]\n', "")


def test_the_mode_is_cli_also_in_a_worker(coral: Program) -> None:
    coral.script(SDK + "postMessage([coral.mode, coral.params]);", "worker.ts")
    script = coral.script(
        SDK
        + 'const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });\n'
        + "worker.onmessage = (event) => {\n"
        + "  console.log(JSON.stringify([coral.mode, ...event.data])); worker.terminate(); };"
    )
    assert coral.run("run", script, "-p", "a=1") == Result(0, '["cli","cli",{"a":1}]\n', "")


def test_scripts_import_files_below_their_folder(coral: Program) -> None:
    coral.script("export const two: number = 2;", "lib/two.ts")
    script = coral.script(
        'import { two } from "./lib/two.ts";\nconst name = "./lib/" + "two.ts";\n'
        "console.log(two, (await import(name)).two, import.meta.main);"
    )
    assert coral.run("run", script) == Result(0, "2 2 true\n", "")


@pytest.mark.parametrize(
    "folder", ["with space", "a#b?c%41", "ünï日本", "[x]{y}'z'", 'back\\slash^|`"<>', "-A"]
)
def test_any_folder_name_works(coral: Program, folder: str) -> None:
    coral.script("export const x = 1;", f"{folder}/lib.ts")
    script = coral.script(
        'import { x } from "./lib.ts"; const read = new URL("./lib.ts", import.meta.url);\n'
        "console.log(x, Deno.readTextFileSync(read).length);",
        f"{folder}/main.ts",
    )
    assert coral.run("run", script) == Result(0, "1 19\n", "")


def test_a_folder_with_a_comma_is_refused(coral: Program) -> None:
    ended = coral.run("run", coral.script("", "a,b/main.ts"))
    assert ended.code == 2
    assert "comma" in ended.stderr


def test_a_linked_script_runs_where_it_really_is(coral: Program) -> None:
    coral.script("export const x = 1;", "real/lib.ts")
    script = coral.script('import { x } from "./lib.ts"; console.log(x);', "real/main.ts")
    link = coral.home / "link.ts"
    link.symlink_to(script)
    assert coral.run("run", str(link)) == Result(0, "1\n", "")


def test_an_uncaught_error_shows_the_users_own_line(coral: Program) -> None:
    script = coral.script('const a = 1;\n\nthrow new Error("boom");\n')
    ended = coral.run("run", script)
    assert ended.code == 1
    assert ended.stdout == ""
    assert f"at file://{os.path.realpath(script)}:3:7" in ended.stderr
    assert "boom" in ended.stderr
    assert "\x1b" not in ended.stderr


def test_the_environment_is_an_allow_list(coral: Program) -> None:
    process = coral.start(
        "run",
        coral.script('console.log("up"); setInterval(() => {}, 1000);'),
        SECRET="x",
        DENO_V8_FLAGS="--max-old-space-size=1",
        OTEL_DENO="true",
        HTTP_PROXY="http://127.0.0.1:1",
        SSLKEYLOGFILE="/tmp/keys",
        LD_LIBRARY_PATH="/nowhere",
    )
    assert first_line(process) == "up"
    names = set(deno_below(process).environ())
    process.terminate()
    finish(process)
    own = {
        "DENO_DIR",
        "DENO_NO_UPDATE_CHECK",
        "DENO_EMIT_CACHE_MODE",
        "DENO_LOG",
        "NO_COLOR",
        "VK_DRIVER_FILES",
        "VK_ICD_FILENAMES",
        "CORAL_CONNECTION",
    }
    assert names == {"PATH", "LANG", *own}


def test_no_descriptor_leaks_into_the_script(coral: Program, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    with secret.open() as file:
        process = coral.start(
            "run", coral.script('console.log("up"); setInterval(() => {}, 1000);'), pass_fds=(file.fileno(),)
        )
        assert first_line(process) == "up"
        links = [os.readlink(fd) for fd in Path(f"/proc/{deno_below(process).pid}/fd").iterdir()]
        process.terminate()
        finish(process)
    assert str(secret) not in links
    assert not [link for link in links if "/runs/" in link]


def test_the_short_way_imports_nothing_heavy(coral: Program) -> None:
    script = coral.script(SDK + "console.log(1);")
    assert coral.run("run", script).code == 0  # unpacks Deno where this is the first test
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "coral", "run", script, "-p", "a=[1]"],
        capture_output=True,
        text=True,
        env=coral.environment,
        timeout=60,
        check=True,
    )
    imported = set(re.findall(r"^import time:.*\| +(\S+)$", ended.stderr, re.MULTILINE))
    assert "coral.run_path" in imported
    assert "coral.cli.main" not in imported
    heavy = {"click", "grpc", "duckdb", "pyarrow", "google.protobuf", "yaml", "zstandard", "filelock"}
    slow = {"json", "pathlib", "subprocess", "dataclasses", "tempfile"}
    assert not imported & (heavy | slow)


def test_runs_leave_nothing_behind(coral: Program, cache: Path) -> None:
    script = coral.script(SDK + "console.log(1);")
    for _ in range(3):
        assert coral.run("run", script).code == 0
        assert coral.run("run", "-e", "1").code == 0
    left = [path.name for path in (cache / "runs").rglob("*") if path.is_file()]
    assert set(left) == {"lock"}


def test_runs_at_the_same_time_do_not_mix(coral: Program) -> None:
    script = coral.script(SDK + "await new Promise((r) => setTimeout(r, 200)); console.log(coral.params.n);")
    processes = [coral.start("run", script, "-p", f"n={n}") for n in range(8)]
    assert [finish(process) for process in processes] == [Result(0, f"{n}\n", "") for n in range(8)]


def test_a_run_cannot_read_what_a_killed_one_left(coral: Program, cache: Path) -> None:
    for _ in range(2):  # where several are free the first is taken
        for slot in [cache / "runs" / "0", *(cache / "runs").glob("*")]:
            (slot / "source").mkdir(parents=True, exist_ok=True, mode=0o700)
            for name in ("connection.json", "source/stdin.ts"):
                (slot / name).write_text("left")
        code = (
            'for (const name of ["../connection.json", "stdin.ts"]) {'
            "  try { console.log(Deno.readTextFileSync(new URL(name, import.meta.url))); }"
            "  catch (error) { console.log(error.name); }"
            "}"
        )
        assert coral.run("run", "-e", code).stdout == "NotFound\nNotFound\n"
    for left in (cache / "runs").rglob("*"):
        if left.is_file() and left.name != "lock":
            left.unlink()
