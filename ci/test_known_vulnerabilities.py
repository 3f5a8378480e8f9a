"""`known_vulnerabilities.py`, which `ci/audit-dependencies --database` runs, on entries as OSV has them."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ENTRIES = HERE / "testdata"
LOCKS = HERE.parent / "third_party"


def look_up(*locks: Path, database: Path = ENTRIES) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, HERE / "known_vulnerabilities.py", "--database", database, *locks],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def pip_lock(folder: Path, *pins: str) -> Path:
    lock = folder / "requirements.lock"
    lock.write_text("".join(f"{pin} \\\n    --hash=sha256:{'0' * 64}\n" for pin in pins))
    return lock


def npm_lock(folder: Path, **versions: str) -> Path:
    lock = folder / "package-lock.json"
    packages = {f"node_modules/{name}": {"version": version} for name, version in versions.items()}
    lock.write_text(json.dumps({"lockfileVersion": 3, "packages": {"": {"name": "here"}, **packages}}))
    return lock


@pytest.mark.parametrize("pin", ["Requests==2.32.3", "requests==2.5.0 ; python_full_version < '3.12'"])
def test_a_known_vulnerability_is_found(tmp_path: Path, pin: str) -> None:
    code, out, err = look_up(pip_lock(tmp_path, "click==8.3.0", pin))
    assert (code, err) == (1, "")
    assert "GHSA-9hjg-9r4m-mvj7, CVE-2024-47081, mended in 2.32.4: Requests vulnerable to .netrc" in out
    assert out.count("GHSA") == 1


def test_the_first_version_without_it_is_not(tmp_path: Path) -> None:
    lock = pip_lock(tmp_path, "requests==2.32.4")
    code, out, _ = look_up(lock)
    assert (code, out.splitlines()[1:]) == (0, [f"ok       {lock}: 1 packages"])


@pytest.mark.parametrize(
    ("version", "code"),
    [
        ("7.5.1", 1),
        ("7.5.2-rc.1", 1),
        ("7.5.2", 0),
        ("6.3.0", 1),
        ("6.3.1", 0),
        ("5.7.1", 1),
        ("2.0.0-alpha", 1),
        ("1.9.9", 0),
        ("10.0.0", 0),
    ],
)
def test_each_range_of_semantic_versions_counts(tmp_path: Path, version: str, code: int) -> None:
    assert look_up(npm_lock(tmp_path, semver=version))[0] == code


def test_packages_below_others_and_with_scopes_are_seen(tmp_path: Path) -> None:
    lock = npm_lock(tmp_path, **{"@scope/semver": "7.5.1", "other/node_modules/semver": "7.5.3"})
    assert look_up(lock)[0] == 0
    nested = npm_lock(tmp_path, **{"other/node_modules/semver": "7.5.1"})
    assert look_up(nested)[0] == 1


def test_what_was_withdrawn_does_not_count(tmp_path: Path) -> None:
    assert look_up(pip_lock(tmp_path, "py==1.11.0"))[0] == 0


def test_an_export_is_read_from_its_archive(tmp_path: Path) -> None:
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as export:
        for path in ENTRIES.glob("*.json"):
            export.write(path, path.name)
    code, out, _ = look_up(pip_lock(tmp_path, "requests==2.32.3"), database=archive)
    assert code == 1
    assert "a copy of OSV with 3 entries, the newest of 2025-06-09T19:06:08Z" in out


def test_an_ecosystem_that_is_not_in_the_copy_is_told(tmp_path: Path) -> None:
    only = ENTRIES / "GHSA-9hjg-9r4m-mvj7.json"
    lock = npm_lock(tmp_path, semver="7.5.1")
    code, out, _ = look_up(lock, database=only)
    assert (code, out.splitlines()[1]) == (3, f"not checked: {lock}: the copy has no entries of npm")


def test_versions_that_cannot_be_compared_are_told_not_passed_over(tmp_path: Path) -> None:
    code, out, _ = look_up(npm_lock(tmp_path, semver="7.5"))
    assert code == 1
    assert "if at all ('7.5' is no semantic version)" in out


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id": 1}'])
def test_what_is_no_entry_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "entry.json").write_text(text)
    code, _, err = look_up(pip_lock(tmp_path, "click==8.3.0"), database=tmp_path / "entry.json")
    assert code == 2
    assert err.startswith(f"error: {tmp_path}/entry.json is no entry of OSV: ")


def test_what_is_no_lock_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.lock").write_text("click\n")
    for path in (tmp_path / "a.lock", tmp_path / "absent.lock"):
        code, _, err = look_up(path)
        assert code == 2
        assert err.startswith(f"error: {path} is no lock: ")


def test_our_own_locks_are_read() -> None:
    locks = [
        LOCKS / "python" / "requirements.lock",
        LOCKS / "npm" / "package-lock.json",
        LOCKS / "deno" / "deno.lock",
    ]
    code, out, err = look_up(*locks)
    assert err == ""
    # OSV knows Deno as a crate, and these few entries are about none.
    assert code == 3, out
    assert out.splitlines()[-1].endswith("deno.lock: the copy has no entries of crates.io")
    assert out.count("\nok ") == 2
