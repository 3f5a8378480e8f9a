"""Deno and what Coral keeps of it: binary, archive, SDK, cache, disk."""

from __future__ import annotations

import hashlib
import os
import shutil

from coral.cli.checks import Finding
from coral.config.paths import state_dir
from coral.errors import CoralError, UnsupportedError
from coral.limits import DOCTOR_FREE_BYTES
from coral.runner import places
from coral.runner.binary import Manifest, find_deno, intact, read_manifest
from coral.runner.override import deno_version
from coral.runner.process import refuse_scripts

_REINSTALL = "reinstall Coral: pip install --force-reinstall coral"


def check_deno() -> list[Finding]:
    """Whether there is a Deno that starts; none is unpacked for the question."""
    try:
        refuse_scripts()
    except UnsupportedError as error:
        return [Finding("deno", "note", error.message, error.hint)]
    try:
        waiting = _not_unpacked()
        if waiting is not None:
            return [waiting]
        path = find_deno()
        version = deno_version(path)
    except CoralError as error:
        return [Finding("deno", "problem", error.message, error.hint)]
    chosen = " (CORAL_DENO_PATH)" if os.environ.get("CORAL_DENO_PATH") else ""
    return [Finding("deno", "ok", f"{version}, {path}{chosen}")]


def usable_deno() -> str | None:
    """The path of a Deno that starts, or None; none is unpacked for the question."""
    try:
        refuse_scripts()
        if _not_unpacked() is not None:
            return None
        path = find_deno()
        deno_version(path)
    except CoralError:
        return None  # check_deno tells of it
    return path


def check_sdk() -> list[Finding]:
    """Whether the SDK and its types are there."""
    try:
        return [Finding("sdk", "ok", f"{places.sdk_bundle()}, types {places.sdk_types()}")]
    except CoralError as error:
        return [Finding("sdk", "problem", error.message, error.hint)]


def prepare() -> list[Finding]:
    """Unpacks Deno, and runs an empty script so that caches are filled."""
    from coral.runner.script import Job, run_script
    from coral.runner.source import Source

    try:
        refuse_scripts()
        path = find_deno()
        code = run_script(Job(Source("prepare.ts", text="export {};\n"), colony=None, quiet=True))
    except CoralError as error:
        return [Finding("prepare", "problem", error.message, error.hint)]
    if code != 0:
        return [Finding("prepare", "problem", f"an empty script ended with {code}", "see what it printed")]
    return [Finding("prepare", "ok", f"{path} is unpacked, its caches are filled")]


def verify() -> list[Finding]:
    """Compares archive and binary with the digests that the package names."""
    try:
        manifest = read_manifest()
    except CoralError as error:
        return [Finding("digests", "problem", error.message, error.hint)]
    if manifest is None:
        return [Finding("digests", "note", "a source tree without a manifest names no digests")]
    return [_verify_archive(manifest), _verify_binary(manifest)]


def check_cache() -> list[Finding]:
    """Whether the cache can be written, and where it is if not where it should be."""
    wanted, *others = places.candidate_bases()
    problem = places.usable(wanted)
    if problem is None:
        return [Finding("cache", "ok", wanted)]
    for base in others:
        if places.usable(base) is None:
            hint = "set CORAL_CACHE_DIR to a directory of yours that stays"
            return [Finding("cache", "note", f"{base}, because {wanted}: {problem}", hint)]
    hint = "set CORAL_CACHE_DIR to a directory that you may write to"
    return [Finding("cache", "problem", f"{wanted}: {problem}; nor can {', '.join(others)} be used", hint)]


def check_disk() -> list[Finding]:
    """Whether there is room in the cache and where the local colony's data are."""
    found = []
    for what, path in (("cache", places.writable_base()), ("state", state_dir())):
        if path is None:
            continue  # check_cache tells of it
        there = path
        while not os.path.exists(there):
            there = os.path.dirname(there)
        try:
            free = shutil.disk_usage(there).free
        except OSError as error:
            found.append(Finding(f"disk ({what})", "problem", f"{there}: {error.strerror}"))
            continue
        text = f"{_size(free)} free in {path}"
        if free < DOCTOR_FREE_BYTES:
            hint = f"make room: less than {_size(DOCTOR_FREE_BYTES)} is too little; coral cache prune helps"
            found.append(Finding(f"disk ({what})", "problem", text, hint))
        else:
            found.append(Finding(f"disk ({what})", "ok", text))
    return found


def _not_unpacked() -> Finding | None:
    """A note where the first run will unpack Deno; None where it is there, or never will be."""
    if os.environ.get("CORAL_DENO_PATH") or os.access(_raw(), os.X_OK):
        return None
    manifest = read_manifest()
    if manifest is None or not os.path.exists(_archive()):
        return None
    if any(intact(manifest.below(base), manifest) for base in places.candidate_bases()):
        return None
    text = f"{manifest.version}, not unpacked yet: the first run does that"
    return Finding("deno", "note", text, "coral doctor --prepare does it now")


def _verify_archive(manifest: Manifest) -> Finding:
    path = _archive()
    if not os.path.exists(path):
        raw = os.access(_raw(), os.X_OK)
        return Finding(
            "archive", "ok" if raw else "problem", f"there is no {path}", None if raw else _REINSTALL
        )
    return _compare("archive", path, manifest.archive_sha256, _REINSTALL)


def _verify_binary(manifest: Manifest) -> Finding:
    if os.environ.get("CORAL_DENO_PATH"):
        text = "CORAL_DENO_PATH names another one, of which no digest is known"
        return Finding("binary", "note", text, "unset CORAL_DENO_PATH to use the Deno that comes with Coral")
    if os.access(_raw(), os.X_OK):
        return _compare("binary", _raw(), manifest.sha256, _REINSTALL)
    for path in (manifest.below(base) for base in places.candidate_bases()):
        if intact(path, manifest):
            hint = f"remove it, and the next run unpacks it again: rm -f {path}"
            return _compare("binary", path, manifest.sha256, hint)
    return Finding("binary", "note", "not unpacked yet", "coral doctor --prepare --verify")


def _compare(name: str, path: str, expected: str, hint: str) -> Finding:
    try:
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return Finding(name, "problem", f"{path} cannot be read: {error.strerror}", hint)
    if found == expected:
        return Finding(name, "ok", f"{path} has sha256 {found}")
    return Finding(name, "problem", f"{path} has sha256 {found}, expected {expected}", hint)


def _archive() -> str:
    return os.path.join(places.deno_package(), "deno.zst")


def _raw() -> str:
    return os.path.join(places.deno_package(), "deno")


def _size(count: int) -> str:
    return f"{count / 1024**3:.1f} GiB" if count >= 1024**3 else f"{count / 1024**2:.0f} MiB"
