"""Where the symbols of a stripped binary are kept: debug files by build id or link, or packed inside.

The places are those that gdb looks at ("Debugging Information in Separate Files" of its manual).
"""

from __future__ import annotations

import io
import lzma
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from coral.agent.functions.places import inside, open_regular
from coral.limits import MAX_SECTION_BYTES

_DEBUG_FOLDER: Final = "/usr/lib/debug"
_CHUNK: Final = 1 << 20


def open_debug_files(elf: Any, opened: ExitStack, *, shown: str, root: str) -> Iterator[Any]:
    """The ELF files that hold what was stripped from a binary.

    Args:
        elf: The binary.
        opened: Closes them.
        shown: Its path as the service sees it.
        root: The file system root of the service.
    """
    packed = _packed(elf)
    if packed is not None:
        yield packed
    build_id = _build_id(elf)
    folder = os.path.dirname(shown)
    link = _link(elf)
    if build_id:
        path = f"{_DEBUG_FOLDER}/.build-id/{build_id[:2]}/{build_id[2:]}.debug"
        found = _open(inside(root, path), opened)
        if found is not None and _build_id(found) == build_id:
            yield found
            return
    if link is not None:
        name, checksum = link
        for path in (f"{folder}/{name}", f"{folder}/.debug/{name}", f"{_DEBUG_FOLDER}{folder}/{name}"):
            place = inside(root, path)
            if path != shown and _checksum(place) == checksum:
                found = _open(place, opened)
                if found is not None:
                    yield found
                    return


def _build_id(elf: Any) -> str:
    section = elf.get_section_by_name(".note.gnu.build-id")
    if section is None:
        return ""
    for note in section.iter_notes():
        if note["n_type"] == "NT_GNU_BUILD_ID":
            identity = str(note["n_desc"])
            return identity if re.fullmatch(r"[0-9a-f]{4,128}", identity) else ""
    return ""


def _link(elf: Any) -> tuple[str, int] | None:
    """File name and CRC-32 in `.gnu_debuglink`."""
    section = elf.get_section_by_name(".gnu_debuglink")
    if section is None or section["sh_size"] > 4096:
        return None
    data = section.data()
    name, _, _ = data.partition(b"\0")
    checksum = int.from_bytes(data[-4:], "little" if elf.little_endian else "big")
    text = name.decode("utf-8", "replace")
    return (text, checksum) if text and "/" not in text else None


def _packed(elf: Any) -> Any | None:
    """MiniDebugInfo: an ELF file with a symbol table, compressed with xz, as Fedora ships."""
    section = elf.get_section_by_name(".gnu_debugdata")
    if section is None or section["sh_size"] > MAX_SECTION_BYTES:
        return None
    unpacker = lzma.LZMADecompressor(memlimit=MAX_SECTION_BYTES)
    try:
        data = unpacker.decompress(section.data(), MAX_SECTION_BYTES)
        return ELFFile(io.BytesIO(data))
    except (lzma.LZMAError, ELFError):
        return None  # a damaged extra; what the binary itself holds is still good


def _open(path: Path | None, opened: ExitStack) -> Any | None:
    try:
        return None if path is None else ELFFile(opened.enter_context(open_regular(path)))
    except (OSError, ELFError):
        return None  # not installed, or not for us: the binary's own symbols remain


def _checksum(path: Path | None) -> int | None:
    if path is None:
        return None
    checksum = 0
    try:
        with open_regular(path) as file:
            while chunk := file.read(_CHUNK):
                checksum = zlib.crc32(chunk, checksum)
    except OSError:
        return None
    return checksum
