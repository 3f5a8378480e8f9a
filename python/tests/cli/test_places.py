"""What is wrong with the place and not with Coral: a full disk, a folder that is gone, a damaged Deno."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runner.program import DEADLINE_SECONDS, Program

FULL = "/dev/full"
pytestmark = pytest.mark.skipif(not os.path.exists(FULL), reason="this system has no /dev/full")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        ["run", "SCRIPT", "--dry-run"],
        ["run", "SCRIPT", "--help-script"],
        ["run", "SCRIPT", "-o", "json"],
        ["doctor"],
        ["examples", "list"],
    ],
    ids=" ".join,
)
def test_no_space_for_the_output(coral: Program, arguments: list[str]) -> None:
    script = coral.script("/** Says. */\nexport default 1;\n")
    with open(FULL, "wb") as full:
        ended = subprocess.run(
            coral.command(*[script if word == "SCRIPT" else word for word in arguments]),
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            env=coral.environment,
            cwd=coral.home,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
    said = ended.stderr.decode()
    assert ended.returncode == 74, said
    assert "No space left on device" in said
    assert "hint: free some space" in said
    assert "Coral failed" not in said
    assert "Exception ignored" not in said


@pytest.mark.parametrize("options", [[], ["--check"], ["-o", "json"], ["--html", "r.html"]], ids=" ".join)
def test_files_of_coral_that_may_not_grow(coral: Program, options: list[str]) -> None:
    limited = f"ulimit -f 0; exec {' '.join(coral.command('run', '-e', '1', *options))}"
    ended = subprocess.run(
        ["/bin/sh", "-c", limited],
        capture_output=True,
        env=coral.environment,
        cwd=coral.home,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert ended.returncode in (0, 74), ended.stderr
    assert b"Coral failed" not in ended.stderr


def test_a_folder_that_is_gone(coral: Program) -> None:
    script = coral.script("console.log(1);")
    gone = coral.home / "gone"
    for name in (script, "a.ts"):
        gone.mkdir()
        command = f"cd gone && rmdir ../gone && exec {' '.join(coral.command('run', name))}"
        ended = subprocess.run(
            ["/bin/sh", "-c", command],
            capture_output=True,
            env={**coral.environment, "PYTHONSAFEPATH": "1"},
            cwd=coral.home,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        assert ended.returncode == 66, ended.stderr
        assert ended.stderr == (
            b"error: the current directory does not exist any more\nhint: change to another one\n"
        )


def test_a_damaged_deno_says_how_it_is_mended(coral: Program, tmp_path: Path) -> None:
    damaged = tmp_path / "deno"
    damaged.write_bytes(b"\x7fELF" + bytes(1000))
    damaged.chmod(0o755)
    code = (
        "from coral.runner.process import run_child\n"
        "from coral.errors import RuntimeMissingError\n"
        f"try: run_child([{str(damaged)!r}], {{}}, None)\n"
        "except RuntimeMissingError as error: print(error.message, error.hint, sep='\\n')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=coral.environment, check=True, text=True
    )
    assert ended.stdout == (
        f"{damaged} cannot be started: Exec format error\n"
        "it is damaged: remove it, and the next run unpacks it again\n"
    )
