"""Finding and unpacking Deno, with a small stand-in for the 95 MB binary; the last test uses the real one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

from coral.errors import RuntimeMissingError
from coral.runner import binary, extract, override, places
from tests.runner.program import NOWHERE, Program

PROGRAM = b"#!/bin/sh\necho deno 9.9.9 '(stable)'\n" + b"# padding\n" * 100_000
FIND = """
import sys
from coral.runner import binary, extract
binary.deno_package = extract.deno_package = lambda: sys.argv[1]
print(binary.find_deno())
"""


def pack(folder: Path, *, program: bytes = PROGRAM, **changed: object) -> Path:
    """Makes what the wheel carries in `coral/_deno`."""
    folder.mkdir(exist_ok=True)
    packed = zstandard.ZstdCompressor().compress(program)
    (folder / "deno.zst").write_bytes(packed)
    manifest: dict[str, object] = {
        "version": "9.9.9",
        "platform": "any",
        "binary": "deno",
        "sha256": hashlib.sha256(program).hexdigest(),
        "size": len(program),
        "archive_sha256": hashlib.sha256(packed).hexdigest(),
        "archive_size": len(packed),
    }
    (folder / "manifest.json").write_text(json.dumps({**manifest, **changed}))
    return folder


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with the stand-in, and places of its own to unpack to."""
    folder = pack(tmp_path / "_deno")
    monkeypatch.setattr(binary, "deno_package", lambda: str(folder))
    monkeypatch.setattr(extract, "deno_package", lambda: str(folder))
    monkeypatch.setattr(extract, "_in_memory", {})  # what another test of this process unpacked
    monkeypatch.setenv("CORAL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.delenv("CORAL_DENO_PATH", raising=False)
    (tmp_path / "tmp").mkdir()
    return folder


def test_the_first_run_unpacks_and_says_so(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Path(binary.find_deno())
    assert found == tmp_path / "cache" / "deno" / f"9.9.9-{hashlib.sha256(PROGRAM).hexdigest()[:12]}" / "deno"
    assert found.read_bytes() == PROGRAM
    assert found.stat().st_mode & 0o777 == 0o555
    assert "unpacking Deno 9.9.9 ... done in" in capsys.readouterr().err
    assert binary.find_deno() == str(found)
    assert capsys.readouterr().err == ""


def test_twenty_first_runs_at_once_unpack_once(package: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", FIND, str(package)]
    runs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        for _ in range(20)
    ]
    ended = [run.communicate(timeout=120) for run in runs]
    assert {run.returncode for run in runs} == {0}
    (found,) = {stdout.strip() for stdout, _ in ended}
    assert Path(found).read_bytes() == PROGRAM
    assert sum("unpacking" in stderr for _, stderr in ended) == 1
    assert [path.name for path in Path(found).parent.iterdir()] == ["deno"]


def test_what_a_killed_first_run_left_is_removed(package: Path, tmp_path: Path) -> None:
    target = Path(binary.find_deno())
    target.unlink()
    (target.parent / ".unpack-abc").write_bytes(PROGRAM[:100])
    binary.find_deno()
    assert [path.name for path in target.parent.iterdir()] == ["deno"]


def test_a_cut_binary_in_the_cache_is_replaced(package: Path) -> None:
    found = Path(binary.find_deno())
    found.unlink()
    found.write_bytes(PROGRAM[:1000])
    found.chmod(0o555)
    assert Path(binary.find_deno()).read_bytes() == PROGRAM


def test_a_binary_that_others_could_write_is_replaced(package: Path) -> None:
    found = Path(binary.find_deno())
    found.chmod(0o777)
    binary.find_deno()
    assert found.stat().st_mode & 0o777 == 0o555


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "other"])
def test_a_damaged_archive_is_refused(package: Path, tmp_path: Path, damage: str) -> None:
    archive = package / "deno.zst"
    content = bytearray(archive.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 0xFF
    elif damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "empty":
        content.clear()
    else:
        content[:] = zstandard.ZstdCompressor().compress(b"another program")
    archive.write_bytes(content)
    with pytest.raises(RuntimeMissingError, match="is damaged") as caught:
        binary.find_deno()
    assert caught.value.hint is not None
    assert "pip install --force-reinstall coral" in caught.value.hint
    assert not [
        path for path in (tmp_path / "cache" / "deno").rglob("*") if path.is_file() and path.suffix != ".lock"
    ]


def test_without_an_archive_the_hint_says_what_to_do(package: Path) -> None:
    (package / "deno.zst").unlink()
    with pytest.raises(RuntimeMissingError, match=r"deno\.zst is missing"):
        binary.find_deno()
    (package / "manifest.json").unlink()
    with pytest.raises(RuntimeMissingError, match="no Deno in"):
        binary.find_deno()


def test_a_damaged_manifest_is_refused(package: Path) -> None:
    (package / "manifest.json").write_text('{"version": "9.9.9"')
    with pytest.raises(RuntimeMissingError, match=r"manifest\.json is damaged"):
        binary.find_deno()


def test_where_the_cache_cannot_be_written_a_private_temporary_directory_serves(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORAL_CACHE_DIR", "/proc/coral")
    found = Path(binary.find_deno())
    private = tmp_path / "tmp" / f"coral-{os.geteuid()}"
    assert found.is_relative_to(private)
    assert private.stat().st_mode & 0o777 == 0o700


def test_a_temporary_directory_that_others_can_enter_is_not_used(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORAL_CACHE_DIR", "/proc/coral")
    private = tmp_path / "tmp" / f"coral-{os.geteuid()}"
    private.mkdir(mode=0o777)
    private.chmod(0o777)
    assert "is not private" in (places.usable(str(private)) or "")
    found = binary.find_deno()
    assert found.startswith(f"/proc/{os.getpid()}/fd/")


def test_as_a_last_resort_deno_runs_from_memory(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "candidate_bases", lambda: ["/proc/coral", "/proc/coral-too"])
    found = binary.find_deno()
    assert Path(found).read_bytes() == PROGRAM
    assert override.deno_version(found) == "9.9.9"


def test_where_nothing_works_every_place_is_named(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(places, "candidate_bases", lambda: ["/proc/coral", "/proc/coral-too"])
    monkeypatch.setattr(os, "memfd_create", full)
    with pytest.raises(RuntimeMissingError) as caught:
        binary.find_deno()
    for place in ("/proc/coral: ", "/proc/coral-too: ", "memory: No space left on device"):
        assert place in caught.value.message
    assert "CORAL_CACHE_DIR" in (caught.value.hint or "")


def test_a_full_disk_leads_to_the_next_place(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync
    calls = []

    def full_once(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 1:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full_once)
    assert Path(binary.find_deno()).is_relative_to(tmp_path / "tmp")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.name.startswith(".unpack")]


def test_a_raw_binary_in_the_package_is_used_as_it_is(package: Path) -> None:
    raw = package / "deno"
    raw.write_bytes(PROGRAM)
    raw.chmod(0o755)
    assert binary.find_deno() == str(raw)


def test_an_override_of_the_right_version_is_used_and_asked_once(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own-deno"
    own.write_bytes(PROGRAM)
    own.chmod(0o755)
    monkeypatch.setenv("CORAL_DENO_PATH", str(own))
    assert binary.find_deno() == str(own)
    monkeypatch.setattr(override, "deno_version", lambda path: pytest.fail("asked again"))
    assert binary.find_deno() == str(own)


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        (b"#!/bin/sh\necho deno 1.2.3\n", 0o755, "names Deno 1.2.3, Coral works with 9.9.9"),
        (b"#!/bin/sh\necho node v20\n", 0o755, "is node, expected deno"),
        (b"#!/bin/sh\nexit 3\n", 0o755, "does not start as Deno"),
        (b"#!/bin/sh\n", 0o644, "no program that can be started"),
    ],
)
def test_a_wrong_override_is_refused(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, mode: int, message: str
) -> None:
    own = tmp_path / "own-deno"
    own.write_bytes(content)
    own.chmod(mode)
    monkeypatch.setenv("CORAL_DENO_PATH", str(own))
    with pytest.raises(RuntimeMissingError, match=message) as caught:
        binary.find_deno()
    assert "unset CORAL_DENO_PATH" in (caught.value.hint or "")


@pytest.fixture
def wheel_like(tmp_path: Path) -> Path:
    """A copy of the package as the wheel has it: with the archive, without the raw binary."""
    real = Path(places.deno_package())
    if not (real / "deno.zst").exists():
        pytest.skip("this tree has no archive of Deno; Bazel's has")
    copy = tmp_path / "site" / "coral"
    skip = shutil.ignore_patterns("_deno", "__pycache__")
    shutil.copytree(real.parent, copy, ignore=skip, symlinks=False)
    (copy / "_deno").mkdir()
    for name in ("deno.zst", "manifest.json"):
        (copy / "_deno" / name).symlink_to((real / name).resolve())
    return copy


def test_the_real_archive_runs_with_a_read_only_home(wheel_like: Path, tmp_path: Path) -> None:
    program = Program(tmp_path, Path("/proc/coral"))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    script = program.script('import * as coral from "@coral/sdk"; console.log(coral.mode);')
    ended = program.run(
        "run",
        script,
        PYTHONPATH=os.pathsep.join([str(wheel_like.parent), *sys.path]),
        TMPDIR=str(temporary),
        HOME="/proc/home",
        CORAL_COLONY=NOWHERE,
    )
    assert (ended.code, ended.stdout) == (0, "cli\n")
    assert ended.stderr.startswith("coral: first run, unpacking Deno ")


def test_a_damaged_real_archive_ends_with_its_own_code(wheel_like: Path, tmp_path: Path) -> None:
    archive = wheel_like / "_deno" / "deno.zst"
    content = archive.read_bytes()
    archive.unlink()
    archive.write_bytes(content[: len(content) // 2])
    program = Program(tmp_path, tmp_path / "cache")
    temporary = tmp_path / "tmp"  # the second place where a Deno may lie from an earlier run
    temporary.mkdir()
    path = os.pathsep.join([str(wheel_like.parent), *sys.path])
    ended = program.run("run", program.script(""), PYTHONPATH=path, TMPDIR=str(temporary))
    assert (ended.code, ended.stdout) == (72, "")
    error, hint = ended.stderr.splitlines()[-2:]
    assert error.startswith(f"error: the archive {archive.resolve()} is damaged: ")
    assert hint.startswith("hint: reinstall Coral (pip install --force-reinstall coral)")
    assert "Traceback" not in ended.stderr
