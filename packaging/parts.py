"""What Coral is delivered with that others wrote: what is in the wheel, and what the wheel asks pip for.

Everything is read from what was built (the list of what esbuild bundled, the manifest of Deno's archive),
from the locks and from the metadata of the pinned environment. Nothing is listed by hand but licences that
metadata do not say.
"""

from __future__ import annotations

import base64
import importlib.metadata
import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# One environment for each platform that has a wheel.
_PLATFORMS = (
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
)


@dataclass(frozen=True)
class Part:
    """Something that others wrote.

    Attributes:
        kind: `npm`, `pypi`, or `deno` for the runtime.
        name: As its registry names it.
        version: The exact one.
        licence: An SPDX expression.
        place: Where it is: a path in the wheel, or "" for what pip installs beside it.
        text: The text of its licence and its notices, "" for Apache-2.0 without notices.
        digest: Algorithm and hex digits of what was taken, or None.
        platform: The only wheel that has it, or "".
    """

    kind: str
    name: str
    version: str
    licence: str
    place: str = ""
    text: str = ""
    digest: tuple[str, str] | None = None
    platform: str = ""


def bundled_parts(sdk: Path, npm_lock: Path) -> list[Part]:
    """The npm packages in the SDK's bundle and in the page of reports.

    Args:
        sdk: The folder coral/_sdk as it was built.
        npm_lock: package-lock.json, which has their hashes.

    Raises:
        ValueError: Something was bundled in another version than the lock's.
    """
    locked = json.loads(npm_lock.read_text(encoding="utf-8"))["packages"]
    parts = []
    for entry in json.loads((sdk / "bundled.json").read_text(encoding="utf-8")):
        name, version = entry["name"], entry["version"]
        pin: dict[str, Any] = locked.get(f"node_modules/{name}", {})
        if pin.get("version") != version:
            raise ValueError(f"{name} {version} is in the bundle, {pin.get('version')} in {npm_lock}")
        algorithm, _, digits = pin["integrity"].partition("-")
        digest = (algorithm, base64.b64decode(digits).hex())
        place = f"coral/_sdk/{entry['file']}"
        parts.append(Part("npm", name, version, entry["licence"], place, entry["text"], digest))
    return parts


def deno_part(archive: Path, platform: str) -> Part:
    """Deno, as the archive's manifest tells of it."""
    manifest = json.loads((archive / "manifest.json").read_text(encoding="utf-8"))
    return Part(
        "deno",
        "deno",
        manifest["version"],
        "MIT",
        "coral/_deno/deno.zst",
        digest=("sha256", manifest["sha256"]),
        platform=platform,
    )


def python_parts(pyproject: Path, lock: Path, known: dict[str, str]) -> list[Part]:
    """The Python packages that the wheel asks for, and those that these ask for, on any platform.

    Args:
        pyproject: Has the wheel's requirements.
        lock: Has the versions that Coral is tested with.
        known: Licences that metadata do not say, by the package's name.

    Raises:
        ValueError: A package is missing in the lock, or its licence is not known.
    """
    pins = _pins(lock)
    requirements = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["dependencies"]
    waiting = [Requirement(text) for text in requirements]
    found: dict[tuple[str, str], Part] = {}
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *sorted(requirement.extras)):
            if (name, extra) in found:
                continue
            if name not in pins:
                raise ValueError(f"{name} is asked for and not in {lock}")
            found[name, extra] = Part("pypi", name, pins[name], _licence(name, known))
            waiting += [wanted for wanted in _requirements(name) if _applies(wanted.marker, extra)]
    return sorted({part.name: part for part in found.values()}.values(), key=lambda part: part.name)


def _pins(lock: Path) -> dict[str, str]:
    lines = re.findall(
        r"^([\w.-]+)(?:\[[\w,-]*\])?==(\S+)", lock.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    return {canonicalize_name(name): version for name, version in lines}


def _requirements(name: str) -> list[Requirement]:
    try:
        return [Requirement(text) for text in importlib.metadata.requires(name) or []]
    except importlib.metadata.PackageNotFoundError:
        return []  # of another platform: those have no requirements, and _licence asks for theirs to be known


def _applies(marker: Marker | None, extra: str) -> bool:
    return marker is None or any(marker.evaluate({**platform, "extra": extra}) for platform in _PLATFORMS)


def _licence(name: str, known: dict[str, str]) -> str:
    if name in known:
        return known[name]
    try:
        metadata = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        raise ValueError(f"{name} is not installed here: put its licence under [known]") from None
    licence = metadata["License-Expression"] or metadata["License"] or ""
    if not re.fullmatch(r"[\w.+-]+( (AND|OR|WITH) [\w.+-]+)*", licence):
        raise ValueError(
            f"{name} states its licence as {licence[:60]!r}: put an SPDX expression under [known]"
        )
    return str(licence)
