"""`coral cache`: what is shown, what is removed, and what stays because something uses it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.runner.program import NOWHERE, Program, deno_below
from tests.runner.test_binary import wheel_like

__all__ = ["wheel_like"]


@pytest.fixture
def used(wheel_like: Path, tmp_path: Path) -> Program:
    """A program of a wheel, whose cache holds an old Deno and leftovers as well."""
    program = Program(tmp_path, tmp_path / "cache")
    (tmp_path / "tmp").mkdir()
    program.environment["PYTHONPATH"] = os.pathsep.join([str(wheel_like.parent), *sys.path])
    program.environment["TMPDIR"] = str(tmp_path / "tmp")
    assert program.run("run", program.script("")).code == 0
    denos = tmp_path / "cache" / "deno"
    old = denos / "2.0.0-0123456789ab"
    old.mkdir()
    (old / "deno").write_bytes(b"x" * 3 * 1024**2)
    (denos / "2.0.0-0123456789ab.lock").touch()
    (denos / "1.0.0-0123456789ab.lock").touch()
    (current,) = [path for path in denos.iterdir() if path.is_dir() and path != old]
    (current / ".unpack-killed").write_bytes(b"x" * 1024**2)
    return program


def test_what_is_old_is_shown_and_removed(used: Program, tmp_path: Path) -> None:
    denos = tmp_path / "cache" / "deno"
    listed = json.loads(used.run("cache", "show", "--json").stdout)
    old = {
        str(denos / "1.0.0-0123456789ab.lock"),
        str(denos / "2.0.0-0123456789ab"),
    }
    leftovers = {each["path"] for each in listed if each["what"] == "leftover of unpacking"}
    assert {each["path"] for each in listed if each["old"]} == old | leftovers
    assert len(leftovers) == 1
    shown = used.run("cache", "show")
    assert (shown.code, shown.stderr) == (0, "")
    assert shown.stdout.endswith("  in all; coral cache prune frees 4.0 MiB\n")

    said = (
        f"{{}} {denos}/1.0.0-0123456789ab.lock (0.0 KiB)\n"
        f"{{}} {denos}/2.0.0-0123456789ab (3.0 MiB)\n"
        f"{{}} {leftovers.pop()} (1.0 MiB)\n"
    )
    dry = used.run("cache", "prune", "--dry-run")
    would = "would remove"
    assert (dry.code, dry.stdout) == (0, said.format(would, would, would) + "would free 4.0 MiB\n")
    assert (denos / "2.0.0-0123456789ab").exists()
    pruned = used.run("cache", "prune")
    gone = "removed"
    assert (pruned.code, pruned.stdout) == (0, said.format(gone, gone, gone) + "freed 4.0 MiB\n")
    assert not (denos / "2.0.0-0123456789ab").exists()
    again = used.run("cache", "prune").stdout
    assert again == f"removed {denos}/2.0.0-0123456789ab.lock (0.0 KiB)\nfreed 0.0 KiB\n"
    assert used.run("cache", "prune").stdout == "freed 0.0 KiB\n"
    # What is needed is still there: nothing is unpacked again.
    assert used.run("run", used.script("")).stderr == ""


def test_all_is_removed_unless_a_script_runs(used: Program, tmp_path: Path) -> None:
    assert used.run("run", "-e", "1").code == 0  # which needs a folder
    running = used.start("run", used.script("await new Promise((r) => setTimeout(r, 50000));"))
    deno_below(running)
    kept = used.run("cache", "prune", "--all").stdout.splitlines()
    assert [line for line in kept if line.endswith(": it is in use")] == [
        line for line in kept if line.startswith("kept ")
    ]
    assert len([line for line in kept if line.startswith("kept ")]) >= 2
    running.terminate()
    running.communicate()
    ended = used.run("cache", "prune", "--all")
    assert (ended.code, ended.stderr) == (0, "")
    assert "kept" not in ended.stdout
    left = json.loads(used.run("cache", "show", "--json").stdout)
    assert [each["what"] for each in left if not each["path"].endswith(".lock")] == ["folders of runs"]
    again = used.run("run", used.script("console.log(1)"), CORAL_COLONY=NOWHERE)
    assert (again.code, again.stdout) == (0, "1\n")
    assert again.stderr.startswith("coral: first run, unpacking Deno ")
