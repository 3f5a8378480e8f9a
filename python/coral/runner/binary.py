"""Finds the Deno to run.

In this order: `CORAL_DENO_PATH`; a raw binary in the package (source trees); an unpacked one in the
cache or in the private temporary directory; else the package's archive is unpacked into the first of
these that takes it, and where none does, into memory (Linux).
"""

from __future__ import annotations

import os
import stat
import sys

from coral import run_path
from coral.config import fast_json
from coral.config.paths import own_uid
from coral.errors import RuntimeMissingError
from coral.runner import places
from coral.runner.places import deno_package

DAMAGED_HINT = "it is damaged: remove it, and the next run unpacks it again"
"""What to do with a binary that does not start."""


class Manifest:
    """What the package says about the Deno that it carries (`_deno/manifest.json`).

    Attributes:
        version: Deno's version, such as `2.9.8`.
        binary: File name of the binary.
        sha256: Of the raw binary, as hex digits.
        size: Of the raw binary, in bytes.
        archive_size: Of `deno.zst`, in bytes.
        archive_sha256: Of `deno.zst`, as hex digits.
    """

    __slots__ = ("archive_sha256", "archive_size", "binary", "sha256", "size", "version")

    def __init__(self, fields: dict[str, object]) -> None:
        self.version = str(fields["version"])
        self.binary = str(fields["binary"])
        self.sha256 = str(fields["sha256"])
        self.size = int(str(fields["size"]))
        self.archive_size = int(str(fields["archive_size"]))
        self.archive_sha256 = str(fields["archive_sha256"])

    def below(self, base: str) -> str:
        """Returns where the binary is unpacked below a base directory."""
        return os.path.join(base, "deno", f"{self.version}-{self.sha256[:12]}", self.binary)


def read_manifest() -> Manifest | None:
    """Returns the package's manifest, or None in a source tree without one.

    Raises:
        RuntimeMissingError: The manifest is damaged.
    """
    fields = run_path.manifest or manifest_fields()
    if fields is None:
        return None
    try:
        return Manifest(fields)
    except (ValueError, KeyError) as error:
        raise _damaged(error) from None


def manifest_fields() -> dict[str, object] | None:
    """Reads what stands in the package's manifest; None in a source tree without one.

    Raises:
        RuntimeMissingError: The manifest is damaged.
    """
    try:
        with open(_manifest_path(), encoding="utf-8") as file:
            fields = fast_json.loads(file.read())
        if not isinstance(fields, dict):
            raise ValueError("not an object")
        return fields
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _damaged(error) from None


def _damaged(error: Exception) -> RuntimeMissingError:
    return RuntimeMissingError(f"{_manifest_path()} is damaged: {error}", hint=_reinstall())


def _manifest_path() -> str:
    return os.path.join(deno_package(), "manifest.json")


def find_deno(*, quiet: bool = False) -> str:
    """Returns the path of a Deno that can be started, unpacking it if this is the first run.

    Args:
        quiet: Whether nothing is said on stderr of unpacking it.

    Raises:
        RuntimeMissingError: There is none; the message names every place that was tried.
    """
    override = os.environ.get("CORAL_DENO_PATH")
    if override:
        from coral.runner.override import checked_override

        return checked_override(override)
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

    return extract(manifest, bases, quiet=quiet)


def intact(path: str, manifest: Manifest) -> bool:
    """Says whether an unpacked binary can be trusted: complete, ours or root's, not writable by others."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    return (
        status.st_size == manifest.size
        and status.st_uid in (0, own_uid())
        and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        and os.access(path, os.X_OK)  # false on a noexec mount too
    )


def _reinstall() -> str:
    return (
        "reinstall Coral (pip install --force-reinstall coral), or set CORAL_DENO_PATH to a Deno binary;"
        " in a source tree run ./bazelw run //:dev"
    )
