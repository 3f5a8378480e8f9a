"""A Deno of the user's choice: `CORAL_DENO_PATH`, checked against the version that Coral works with."""

from __future__ import annotations

import os
import subprocess

from coral.errors import RuntimeMissingError
from coral.runner import places
from coral.runner.binary import DAMAGED_HINT, read_manifest

_HINT = "unset CORAL_DENO_PATH to use the Deno that comes with Coral"


def checked_override(path: str) -> str:
    """Returns the absolute path of a Deno that the user chose.

    Args:
        path: The value of `CORAL_DENO_PATH`.

    Raises:
        RuntimeMissingError: It is no Deno that can be started, or of another version.
    """
    path = os.path.abspath(path)
    if not os.access(path, os.X_OK) or os.path.isdir(path):
        raise RuntimeMissingError(
            f"CORAL_DENO_PATH names {path}, which is no program that can be started", hint=_HINT
        )
    manifest = read_manifest()
    if manifest is None:
        return path  # a source tree: no version is pinned here
    version = _remembered_version(path)
    if version != manifest.version:
        raise RuntimeMissingError(
            f"CORAL_DENO_PATH names Deno {version}, Coral works with {manifest.version}", hint=_HINT
        )
    return path


def deno_version(path: str) -> str:
    """Asks a Deno binary for its version.

    Args:
        path: The binary.

    Raises:
        RuntimeMissingError: It does not start or does not answer as Deno does.
    """
    try:
        answer = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=20, env={"NO_COLOR": "1"}, check=True
        ).stdout
        name, version = answer.split()[:2]
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise RuntimeMissingError(f"{path} does not start as Deno: {error}", hint=_hint()) from None
    if name != "deno":
        raise RuntimeMissingError(f"{path} is {name}, expected deno", hint=_hint())
    return version


def _hint() -> str:
    return _HINT if os.environ.get("CORAL_DENO_PATH") else DAMAGED_HINT


def _remembered_version(path: str) -> str:
    """Asks for the version once per file: starting Deno only for that costs 10 ms."""
    status = os.stat(path)
    identity = f"{path}\n{status.st_size}\n{status.st_mtime_ns}\n"
    base = places.writable_base()
    if base is None:
        return deno_version(path)
    note = os.path.join(base, "deno-path-version")
    try:
        with open(note, encoding="utf-8") as file:
            known = file.read()
    except OSError:
        known = ""  # not asked yet
    if known.startswith(identity):
        return known[len(identity) :]
    version = deno_version(path)
    temporary = f"{note}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(identity + version)
    os.replace(temporary, note)
    return version
