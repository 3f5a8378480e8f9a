"""What lies in the cache for a head start: damaged, foreign, in the way, in use, too much of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from coral.runner import head_start_file
from coral.runner.head_start import HeadStart
from tests.runner.installed import Installed, installed
from tests.runner.program import first_line, until

__all__ = ["installed"]

if sys.platform != "linux":
    pytest.skip("only Linux has the program", allow_module_level=True)

_SCRIPT = "console.log(Deno.pid, 'done');"


def _cut(plan: Path) -> None:
    os.truncate(plan, plan.stat().st_size // 2)


def _spoil(plan: Path) -> None:
    plan.write_bytes(bytes(reversed(plan.read_bytes())))


def _open_to_others(plan: Path) -> None:
    plan.chmod(0o644)


def _link(plan: Path) -> None:
    plan.rename(plan.with_suffix(".moved"))
    plan.symlink_to(plan.with_suffix(".moved"))


def _enlarge(plan: Path) -> None:
    os.truncate(plan, 2 << 20)


def _close_the_gate(plan: Path) -> None:
    gate = plan.with_suffix(".gate")
    gate.unlink()
    gate.write_text("no pipe")
    gate.chmod(0o600)


def _link_the_gate(plan: Path) -> None:
    gate = plan.with_suffix(".gate")
    gate.unlink()
    gate.symlink_to("/etc/passwd")


def _pipe(plan: Path) -> None:
    plan.unlink()
    os.mkfifo(plan, 0o600)


def _take_the_gate_away(plan: Path) -> None:
    plan.with_suffix(".gate").unlink()


@pytest.mark.parametrize(
    "damage",
    [
        _cut,
        _spoil,
        _open_to_others,
        _link,
        _enlarge,
        _pipe,
        _close_the_gate,
        _link_the_gate,
        _take_the_gate_away,
    ],
)
def test_a_damaged_plan_does_no_harm(installed: Installed, damage: object) -> None:
    script = installed.script(_SCRIPT)
    installed.run("run", script)
    (plan,) = installed.plans()
    assert callable(damage)
    damage(plan)
    ended = installed.run("run", script)
    assert (ended.code, ended.stdout.split()[1], ended.stderr) == (0, "done", "")
    assert installed.early() == []
    again = installed.run("run", script)
    assert [int(again.stdout.split()[0])] == installed.early(), "it is mended"


def test_a_gate_that_is_a_link_opens_nothing(installed: Installed) -> None:
    """Somebody else's folder could hold one; here it is made so, and the script asks for it by name."""
    script = installed.script(
        "const name = Deno.readTextFileSync(new URL('name', import.meta.url));"
        "console.log(Deno.readTextFileSync(name));"
    )
    name = Path(script).with_name("name")
    name.write_text("/nonexistent")
    installed.run("run", script)
    gate = installed.plans()[0].with_suffix(".gate")
    name.write_text(str(gate))
    (installed.home / "secret").write_text("SECRET")
    for plan in installed.plans():
        plan.unlink()
    gate.unlink()
    gate.symlink_to(installed.home / "secret")
    ended = installed.run("run", script, "--timeout", "1s")
    assert "SECRET" not in ended.stdout + ended.stderr


@pytest.mark.parametrize("base", ["c,d", "scripts/cache"])
def test_a_gate_that_deno_could_not_be_given(installed: Installed, base: str) -> None:
    """A comma in its path, or in the script's own folder: such runs do without."""
    script = installed.script(_SCRIPT)
    for _ in range(4):
        ended = installed.run("run", script, CORAL_CACHE_DIR=str(installed.home / base))
        assert (ended.code, ended.stdout.split()[1:]) == (0, ["done"]), ended
    assert installed.early() == []


def test_a_script_in_the_home_folder(installed: Installed) -> None:
    """The cache is below it then, in a hidden folder."""
    base = installed.home / ".cache" / "coral"
    script = installed.home / "script.ts"
    script.write_text(_SCRIPT)
    for turn in range(3):
        ended = installed.run("run", str(script), CORAL_CACHE_DIR=str(base))
        assert (ended.code, ended.stderr if turn else "") == (0, ""), ended
    assert [int(ended.stdout.split()[0])] == installed.early()


def _open_folder(starts: Path) -> None:
    starts.mkdir(parents=True)
    starts.chmod(0o777)


def _linked_folder(starts: Path) -> None:
    starts.parent.mkdir()
    elsewhere = starts.parent.parent / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    starts.symlink_to(elsewhere)


def _file(starts: Path) -> None:
    starts.parent.mkdir()
    starts.write_text("")


def _give_away(folder: Path) -> None:
    try:
        os.chown(folder, 65534, 65534)
    except OSError as error:  # an ordinary user, or a namespace that has no other
        pytest.skip(f"no folder can be given away here: {error}")


def _foreign_folder(starts: Path) -> None:
    starts.mkdir(parents=True, mode=0o700)
    _give_away(starts)


@pytest.mark.parametrize("make", [_open_folder, _linked_folder, _file, _foreign_folder])
def test_a_folder_that_is_not_ours_alone(installed: Installed, make: object) -> None:
    base = installed.home / "base"
    assert callable(make)
    make(base / "starts")
    script = installed.script(_SCRIPT)
    for _ in range(2):
        ended = installed.run("run", script, CORAL_CACHE_DIR=str(base))
        assert (ended.code, ended.stdout.split()[1:]) == (0, ["done"])
    assert installed.early() == []
    assert not (base / "starts").is_dir() or os.listdir(base / "starts") == []


def test_a_base_of_somebody_else(installed: Installed) -> None:
    base = installed.home / "base"
    base.mkdir()
    _give_away(base)
    script = installed.script(_SCRIPT)
    for _ in range(2):
        assert installed.run("run", script, CORAL_CACHE_DIR=str(base)).code == 0
    assert (installed.early(), os.listdir(base)) == ([], [])


def test_a_first_run_holds_the_gate_that_it_may_read(installed: Installed) -> None:
    """Else its script could read what the next one is told."""
    script = installed.script("console.log(Deno.pid); await new Promise((end) => setTimeout(end, 30_000));")
    first = installed.start("run", script)
    first_line(first)
    gate = until(installed.plans)[0].with_suffix(".gate")
    assert head_start_file.in_use(str(gate.parent))
    assert head_start_file.open_gate(str(gate)) == -1
    first.terminate()
    first.communicate()
    descriptor = head_start_file.open_gate(str(gate))
    assert descriptor >= 0
    os.close(descriptor)


def test_a_full_pipe_is_not_waited_for() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    start = HeadStart(f"0 {write} -1 -1 -1 -1 -1 /nonexistent/starts/0")
    assert start._open("x" * 4095)
    assert not start._open("x" * 4096)
    while start._open("x" * 4095):
        pass
    assert not start._open("x" * 4095)
    os.close(read)
    os.close(write)


def _fill(folder: Path, count: int) -> None:
    for number in range(count):
        path = folder / f"{number:016x}"
        gate = head_start_file.open_gate(f"{path}.gate")
        assert gate >= 0
        head_start_file.keep(str(path), b"plan")
        os.close(gate)
        for each in (path, f"{path}.gate"):
            os.utime(each, (number, number))


def test_the_oldest_plans_go(tmp_path: Path) -> None:
    folder = tmp_path / "starts"
    most, to_go = head_start_file._MOST_PLANS, head_start_file._TO_GO
    _fill(folder, most)
    (folder / f"{3:016x}.gate").unlink()  # an orphan
    held = head_start_file.open_gate(str(folder / f"{5:016x}.gate"))
    os.utime(folder / f"{5:016x}.gate", (5, 5))
    one_more = head_start_file.open_gate(str(folder / "f.gate"))
    names = {path.name.partition(".")[0] for path in folder.iterdir()}
    assert names == {f"{number:016x}" for number in (5, *range(to_go, most))} | {"f"}
    os.close(held)
    os.close(one_more)


def test_a_plan_that_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "starts").write_text("a file in its place")
    assert head_start_file.open_gate(str(tmp_path / "starts" / "0.gate")) == -1
    head_start_file.keep(str(tmp_path / "starts" / "0"), b"plan")  # says nothing
    assert os.listdir(tmp_path) == ["starts"]


def test_what_a_killed_run_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "0.new").write_bytes(b"half a pl")
    head_start_file.keep(str(tmp_path / "0"), b"plan")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"0": b"plan"}


def test_prune_keeps_what_is_in_use(installed: Installed) -> None:
    script = installed.script(_SCRIPT)
    base = installed.home / "base"
    installed.run("run", script, CORAL_CACHE_DIR=str(base))
    (gate,) = (base / "starts").glob("*.gate")
    held = head_start_file.open_gate(str(gate))
    prune = ("cache", "prune", "--all")
    kept = installed.run(*prune, CORAL_CACHE_DIR=str(base))
    assert f"kept {base}/starts: it is in use" in kept.stdout
    os.close(held)
    gone = installed.run(*prune, CORAL_CACHE_DIR=str(base))
    assert f"removed {base}/starts" in gone.stdout
    assert not (base / "starts").exists()
