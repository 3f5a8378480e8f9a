"""First runs with the archive that the wheel carries, where something is in their way."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.runner.program import DEADLINE_SECONDS, Program, finish
from tests.runner.test_binary import wheel_like

__all__ = ["wheel_like"]

FIND = "from coral.runner.binary import find_deno; print(find_deno())"
DENO_BYTES = 96_000_000
Starts = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def first_run(wheel_like: Path, tmp_path: Path) -> Starts:
    """Starts what looks for Deno, with `home` as its only place to unpack to."""

    def start(home: Path, program: str = FIND) -> subprocess.Popen[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(wheel_like.parent), *sys.path]),
            "HOME": str(home),
            "TMPDIR": str(home),
        }
        return subprocess.Popen(
            [sys.executable, "-c", program],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    return start


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts memory as a file system, as only root can."""
    places: list[Path] = []

    def mount(options: str) -> Path:
        place = tmp_path / f"mount{len(places)}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("this user may not mount")
        places.append(place)
        return place

    yield mount
    for place in places:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    stdout, stderr = process.communicate(timeout=DEADLINE_SECONDS)
    return process.returncode, stdout.strip(), stderr


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_twenty_at_once_unpack_once(first_run: Starts, wheel_like: Path, tmp_path: Path) -> None:
    runs = [ended(run) for run in [first_run(tmp_path) for _ in range(20)]]
    assert {code for code, _, _ in runs} == {0}
    (found,) = {path for _, path, _ in runs}
    assert sorted(stderr.count("unpacking") for _, _, stderr in runs) == [0] * 19 + [1]
    manifest = json.loads((wheel_like / "_deno" / "manifest.json").read_text())
    assert digest(Path(found)) == manifest["sha256"]
    assert os.listdir(os.path.dirname(found)) == ["deno"]


def test_twenty_scripts_at_once_with_an_empty_cache(tmp_path: Path) -> None:
    program = Program(tmp_path, tmp_path / "cache")
    script = program.script('import * as coral from "@coral/sdk"; console.log(coral.mode);')
    runs = [finish(run) for run in [program.start("run", script) for _ in range(20)]]
    assert {(run.code, run.stdout) for run in runs} == {(0, "cli\n")}, runs


def test_a_first_run_that_is_killed_leaves_nothing_in_the_way(first_run: Starts, tmp_path: Path) -> None:
    killed = first_run(tmp_path)
    cache = tmp_path / ".cache" / "coral" / "deno"
    while not list(cache.glob("*/.unpack-*")):
        assert killed.poll() is None, ended(killed)
    killed.kill()
    killed.communicate()
    assert list(cache.glob("*/.unpack-*"))
    code, found, _ = ended(first_run(tmp_path))
    assert (code, os.listdir(os.path.dirname(found))) == (0, ["deno"])


def test_no_programs_may_start_from_the_only_place(first_run: Starts, mounted: Callable[[str], Path]) -> None:
    home = mounted("noexec,mode=0700")
    program = "import subprocess; from coral.runner.binary import find_deno; found = find_deno()\n"
    program += "print(found); print(subprocess.check_output([found, '--version'], text=True))"
    code, stdout, _ = ended(first_run(home, program))
    assert code == 0
    found, version = stdout.splitlines()[:2]
    assert found.startswith("/proc/")
    assert version.startswith("deno ")
    # Nothing of that size stays where it is of no use.
    assert sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) < 1000


def test_a_script_runs_behind_all_walls_from_memory(
    first_run: Starts, mounted: Callable[[str], Path]
) -> None:
    home = mounted("noexec,mode=0700")
    program = "import sys; from coral.__main__ import main\n"
    program += (
        "sys.argv = ['coral', 'run', '--colony', '127.0.0.1:9', '-e', 'console.log(6 * 7)']; sys.exit(main())"
    )
    code, stdout, stderr = ended(first_run(home, program))
    assert (code, stdout) == (0, "42"), stderr
    assert stderr.count("it is unpacked into memory, each time anew") == 1
    assert "not in force" not in stderr


def test_no_room_in_the_only_place(first_run: Starts, mounted: Callable[[str], Path]) -> None:
    home = mounted(f"size={DENO_BYTES // 2},mode=0700")
    code, found, _ = ended(first_run(home))
    assert (code, found[:6]) == (0, "/proc/")
    assert not [path for path in home.rglob("*") if path.name.startswith(".unpack")]
    no_memory = "import os\ndef memfd_create(*_): raise OSError(12, 'Cannot allocate memory')\n"
    no_memory += f"os.memfd_create = memfd_create\n{FIND}"
    code, _, stderr = ended(first_run(home, no_memory))
    assert code == 1
    assert stderr.count("No space left on device") == 4  # for each of two places, at once and in the end
    assert "memory: Cannot allocate memory" in stderr


def test_where_the_first_place_has_no_room_the_next_one_serves(
    first_run: Starts, mounted: Callable[[str], Path], tmp_path: Path
) -> None:
    home = mounted(f"size={DENO_BYTES // 2},mode=0700")
    program = f"import os; os.environ['TMPDIR'] = {str(tmp_path)!r}\n{FIND}"
    code, found, stderr = ended(first_run(home, program))
    assert code == 0
    assert found.startswith(str(tmp_path / f"coral-{os.geteuid()}"))
    assert stderr.count("unpacking") == 2
