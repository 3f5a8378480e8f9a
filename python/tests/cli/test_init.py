"""`coral init`: what it writes, what it keeps, and that an editor knows the SDK afterwards."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from coral.runner import places
from tests.cli.language_server import LanguageServer
from tests.cli.test_commands import error
from tests.runner.program import Program, Result

NEXT = """
Next:
{enter}  coral demo                   # in another terminal: services to look at
  coral run --watch first.ts   # runs again whenever you save it
  coral new --list             # more to begin with
VS Code: accept the recommended extension (Deno). Other editors: their Deno or TypeScript plugin.
"""
FILES = ("deno.json", "tsconfig.json", ".vscode/settings.json", ".vscode/extensions.json", "first.ts")


def told(word: str, below: str = "", note: str = "") -> str:
    return "".join(f"{word:<9}  {below}{name}{note}\n" for name in FILES)


def test_a_fresh_folder(coral: Program) -> None:
    assert coral.run("init", "scripts") == Result(
        0, told("wrote", "scripts/") + NEXT.format(enter="  cd scripts\n"), ""
    )
    folder = coral.home / "scripts"
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert written == set(FILES)
    assert json.loads((folder / "deno.json").read_text())["imports"] == {
        "@coral/sdk": Path(places.sdk_types()).as_uri(),
        "@coral/sdk/skills": Path(places.sdk_types()).with_name("skills.d.ts").as_uri(),
    }
    assert (folder / "first.ts").stat().st_mode & 0o777 == 0o644


def test_what_is_there_is_kept(coral: Program) -> None:
    coral.run("init")
    assert coral.run("init") == Result(0, told("unchanged") + NEXT.format(enter=""), "")
    for name in FILES:
        (coral.home / name).write_text("mine")
    kept = coral.run("init")
    assert (kept.code, kept.stderr) == (0, "")
    types = Path(places.sdk_types()).parent.as_uri()
    assert kept.stdout == (
        told("kept", note="  (it was there; --force replaces it)")
        + "\nFor completions in your editor, deno.json needs this:\n"
        + f'  "imports": {{"@coral/sdk": "{types}/mod.d.ts", "@coral/sdk/skills": "{types}/skills.d.ts"}}\n'
        + NEXT.format(enter="")
    )
    assert {(coral.home / name).read_text() for name in FILES} == {"mine"}
    assert coral.run("init", "--force") == Result(0, told("replaced") + NEXT.format(enter=""), "")
    assert "mine" not in {(coral.home / name).read_text() for name in FILES}


def test_a_link_is_replaced_and_not_followed(coral: Program) -> None:
    other = coral.home / "other.ts"
    other.write_text("precious")
    (coral.home / "first.ts").symlink_to(other)
    assert "kept       first.ts" in coral.run("init").stdout
    assert "replaced   first.ts" in coral.run("init", "--force").stdout
    assert other.read_text() == "precious"
    assert not (coral.home / "first.ts").is_symlink()


def test_what_is_no_file_is_kept_and_not_waited_for(coral: Program) -> None:
    os.mkfifo(coral.home / "deno.json")
    (coral.home / "tsconfig.json").touch()
    os.truncate(coral.home / "tsconfig.json", 50_000_000_000)  # it takes no room on disk
    (coral.home / "first.ts").symlink_to("/dev/zero")
    ended = coral.run("init")
    assert (ended.code, ended.stderr) == (0, "")
    kept = [line.split()[1] for line in ended.stdout.splitlines() if line.startswith("kept")]
    assert kept == ["deno.json", "tsconfig.json", "first.ts"]
    assert "deno.json needs this" in ended.stdout


def test_where_nothing_can_be_made(coral: Program) -> None:
    (coral.home / "file").write_text("")
    assert coral.run("init", "file") == error(
        2, "file is a file, expected a folder", "coral init makes a folder"
    )
    ended = coral.run("init", "/proc/here")
    assert (ended.code, ended.stdout) == (74, "")
    assert ended.stderr.startswith("error: /proc/here/deno.json cannot be written: ")


def test_the_first_script_passes_the_check_and_runs(coral: Program) -> None:
    coral.run("init")
    ended = coral.run("run", "--check", "first.ts")
    assert ended.code == 69, ended  # its types fit; nothing answers at the address of these tests
    assert "127.0.0.1:9" in ended.stderr


def test_an_editor_completes_coral(coral: Program, cache: Path) -> None:
    coral.run("init")
    folder = coral.home
    deno = json.loads((folder / ".vscode/settings.json").read_text())["deno.path"]
    script = folder / "mine.ts"
    text = 'import * as coral from "@coral/sdk";\ncoral.\nconst one = await coral.services.get("a");\none.\n'
    environment = {**coral.environment, "DENO_DIR": str(folder / "editor"), "DENO_NO_UPDATE_CHECK": "1"}
    with LanguageServer(deno, folder, environment) as server:
        server.open(script, text)
        names = server.completions(script, 1, 6)
        exported = (Path(places.sdk_types()).parent / "mod.d.ts").read_text()
        modules = set(re.findall(r"^export \* as (\w+)", exported, re.MULTILINE))
        assert modules >= {"services", "metrics", "traces", "logs", "db"}
        assert names >= modules | {"params", "defineParams", "output", "assert", "threshold", "CoralError"}
        assert server.completions(script, 3, 4) >= {"name", "metrics", "traces", "logs"}
        # `get` in line 2, with its documentation.
        assert "The handle of one service." in server.hover(script, 2, 34)


def test_a_hostile_deno_json_changes_nothing_for_a_run(coral: Program) -> None:
    coral.run("init")
    (coral.home / "deno.json").write_text(
        '{"imports": {"@coral/sdk": "data:text/javascript,console.log(666)"}}'
    )
    script = coral.home / "mode.ts"
    script.write_text('import * as coral from "@coral/sdk"; console.log(coral.mode);')
    assert coral.run("run", "mode.ts") == Result(0, "cli\n", "")
