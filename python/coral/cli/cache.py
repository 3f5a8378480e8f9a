"""`coral cache`: what Coral keeps there, and removing what is old."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import Final

import click

from coral.config.paths import own_uid
from coral.errors import StorageError
from coral.printing import emit, show_lines
from coral.runner import places
from coral.runner.binary import read_manifest
from coral.runner.imports import in_use

_STARTS: Final = "starts"
_RUNS: Final = "folders of runs"  # some KB, which every run takes anew: never removed


@dataclass(frozen=True)
class Entry:
    """One thing in the cache.

    Attributes:
        path: Where it is.
        what: What it is, for people.
        size: Bytes on the disk.
        old: Whether `prune` removes it.
    """

    path: str
    what: str
    size: int
    old: bool


@click.group()
def cache() -> None:
    """Show what Coral keeps in its cache, and remove what is old.

    All of it can be made again: removing everything costs a second at the next run.
    """


@cache.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show(as_json: bool) -> int:
    """Print what the cache holds, and what prune would remove."""
    entries = _entries()
    if as_json:
        from coral.cli.output import render_json

        listed = [
            {"path": entry.path, "what": entry.what, "bytes": entry.size, "old": entry.old}
            for entry in entries
        ]
        emit(render_json(listed))
        return 0
    for entry in entries:
        state = "old" if entry.old else "used"
        show_lines(f"{_size(entry.size):>9}  {state:<4}  {entry.what:<20}  {entry.path}")
    old = sum(entry.size for entry in entries if entry.old)
    total = sum(entry.size for entry in entries)
    show_lines(f"{_size(total):>9}  in all; coral cache prune frees {_size(old)}")
    return 0


@cache.command()
@click.option("--all", "everything", is_flag=True, help="Remove all that is not in use.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
def prune(everything: bool, dry_run: bool) -> int:
    """Remove what earlier versions and killed runs have left."""
    freed = 0
    for entry in _entries():
        if not (entry.old or everything) or entry.what == _RUNS:
            continue
        if _in_use(entry.path):
            show_lines(f"kept {entry.path}: it is in use")
            continue
        if not dry_run:
            _remove(entry.path)
        show_lines(f"{'would remove' if dry_run else 'removed'} {entry.path} ({_size(entry.size)})")
        freed += entry.size
    show_lines(f"{'would free' if dry_run else 'freed'} {_size(freed)}")
    return 0


def _entries() -> list[Entry]:
    manifest = read_manifest()
    current = None if manifest is None else f"{manifest.version}-{manifest.sha256[:12]}"
    found = []
    for base in places.candidate_bases():
        if os.path.islink(base) or not os.path.isdir(base) or os.stat(base).st_uid != own_uid():
            continue  # not ours
        for name in _names(os.path.join(base, "deno")):
            path = os.path.join(base, "deno", name)
            if name.endswith(".lock"):
                if not os.path.isdir(path.removesuffix(".lock")):
                    found.append(Entry(path, "leftover lock", _bytes(path), True))
                continue
            found.append(Entry(path, f"Deno {name.partition('-')[0]}", _bytes(path), name != current))
            left = [each for each in _names(path) if each.startswith(".unpack-")]
            found += [
                Entry(part, "leftover of unpacking", _bytes(part), True)
                for part in (os.path.join(path, each) for each in left)
                if name == current
            ]
        for name, what in (("runs", _RUNS), (_STARTS, "plans of earlier runs")):
            path = os.path.join(base, name)
            if os.path.isdir(path):
                found.append(Entry(path, what, _bytes(path), False))
        for name in ("deno-dir", "deno-dir-open", "check-dir"):
            path = os.path.join(base, name)
            if os.path.isdir(path):
                found.append(Entry(path, "Deno's own caches", _bytes(path), False))
    return found


def _remove(path: str) -> None:
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    except FileNotFoundError:
        pass  # somebody else was faster
    except OSError as error:
        raise StorageError(
            f"{path} cannot be removed: {error.strerror}", hint="remove it as the user that it belongs to"
        ) from None


def _in_use(path: str) -> bool:
    """Whether a script may be running by it, or Deno is being unpacked to it."""
    base = os.path.dirname(path)
    if os.path.basename(path) == _STARTS:
        from coral.runner.head_start_file import in_use as gates_in_use

        return in_use(base) or gates_in_use(path)
    if os.path.basename(base) != "deno":
        return in_use(base)
    manifest = read_manifest()
    current = manifest is not None and path == os.path.dirname(manifest.below(os.path.dirname(base)))
    if current and in_use(os.path.dirname(base)):
        return True
    return _locked(path if path.endswith(".lock") else f"{path}.lock")


def _locked(path: str) -> bool:
    if os.name != "posix":
        return False  # Windows itself refuses to remove what is in use
    import fcntl

    try:
        file = open(path, encoding="utf-8")  # noqa: SIM115 (closed below)
    except OSError:
        return False  # nobody can have it
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _bytes(path: str) -> int:
    if not os.path.isdir(path) or os.path.islink(path):
        return os.lstat(path).st_size
    return sum(
        os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(path) for name in names
    )


def _size(count: int) -> str:
    return f"{count / 1024**2:.1f} MiB" if count >= 1024**2 else f"{count / 1024:.1f} KiB"
