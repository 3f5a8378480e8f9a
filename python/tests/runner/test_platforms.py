"""What the runner does on macOS and Windows, on Linux: only what the system itself says is faked."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from coral.errors import RuntimeMissingError, UnsupportedError
from coral.runner import binary, extract, places, process
from coral.runner.containment import kernel, launch
from tests.runner.test_binary import pack


@pytest.fixture
def macos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Darwin", "mac", "24.0", "Darwin 24", "arm64")))


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")


@pytest.mark.usefixtures("windows")
def test_windows_refuses_scripts_in_words_and_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*arguments: object, **options: object) -> None:
        pytest.fail(f"a program was started: {arguments}")

    monkeypatch.setattr(process, "launch", started)
    with pytest.raises(UnsupportedError, match="scripts cannot be run on Windows yet") as error:
        process.run_child([sys.executable, "-c", "pass"], {}, None)
    assert (error.value.hint or "").startswith("use WSL")


@pytest.mark.usefixtures("windows")
def test_windows_looks_for_a_program_named_exe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("deno", "deno.exe"):
        shutil.copyfile("/bin/true", tmp_path / name)
        (tmp_path / name).chmod(0o755)
    monkeypatch.delenv("CORAL_DENO_PATH", raising=False)
    monkeypatch.setattr(binary, "deno_package", lambda: str(tmp_path))
    assert binary.find_deno() == str(tmp_path / "deno.exe")


def test_windows_has_no_system_calls_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as faked:
        faked.setattr(os, "name", "nt")
        found = kernel.kernel()
    assert found is None


@pytest.mark.usefixtures("macos")
def test_macos_has_no_system_calls_of_ours() -> None:
    assert kernel.kernel() is None


@pytest.mark.usefixtures("macos")
def test_macos_unpacks_to_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = str(pack(tmp_path / "package"))
    for module in (extract, binary):
        monkeypatch.setattr(module, "deno_package", lambda: package)
    manifest = binary.read_manifest()
    assert manifest is not None
    path = extract.extract(manifest, [str(tmp_path / "cache")])
    assert binary.intact(path, manifest)


@pytest.mark.usefixtures("macos")
def test_macos_does_not_unpack_to_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def memory(*arguments: object) -> str:
        pytest.fail("memfd_create is of Linux alone")

    package = str(pack(tmp_path / "package"))
    for module in (extract, binary):
        monkeypatch.setattr(module, "deno_package", lambda: package)
    monkeypatch.setattr(extract, "_extract_to_memory", memory)
    monkeypatch.setattr(places, "usable", lambda base: "is read-only")
    manifest = binary.read_manifest()
    assert manifest is not None
    with pytest.raises(RuntimeMissingError, match=r"cannot be unpacked \(/nowhere: is read-only\)"):
        extract.extract(manifest, ["/nowhere"])


@pytest.mark.usefixtures("macos")
def test_macos_keeps_descriptors_to_itself_by_its_own_folder_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    try:
        os.set_inheritable(read, True)
        listed: list[str] = []
        real = os.listdir
        monkeypatch.setattr(os, "listdir", lambda folder: (listed.append(folder), real(folder))[1])
        launch._keep_descriptors_to_ourselves()
        assert listed == ["/dev/fd"]
        assert not os.get_inheritable(read)
    finally:
        os.close(read)
        os.close(write)
