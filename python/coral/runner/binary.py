"""Finds the Deno to run.

In this order: `CORAL_DENO_PATH`; a raw binary in the package (source trees); an unpacked one in the
cache or in the private temporary directory; else the package's archive is unpacked into the first of
these that takes it, and where none does, into memory (Linux).
"""

from __future__ import annotations

import os
import stat
import sys

from coral.config import fast_json
from coral.errors import RuntimeMissingError
from coral.runner import places
from coral.runner.sdk import deno_package


class Manifest:
    """What the package says about the Deno that it carries (`_deno/manifest.json`).

    Attributes:
        version: Deno's version, such as `2.9.8`.
        binary: File name of the binary.
        sha256: Of the raw binary, as hex digits.
        size: Of the raw binary, in bytes.
        archive_size: Of `deno.zst`, in bytes.
    """

    __slots__ = ("archive_size", "binary", "sha256", "size", "version")

    def __init__(self, fields: dict[str, object]) -> None:
        self.version = str(fields["version"])
        self.binary = str(fields["binary"])
        self.sha256 = str(fields["sha256"])
        self.size = int(str(fields["size"]))
        self.archive_size = int(str(fields["archive_size"]))

    def below(self, base: str) -> str:
        """Returns where the binary is unpacked below a base directory."""
        return os.path.join(base, "deno", f"{self.version}-{self.sha256[:12]}", self.binary)


def read_manifest() -> Manifest | None:
    """Returns the package's manifest, or None in a source tree without one.

    Raises:
        RuntimeMissingError: The manifest is damaged.
    """
    path = os.path.join(deno_package(), "manifest.json")
    try:
        with open(path, encoding="utf-8") as file:
            fields = fast_json.loads(file.read())
        if not isinstance(fields, dict):
            raise ValueError("not an object")
        return Manifest(fields)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError) as error:
        raise RuntimeMissingError(f"{path} is damaged: {error}", hint=_reinstall()) from None


def find_deno() -> str:
    """Returns the path of a Deno that can be started, unpacking it if this is the first run.

    Raises:
        RuntimeMissingError: There is none; the message names every place that was tried.
    """
    override = os.environ.get("CORAL_DENO_PATH")
    if override:
        return _checked_override(os.path.abspath(override))
    raw = os.path.join(deno_package(), "deno.exe" if sys.platform == "win32" else "deno")
    if os.access(raw, os.X_OK):
        return raw
    manifest = read_manifest()
    if manifest is None:
        raise RuntimeMissingError(f"no Deno in {deno_package()}", hint=_reinstall())
    bases = places.candidate_bases()
    for base in bases:
        path = manifest.below(base)
        if intact(path, manifest):
            return path
    from coral.runner.extract import extract

    return extract(manifest, bases)


def deno_version(path: str) -> str:
    """Asks a Deno binary for its version.

    Args:
        path: The binary.

    Raises:
        RuntimeMissingError: It does not start or does not answer as Deno does.
    """
    import subprocess

    try:
        answer = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=20, env={"NO_COLOR": "1"}, check=True
        ).stdout
        name, version = answer.split()[:2]
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise RuntimeMissingError(f"{path} does not start as Deno: {error}", hint=_override_hint()) from None
    if name != "deno":
        raise RuntimeMissingError(f"{path} is {name}, expected deno", hint=_override_hint())
    return version


def intact(path: str, manifest: Manifest) -> bool:
    """Says whether an unpacked binary can be trusted: complete, ours or root's, not writable by others."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    return (
        status.st_size == manifest.size
        and status.st_uid in (0, os.geteuid())
        and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        and os.access(path, os.X_OK)  # false on a noexec mount too
    )


def _checked_override(path: str) -> str:
    if not os.access(path, os.X_OK) or os.path.isdir(path):
        raise RuntimeMissingError(
            f"CORAL_DENO_PATH names {path}, which is no program that can be started", hint=_override_hint()
        )
    manifest = read_manifest()
    if manifest is None:
        return path  # a source tree: no version is pinned here
    version = _remembered_version(path)
    if version != manifest.version:
        raise RuntimeMissingError(
            f"CORAL_DENO_PATH names Deno {version}, Coral works with {manifest.version}",
            hint=_override_hint(),
        )
    return path


def _remembered_version(path: str) -> str:
    """Asks for the version once per file: starting Deno only for that costs 10 ms."""
    status = os.stat(path)
    identity = f"{path}\n{status.st_size}\n{status.st_mtime_ns}\n"
    base = places.writable_base()
    note = os.path.join(base, "deno-path-version") if base else None
    if note is not None:
        try:
            with open(note, encoding="utf-8") as file:
                known = file.read()
            if known.startswith(identity):
                return known[len(identity) :]
        except OSError:
            pass  # not asked yet
    version = deno_version(path)
    if note is not None:
        temporary = f"{note}.{os.getpid()}"
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(identity + version)
        os.replace(temporary, note)
    return version


def _reinstall() -> str:
    return (
        "reinstall Coral (pip install --force-reinstall coral), or set CORAL_DENO_PATH to a Deno binary;"
        " in a source tree run ./bazelw run //:dev"
    )


def _override_hint() -> str:
    return "unset CORAL_DENO_PATH to use the Deno that comes with Coral"
