#!/usr/bin/env python3
"""Looks up locked packages in a copy of OSV's data: `known_vulnerabilities.py --database PATH... LOCK...`.

The copy is what OSV exports for each ecosystem (`all.zip`, a JSON file for each entry), or a folder of such
files. Locks are pip's (`*.lock`), npm's (`package-lock.json`), and that of Deno, which OSV knows as a crate.

Exit codes: 0 nothing was found, 1 something was, 2 arguments or files cannot be used, 3 there are locks whose
ecosystem is not in the copy. Wants `packaging`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

_PYTHON, _NPM, _CRATES = "PyPI", "npm", "crates.io"
_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)
_SEMANTIC = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+.*)?")


class UnusableError(Exception):
    """A file that is not what it should be."""


@dataclass(frozen=True, order=True)
class Package:
    """One package of a lock."""

    ecosystem: str
    name: str
    version: str


@dataclass
class Database:
    """Entries by ecosystem and package."""

    entries: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    ecosystems: set[str] = field(default_factory=set)
    count: int = 0
    newest: str = ""

    def add(self, entry: dict[str, Any]) -> None:
        """Takes one entry in, unless it was withdrawn."""
        self.count += 1
        self.newest = max(self.newest, str(entry.get("modified", "")))
        for affected in entry.get("affected", ()):
            package = affected.get("package", {})
            ecosystem, name = package.get("ecosystem", "").partition(":")[0], package.get("name", "")
            self.ecosystems.add(ecosystem)
            if "withdrawn" not in entry:
                found = self.entries.setdefault((ecosystem, _name(ecosystem, name)), [])
                found.append({"entry": entry, "affected": affected})

    def about(self, package: Package) -> Iterator[dict[str, Any]]:
        """The entries that a package's version is affected by, or may be, each once."""
        seen = set()
        for found in self.entries.get((package.ecosystem, package.name), ()):
            try:
                affected, doubt = _is_affected(package, found["affected"]), ""
            except UnusableError as error:
                affected, doubt = True, str(error)
            if affected and found["entry"]["id"] not in seen:
                seen.add(found["entry"]["id"])
                yield {**found, "doubt": doubt}


def read_database(paths: Sequence[Path]) -> Database:
    """Reads what OSV exports.

    Raises:
        UnusableError: A path is no such thing, or there is no entry at all.
    """
    database = Database()
    for path in paths:
        for name, text in _texts(path):
            try:
                entry = json.loads(text)
                if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
                    raise ValueError("it has no id")
                database.add(entry)
            except (ValueError, AttributeError, TypeError) as error:
                raise UnusableError(f"{name} is no entry of OSV: {error}") from None
    if not database.count:
        raise UnusableError(f"there is no entry in {', '.join(map(str, paths))}")
    return database


def read_lock(path: Path) -> list[Package]:
    """The packages of a lock.

    Raises:
        UnusableError: It is none, or an empty one.
    """
    try:
        text = path.read_text(encoding="utf-8")
        packages = _npm_packages(text) if path.suffix == ".json" else _python_packages(text)
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise UnusableError(f"{path} is no lock: {error}") from None
    if not packages:
        raise UnusableError(f"{path} is no lock: it pins nothing")
    return sorted(packages)


def _texts(path: Path) -> Iterator[tuple[str, str | bytes]]:
    try:
        if path.is_dir():
            for file in sorted(path.rglob("*.json")):
                yield str(file), file.read_text(encoding="utf-8")
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in sorted(archive.namelist()):
                    if name.endswith(".json"):
                        yield f"{path}: {name}", archive.read(name)
        else:
            yield str(path), path.read_text(encoding="utf-8")
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise UnusableError(f"{path} cannot be read: {error}") from None


def _python_packages(text: str) -> set[Package]:
    found = {Package(_PYTHON, canonicalize_name(name), version) for name, version in _PINNED.findall(text)}
    crates = {Package(_CRATES, package.name, package.version) for package in found if package.name == "deno"}
    return found | crates


def _npm_packages(text: str) -> set[Package]:
    return {
        Package(_NPM, entry.get("name") or path.rpartition("node_modules/")[2], entry["version"])
        for path, entry in json.loads(text)["packages"].items()
        if path and not entry.get("link")
    }


def _name(ecosystem: str, name: str) -> str:
    return canonicalize_name(name) if ecosystem == _PYTHON else name


def _is_affected(package: Package, affected: dict[str, Any]) -> bool:
    if package.version in affected.get("versions", ()):
        return True
    return any(
        _is_in_range(package, found["events"])
        for found in affected.get("ranges", ())
        if found.get("type") in ("ECOSYSTEM", "SEMVER")
    )


def _is_in_range(package: Package, events: list[dict[str, str]]) -> bool:
    """OSV's own rule: the last event at or before the version decides."""
    own = _key(package.ecosystem, package.version)
    ordered = sorted(
        (_key(package.ecosystem, version), kind)
        for event in events
        for kind, version in event.items()
        if kind in ("introduced", "fixed", "last_affected")
    )
    inside = False
    for key, kind in ordered:
        if kind == "introduced" and own >= key:
            inside = True
        elif (kind == "fixed" and own >= key) or (kind == "last_affected" and own > key):
            inside = False
    return inside


def _key(ecosystem: str, version: str) -> Any:
    """What versions of an ecosystem are ordered by."""
    if version == "0":
        return (0,)  # before all others
    if ecosystem == _PYTHON:
        try:
            return (1, Version(version))
        except InvalidVersion:
            raise UnusableError(f"{version!r} is no version of Python's") from None
    parts = _SEMANTIC.fullmatch(version)
    if parts is None:
        raise UnusableError(f"{version!r} is no semantic version")
    # Without a suffix it comes after all with one; numbers come before words.
    suffix = [
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in (parts[4] or "").split(".")
        if part
    ]
    return (1, *(int(parts[number]) for number in (1, 2, 3)), not suffix, suffix)


def _describe(package: Package, found: dict[str, Any]) -> str:
    entry = found["entry"]
    events = [event for each in found["affected"].get("ranges", ()) for event in each["events"]]
    fixed = [event["fixed"] for event in events if "fixed" in event]
    names = [entry["id"], *(alias for alias in entry.get("aliases", ()) if alias.startswith("CVE-"))]
    text = f"{package.name} {package.version}: {', '.join(names)}"
    if fixed:
        text += f", mended in {', '.join(fixed)}"
    if found["doubt"]:
        text += f", if at all ({found['doubt']})"
    return f"{text}: {entry['summary']}" if entry.get("summary") else text


def main(arguments: Sequence[str]) -> int:
    """Runs the program."""
    parser = argparse.ArgumentParser(description="Looks up locked packages in a copy of OSV's data.")
    parser.add_argument("--database", action="append", required=True, type=Path)
    parser.add_argument("locks", nargs="+", type=Path)
    given = parser.parse_args(arguments)
    code = 0
    try:
        database = read_database(given.database)
        print(
            f"a copy of OSV with {database.count} entries, the newest of {database.newest or 'no known time'}"
        )
        for path in given.locks:
            packages = read_lock(path)
            absent = {package.ecosystem for package in packages} - database.ecosystems
            known = [package for package in packages if package.ecosystem not in absent]
            hits = [_describe(package, found) for package in known for found in database.about(package)]
            if hits:
                code = 1
                print(f"FOUND    {path}", *(f"         {hit}" for hit in hits), sep="\n")
            elif not absent:
                print(f"ok       {path}: {len(packages)} packages")
            if absent:
                code = code or 3
                print(f"not checked: {path}: the copy has no entries of {', '.join(sorted(absent))}")
    except UnusableError as error:
        print(f"error: {error}", file=sys.stderr)
        hint = "give OSV's exports, all.zip of each ecosystem, or a folder of their JSON files"
        print(f"hint: {hint}", file=sys.stderr)
        return 2
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
