"""Checks all five wheels, and what is delivered beside them, as far as that needs none of their platforms.

Names and tags, RECORD, metadata, licences, the bill of materials, the archive of Deno, the headers of every
program inside with the oldest system that it starts on, and whether pip takes each wheel where it belongs and
nowhere else.
"""

from __future__ import annotations

import base64
import csv
import email
import hashlib
import io
import json
import os
import re
import stat
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import lief
import pytest
import zstandard
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

WHEELS = {path.stem.split("-")[-1]: path for path in map(Path, os.environ["CORAL_TEST_WHEELS"].split())}
SDIST = Path(os.environ["CORAL_TEST_SDIST"])
RELEASE_SBOM = Path(os.environ["CORAL_TEST_SBOM"])

# Tag -> machine as the header names it, a platform of pip that takes the wheel, one that does not.
LINUX = {
    "manylinux_2_27_x86_64": ("X86_64", "manylinux_2_28_x86_64", "manylinux_2_17_x86_64"),
    "manylinux_2_27_aarch64": ("AARCH64", "manylinux_2_28_aarch64", "manylinux_2_28_x86_64"),
}
MACOS = {
    "macosx_12_0_x86_64": ("X86_64", "macosx_13_0_x86_64", "macosx_11_0_x86_64"),
    "macosx_12_0_arm64": ("ARM64", "macosx_14_0_arm64", "macosx_11_0_arm64"),
}
WINDOWS = {"win_amd64": ("AMD64", "win_amd64", "win_arm64")}
EVERY = {**LINUX, **MACOS, **WINDOWS}
GLIBC = (2, 27)
LARGEST = 45_000_000


def test_there_is_one_wheel_for_each_platform() -> None:
    assert sorted(WHEELS) == sorted(EVERY)


def read(wheel: Path, ending: str) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(ending)]
        return archive.read(name)


def deno(wheel: Path) -> bytes:
    return zstandard.ZstdDecompressor(max_window_size=2**31).decompress(read(wheel, "coral/_deno/deno.zst"))


@pytest.mark.parametrize("tag", EVERY)
def test_name_tag_and_size(tag: str) -> None:
    wheel = WHEELS[tag]
    version = re.fullmatch(rf"coral-([^-]+)-py3-none-{tag}\.whl", wheel.name)
    assert version is not None
    about = email.message_from_bytes(read(wheel, ".dist-info/WHEEL"))
    assert (about["Root-Is-Purelib"], about.get_all("Tag")) == ("false", [f"py3-none-{tag}"])
    metadata = email.message_from_bytes(read(wheel, ".dist-info/METADATA"))
    assert (metadata["Name"], metadata["Version"], metadata["License-Expression"]) == (
        "coral",
        version[1],
        "Apache-2.0",
    )
    assert wheel.stat().st_size < LARGEST


@pytest.mark.parametrize("tag", EVERY)
def test_record_names_every_file_with_its_hash(tag: str) -> None:
    with zipfile.ZipFile(WHEELS[tag]) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(names) == len(set(names))
        (record,) = [name for name in names if name.endswith(".dist-info/RECORD")]
        rows = {row[0]: row[1:] for row in csv.reader(io.StringIO(archive.read(record).decode()))}
        assert sorted(rows) == sorted(names)
        for name in set(names) - {record}:
            content = archive.read(name)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            assert rows[name] == [f"sha256={digest}", str(len(content))], name


@pytest.mark.parametrize("tag", EVERY)
def test_files_have_one_time_and_only_programs_can_be_started(tag: str) -> None:
    with zipfile.ZipFile(WHEELS[tag]) as archive:
        entries = archive.infolist()
    assert len({entry.date_time for entry in entries}) == 1
    started = [entry.filename for entry in entries if entry.external_attr >> 16 & stat.S_IXUSR]
    assert all(".data/scripts/coral" in name for name in started), started


@pytest.mark.parametrize("tag", EVERY)
def test_the_command_is_a_program_a_script_or_an_entry_point(tag: str) -> None:
    with zipfile.ZipFile(WHEELS[tag]) as archive:
        names = archive.namelist()
        scripts = {
            name.rpartition("/")[2]: archive.read(name).partition(b"\n")[0]
            for name in names
            if ".data/scripts/" in name
        }
    if tag in LINUX:
        assert scripts.pop("coral").startswith(b"\x7fELF")
        assert scripts == {"coral-python": b"#!python"}
    else:
        assert scripts == ({} if tag in WINDOWS else {"coral": b"#!python"})
    assert any(name.endswith("entry_points.txt") for name in names) == (tag in WINDOWS)
    if tag in WINDOWS:
        assert b"coral = coral.__main__:main" in read(WHEELS[tag], "entry_points.txt")


@pytest.mark.parametrize("tag", EVERY)
def test_the_archive_holds_what_its_manifest_says(tag: str) -> None:
    manifest = json.loads(read(WHEELS[tag], "coral/_deno/manifest.json"))
    archive, raw = read(WHEELS[tag], "coral/_deno/deno.zst"), deno(WHEELS[tag])
    assert manifest["platform"] == tag
    assert manifest["binary"] == ("deno.exe" if tag in WINDOWS else "deno")
    assert (manifest["size"], manifest["archive_size"]) == (len(raw), len(archive))
    assert manifest["sha256"] == hashlib.sha256(raw).hexdigest()
    assert manifest["archive_sha256"] == hashlib.sha256(archive).hexdigest()
    assert manifest["version"].encode() in raw


@pytest.mark.parametrize("tag", LINUX)
@pytest.mark.parametrize("program", ["deno", "_native/libcoral.so", ".data/scripts/coral"])
def test_elf_programs_are_for_that_machine_and_its_oldest_glibc(tag: str, program: str) -> None:
    content = deno(WHEELS[tag]) if program == "deno" else read(WHEELS[tag], program)
    binary = lief.ELF.parse(content)
    assert binary is not None
    assert binary.header.machine_type.name == LINUX[tag][0]
    versions = [
        str(version.name)
        for needed in binary.symbols_version_requirement
        for version in needed.get_auxiliary_symbols()
    ]
    numbers = [
        tuple(map(int, v.removeprefix("GLIBC_").split("."))) for v in versions if v.startswith("GLIBC_")
    ]
    assert max(numbers) <= GLIBC
    assert binary.interpreter or program == "_native/libcoral.so"


@pytest.mark.parametrize("tag", MACOS)
def test_mach_o_is_for_that_machine_for_macos_12_and_signed(tag: str) -> None:
    fat = lief.MachO.parse(deno(WHEELS[tag]))
    assert fat is not None
    (binary,) = fat
    assert binary.header.cpu_type.name == MACOS[tag][0]
    needs = binary.build_version
    assert needs is not None
    assert needs.platform.name == "MACOS"
    assert needs.minos <= [12, 0, 0], "the wheel's tag promises macOS 12"
    assert binary.has_code_signature


@pytest.mark.parametrize("tag", WINDOWS)
def test_pe_is_a_64_bit_console_program(tag: str) -> None:
    binary = lief.PE.parse(deno(WHEELS[tag]))
    assert binary is not None
    assert binary.header.machine.name == WINDOWS[tag][0]
    assert binary.optional_header.magic.name == "PE32_PLUS"
    assert binary.optional_header.subsystem.name == "WINDOWS_CUI"
    assert binary.optional_header.major_subsystem_version <= 10


@pytest.mark.parametrize("tag", EVERY)
def test_only_linux_has_the_native_kernel(tag: str) -> None:
    with zipfile.ZipFile(WHEELS[tag]) as archive:
        assert any("/_native/lib" in name for name in archive.namelist()) == (tag in LINUX)


@pytest.mark.parametrize("tag", EVERY)
def test_pip_takes_it_where_it_belongs_and_nowhere_else(tag: str) -> None:
    assert _pip_takes(EVERY[tag][1], tag)
    assert not _pip_takes(EVERY[tag][2], tag)


def _pip_takes(platform: str, tag: str) -> bool:
    with tempfile.TemporaryDirectory() as target:
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--only-binary=:all:",
        ]
        # pip compares tags by name when a platform is named: what such a machine takes is told in full.
        command += ["--find-links", str(WHEELS[tag].parent), "--target", target, "--python-version", "3.11"]
        for name in _older(platform):
            command += ["--platform", name]
        environment = {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "HOME": target}
        done = subprocess.run(
            [*command, "coral"], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            assert "No matching distribution found for coral" in done.stderr, done.stderr
            return False
        manifest = json.loads(Path(target, "coral/_deno/manifest.json").read_text())
        return bool(manifest["platform"] == tag)


def _older(platform: str) -> list[str]:
    """What such a machine takes: manylinux of every older glibc, macOS of every older version."""
    if found := re.fullmatch(r"manylinux_2_(\d+)_(\w+)", platform):
        return [f"manylinux_2_{minor}_{found[2]}" for minor in range(int(found[1]), 16, -1)]
    if found := re.fullmatch(r"macosx_(\d+)_0_(\w+)", platform):
        return [f"macosx_{major}_0_{found[2]}" for major in range(int(found[1]), 10, -1)]
    return [platform]


@pytest.mark.parametrize("tag", EVERY)
def test_licences_of_everything_inside_are_there(tag: str) -> None:
    with zipfile.ZipFile(WHEELS[tag]) as archive:
        texts = {
            Path(name).name: archive.read(name).decode()
            for name in archive.namelist()
            if ".dist-info/licenses/" in name
        }
    assert sorted(texts) == ["LICENSE", "README.md", "deno-LICENSE", "npm-LICENSES.txt", "v8-LICENSE"]
    assert "the Deno authors" in texts["deno-LICENSE"]
    assert "Apache License" in texts["LICENSE"]
    for part in json.loads(read(WHEELS[tag], "sboms/coral.cdx.json"))["components"]:
        if part["purl"].startswith("pkg:npm/"):
            assert f"{part['name']} {part['version']} " in texts["npm-LICENSES.txt"]
    for notice in ("Google Inc.", "UW Interactive Data Lab", "Leon Sorokin"):
        assert notice in texts["npm-LICENSES.txt"]


def valid(bill: str) -> list[dict[str, Any]]:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
    components: list[dict[str, Any]] = json.loads(bill)["components"]
    return components


@pytest.mark.parametrize("tag", EVERY)
def test_the_bill_of_materials_is_valid_and_names_this_deno(tag: str) -> None:
    components = valid(read(WHEELS[tag], "sboms/coral.cdx.json").decode())
    (runtime,) = [part for part in components if part["name"] == "deno"]
    assert runtime["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(deno(WHEELS[tag])).hexdigest()}]
    names = {part["name"] for part in components}
    assert {"@connectrpc/connect", "@bufbuild/protobuf", "@uwdata/flechette", "uplot"} <= names


def test_the_release_s_bill_lists_what_pip_installs_too() -> None:
    components = valid(RELEASE_SBOM.read_text())
    names = [part["name"] for part in components]
    assert names.count("deno") == len(EVERY)
    assert {"duckdb", "grpcio", "requests", "uplot"} <= set(names)


def test_the_source_distribution_says_what_it_is() -> None:
    with tarfile.open(SDIST) as archive, tempfile.TemporaryDirectory() as folder:
        archive.extractall(folder, filter="data")
        (tree,) = Path(folder).iterdir()
        assert {"PKG-INFO", "WORKSPACE", "bazelw", "proto", "typescript"} <= {
            path.name for path in tree.iterdir()
        }
        assert os.access(tree / "bazelw", os.X_OK)
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
        done = subprocess.run(command, cwd=tree, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: this is the source distribution of Coral")
    assert "hint: install a wheel" in done.stderr
