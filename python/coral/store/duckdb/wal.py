"""A look at a write-ahead log before DuckDB opens it.

Motive: DuckDB takes a log whose beginning, or whose length of an entry, is damaged for one that a crash
cut short: it opens, without a word, with less than was acknowledged. (What is damaged elsewhere it
finds by checksum and refuses.) So the structure is walked here: a log that a crash cut short ends
within one transaction, and no later commit follows.

The log of DuckDB 2.0: a header (type 98, version 2, the database's identifier, a counter), then entries
of `uint64 size, uint64 checksum, payload`; a commit is the payload `64 00 64 ff ff`.
"""

from __future__ import annotations

import mmap
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HEADER: Final = re.compile(
    rb"\x64\x00\x62\x65\x00\x02\x66\x00\x10(?:[\x80-\xff]\x01|[\x00-\x7f]){16}"
    rb"\x67\x00[\x80-\xff]*[\x00-\x7f]\xff\xff"
)
_VERSION: Final = re.compile(rb"\x64\x00\x62\x65\x00([\x03-\x7f])\x66\x00")
_LONGEST_HEADER: Final = 9 + 2 * 16 + 2 + 10 + 2
_ENTRY: Final = struct.Struct("<QQ")
_COMMIT: Final = re.compile(rb"\x05\x00{7}.{8}\x64\x00\x64\xff\xff", re.DOTALL)


@dataclass(frozen=True)
class WalCheck:
    """What a log looks like.

    Attributes:
        damaged: Why it is damaged; empty when it is whole, or cut short as by a crash.
        good_bytes: Length of the part before the damage that can be replayed; 0 when there is none.
    """

    damaged: str
    good_bytes: int


def check_wal(path: Path) -> WalCheck:
    """Walks a log. A missing or empty one is whole; of a later version nothing is said.

    Raises:
        OSError: It cannot be read.
    """
    size = path.stat().st_size if path.exists() else 0
    if size == 0:
        return WalCheck("", 0)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        header = _HEADER.match(content)
        if header is None:
            if _VERSION.match(content):
                return WalCheck("", size)
            if size < _LONGEST_HEADER and _COMMIT.search(content) is None:
                return WalCheck("", 0)
            return WalCheck("its header is damaged", 0)
        return _walk(content, header.end())


def _walk(content: mmap.mmap, start: int) -> WalCheck:
    position, size = start, len(content)
    while position + _ENTRY.size <= size:
        length, _ = _ENTRY.unpack_from(content, position)
        if length == 0 or length > size - position - _ENTRY.size:
            break
        position += _ENTRY.size + length
    # A cut log has no commit beyond the entry that does not fit.
    if position < size and _COMMIT.search(content, position) is not None:
        return WalCheck(f"its entry at byte {position} has a wrong length", position)
    return WalCheck("", position)


def damage_position(message: str) -> int | None:
    """Where the entry begins whose checksum is wrong, by DuckDB's message; None when it does not tell."""
    found = re.search(r"entry at byte position (\d+) computed checksum", message)
    return int(found[1]) - _ENTRY.size if found else None
