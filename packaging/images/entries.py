"""Files of an image: read from tars and folders, written as layers with the same bytes every time."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

EPOCH = 1577836800
"""2020-01-01: the time of every file, as in the wheels."""

USER = 65532
"""The user of the images, as in other images without a shell."""


@dataclass(frozen=True)
class Entry:
    """A file, a directory or a symbolic link.

    Attributes:
        mode: Permissions.
        data: A file's content; None of the others.
        link: Where a symbolic link leads; None of the others.
        owner: Number of its user and group.
    """

    mode: int
    data: bytes | None = None
    link: str | None = None
    owner: int = 0


Entries = dict[str, Entry]
"""By path, without a leading slash."""


def directory(mode: int = 0o755, owner: int = 0) -> Entry:
    """A directory."""
    return Entry(mode, owner=owner)


def text(content: str, mode: int = 0o644) -> Entry:
    """A text file."""
    return Entry(mode, data=content.encode())


def read_tar(path: Path) -> Entries:
    """The content of a tar; devices are left out, hard links become files."""
    found: Entries = {}
    with tarfile.open(path) as archive:
        for member in archive:
            name = str(PurePosixPath(member.name)).strip("/")
            if name == ".":
                continue
            if member.issym():
                found[name] = Entry(0o777, link=member.linkname)
            elif member.isdir():
                found[name] = Entry(member.mode & 0o1777)
            elif member.isreg() or member.islnk():
                source = archive.extractfile(member)
                assert source is not None
                found[name] = Entry(member.mode & 0o755, data=source.read())
    return found


def read_folder(folder: Path, place: str) -> Entries:
    """The content of a folder, below `place`."""
    found: Entries = {}
    for path in folder.rglob("*"):
        name = f"{place}/{path.relative_to(folder).as_posix()}"
        if path.is_symlink():
            found[name] = Entry(0o777, link=str(path.readlink()))
        elif path.is_dir():
            found[name] = directory()
        else:
            found[name] = Entry(0o755 if path.stat().st_mode & 0o100 else 0o644, data=path.read_bytes())
    return found


def write_layer(entries: Mapping[str, Entry]) -> bytes:
    """A tar of the entries and of the directories that lead to them. Equal files are stored once."""
    complete = dict(_parents(entries)) | dict(entries)
    first: dict[tuple[bytes, int, int], str] = {}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(complete):
            entry = complete[name]
            member = tarfile.TarInfo(name)
            member.mode, member.mtime = entry.mode, EPOCH
            member.uid = member.gid = entry.owner
            if entry.link is not None:
                member.type, member.linkname = tarfile.SYMTYPE, entry.link
            elif entry.data is None:
                member.type = tarfile.DIRTYPE
            elif same := _twin(first, name, entry):
                member.type, member.linkname = tarfile.LNKTYPE, same
            else:
                member.size = len(entry.data)
            archive.addfile(member, io.BytesIO(entry.data or b"") if member.isreg() else None)
    return out.getvalue()


def without(entries: Entries, *prefixes: str) -> Entries:
    """Leaves out what has one of the prefixes."""
    return {name: entry for name, entry in entries.items() if not name.startswith(prefixes)}


def owned(entry: Entry, owner: int) -> Entry:
    """The same entry of another owner."""
    return replace(entry, owner=owner)


def _twin(first: dict[tuple[bytes, int, int], str], name: str, entry: Entry) -> str | None:
    """The earlier entry with the same content, for files worth it."""
    if entry.data is None or len(entry.data) < 4096:
        return None
    key = (hashlib.sha256(entry.data).digest(), entry.mode, entry.owner)
    earlier = first.setdefault(key, name)
    return None if earlier == name else earlier


def _parents(names: Iterable[str]) -> Iterator[tuple[str, Entry]]:
    for name in names:
        for parent in PurePosixPath(name).parents:
            if str(parent) != ".":
                yield str(parent), directory()
