"""What a script must not be able to do, tried with the real Deno."""

from __future__ import annotations

import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runner.program import Program, deno_below, finish, first_line

SDK = 'import "@coral/sdk";\n'


@pytest.mark.parametrize(
    "statement",
    [
        'import secret from "{outside}/secret.txt" with {{ type: "text" }}; console.log(secret);',
        'import secret from "file://{outside}/secret.txt" with {{ type: "text" }}; console.log(secret);',
        'import secret from "FILE:{outside}/secret.txt" with {{ type: "text" }}; console.log(secret);',
        'import secret from "file://localhost{outside}/secret.txt" with {{ type: "text" }}; console.log(secret);',
        'import secret from "../outside/secret.txt" with {{ type: "text" }}; console.log(secret);',
        'import secret from "./..%2foutside/secret.txt" with {{ type: "text" }}; console.log(secret);',
        'import secret from "./../outside//secret.txt" with {{ type: "text" }}; console.log(secret);',
        'import secret from "{outside}/secret.json" with {{ type: "json" }}; console.log(secret);',
        'import "{outside}/secret.ts";',
        'import "{outside}/secret.cjs";',
        'export * from "data:text/javascript,import%20%22{outside}/secret.ts%22";',
        'const m = await import("{outside}/secret.ts"); console.log(m);',
        'const p = "{outside}/" + "secret.ts"; console.log(await import(p));',
        'new Worker("file://{outside}/secret.ts", {{ type: "module" }});',
    ],
)
def test_files_outside_are_not_imported(coral: Program, statement: str) -> None:
    outside = coral.home / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("SECRET")
    (outside / "secret.json").write_text('"SECRET"')
    (outside / "secret.ts").write_text('console.log("SECRET");')
    (outside / "secret.cjs").write_text('console.log("SECRET");')
    ended = coral.run("run", coral.script(statement.format(outside=outside.resolve())))
    assert ended.code != 0
    assert "SECRET" not in ended.stdout + ended.stderr


def test_a_refused_import_is_named_with_a_hint_and_a_code_of_its_own(coral: Program) -> None:
    ended = coral.run("run", coral.script('import text from "/etc/hosts" with { type: "text" };'))
    assert ended.code == 77
    assert ended.stdout == ""
    place = os.path.realpath(coral.home / "scripts" / "script.ts")
    assert ended.stderr == (
        "error: script.ts imports /etc/hosts, which is outside its folder\n"
        f"    at file://{place}:1:18\n"
        "hint: scripts may import @coral/sdk and files below their own folder\n"
    )


@pytest.mark.parametrize(
    ("specifier", "what", "hint"),
    [
        ("https://127.0.0.1:1/x.ts", "https://127.0.0.1:1/x.ts", "nothing is loaded from the network"),
        ("npm:chalk", "the package npm:chalk", "packages do not come with Coral; there are @coral/sdk and "),
        ("jsr:@std/path", "the package jsr:@std/path", "packages do not come with Coral"),
    ],
)
def test_nothing_is_imported_from_the_network(coral: Program, specifier: str, what: str, hint: str) -> None:
    ended = coral.run("run", coral.script(f'import "{specifier}";'))
    assert (ended.code, ended.stdout) == (77, "")
    assert ended.stderr.startswith(f"error: script.ts imports {what}\n    at file://")
    assert f"\nhint: {hint}" in ended.stderr


@pytest.mark.parametrize(
    ("statement", "hint"),
    [
        ('Deno.readTextFileSync("/etc/hosts")', "scripts may read files below their own folder only"),
        ('Deno.writeTextFileSync("x", "y")', "scripts may not write files"),
        ('Deno.env.get("HOME")', "scripts see no environment variables"),
        ('new Deno.Command("ls").outputSync()', "scripts may not start programs"),
        ("Deno.hostname()", "scripts may not ask about the operating system"),
        (
            'await Deno.connect({ port: 10, hostname: "127.0.0.1" })',
            "scripts may connect to their colony only",
        ),
        ('await fetch("http://127.0.0.1:10/")', "scripts may connect to their colony only"),
        ('Deno.dlopen("/lib/x.so", {})', "scripts may not load native libraries"),
    ],
)
def test_a_denied_permission_is_worded_for_people(coral: Program, statement: str, hint: str) -> None:
    ended = coral.run("run", coral.script(f"{SDK}\n{statement};"))
    assert ended.code == 77
    assert ended.stdout == ""
    assert ended.stderr.startswith("error: NotCapable: Requires ")
    assert "script.ts:3:" in ended.stderr
    assert f"\nhint: {hint}" in ended.stderr
    assert "--allow" not in ended.stderr


def test_a_denied_permission_can_be_caught(coral: Program) -> None:
    script = coral.script(
        SDK + 'try { Deno.readTextFileSync("/etc/hosts"); } catch (error) { console.log(error.name); }'
    )
    assert coral.run("run", script).stdout == "NotCapable\n"


@pytest.fixture
def server() -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"here")

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening.server_address[1]
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("colony", "code"), [("127.0.0.1:{0}", 0), ("localhost:{0}", 0), ("127.0.0.1:9", 77)]
)
def test_only_the_colony_can_be_reached(coral: Program, server: int, colony: str, code: int) -> None:
    script = coral.script(
        f'const answer = await fetch("http://127.0.0.1:{server}/"); console.log(await answer.text());'
    )
    ended = coral.run("run", script, "--colony", colony.format(server))
    assert (ended.code, ended.stdout) == (code, "here\n" if code == 0 else "")


def test_nothing_is_stored_on_disk(coral: Program, cache: Path) -> None:
    script = coral.script(
        'try { localStorage.setItem("a", "b"); console.log("stored"); } catch { console.log("no"); }\n'
        'try { await caches.open("a"); console.log("stored"); } catch { console.log("no"); }'
    )
    assert coral.run("run", script).stdout == "no\nno\n"
    stoppers = list(cache.glob("deno-dir/*/location_data"))  # one for each place of the SDK
    assert stoppers
    assert {stopper.stat().st_size for stopper in stoppers} == {0}


def test_files_beside_the_script_do_not_change_what_runs(coral: Program) -> None:
    coral.script(
        '{"imports": {"@coral/sdk": "./fake.ts"}, "permissions": {"default": {"read": true}}}', "deno.json"
    )
    coral.script('{"dependencies": {"chalk": "1"}}', "package.json")
    coral.script("registry=http://127.0.0.1:1/", ".npmrc")
    coral.script("export const mode = 'fake';", "fake.ts")
    script = coral.script('import * as coral from "@coral/sdk"; console.log(coral.mode);')
    ended = coral.run("run", script)
    assert (ended.code, ended.stdout, ended.stderr) == (0, "cli\n", "")


def test_the_token_is_not_on_the_command_line_and_not_for_others(coral: Program, tmp_path: Path) -> None:
    token = "corals_" + "t" * 40
    (tmp_path / "token").write_text(token)
    script = coral.script(SDK + 'console.log("up"); setInterval(() => {}, 1000);')
    process = coral.start("run", script, "--colony", "127.0.0.1:9", "--token-file", str(tmp_path / "token"))
    assert first_line(process) == "up"
    deno = deno_below(process)
    words, environ = " ".join(deno.cmdline()), Path(f"/proc/{deno.pid}/environ")
    readable, text = environ.stat().st_mode & 0o077, environ.read_text()
    process.terminate()
    finish(process)
    assert token not in words
    assert token in text
    assert readable == 0


def test_much_is_handed_over_by_private_files(coral: Program, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "params.json").write_text(json.dumps({"long": "x" * 300_000}))
    script = coral.script(
        'import * as coral from "@coral/sdk"; console.log(coral.params.long.length);'
        "for (let i = 0; i < 3000; i++) Deno.statSync(new URL(`./many/${i}.ts`, import.meta.url));"
    )
    many = Path(script).parent / "many"
    many.mkdir()
    (many / ".hidden").touch()  # so that each of the others is named
    for number in range(3000):
        (many / f"{number}.ts").touch()
    ended = coral.run("run", script, "--param-file", str(tmp_path / "params.json"))
    assert (ended.code, ended.stdout, ended.stderr) == (0, "300000\n", "")
    for folder in (cache / "runs").iterdir():
        assert folder.stat().st_mode & 0o777 == 0o700
        assert not {"connection.json", "import_map.json"} & {entry.name for entry in folder.iterdir()}


def test_a_bare_name_is_a_package(coral: Program) -> None:
    ended = coral.run("run", coral.script('import { assert } from "@std/assert"; assert(true);'))
    assert (ended.code, ended.stdout) == (77, "")
    assert ended.stderr.startswith("error: script.ts imports the package @std/assert\n    at file://")
    assert "\nhint: packages do not come" in ended.stderr
