"""Go's own table of functions and lines, `.gopclntab`, which even stripped Go binaries have.

Source: `runtime/symtab.go` and `debug/gosym/pclntab.go` of Go; formats of Go 1.18 to 1.27.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from coral.limits import MAX_PROGRAM_FUNCTIONS, MAX_SECTION_BYTES, MAX_SYMBOL_BYTES

_MAGIC_1_18: Final = 0xFFFFFFF0
_MAGIC_1_20: Final = 0xFFFFFFF1
_SECTIONS: Final = (".gopclntab", ".data.rel.ro.gopclntab")
_MODULE_SECTIONS: Final = (".go.module", ".noptrdata", ".data.rel.ro", ".data")
_TEXT_WORD: Final = 22  # of `runtime.moduledata`, in words; see `_text_start`
_MIN_PC_WORD: Final = 20


@dataclass(frozen=True)
class GoFunction:
    """A function with its first address and its place in the source."""

    name: str
    address: int
    file: str
    line: int


def read_go_functions(elf: Any) -> Iterator[GoFunction]:
    """The functions of a Go binary; none when it is not one, or older than Go 1.18."""
    found = _find_table(elf)
    if found is None:
        return
    data, table_address = found
    table = _Table(data, "<" if elf.little_endian else ">")
    start = table.text_start or _text_start(elf, table, table_address)
    if start is None:
        return
    for number in range(min(table.count, MAX_PROGRAM_FUNCTIONS + 1)):
        function = table.function(number, start)
        if function is not None:
            yield function


class _Table:
    def __init__(self, data: bytes, order: str) -> None:
        self._data = data
        self._order = order
        magic, _, _, self._quantum, pointer = struct.unpack_from(order + "IBBBB", data)
        if magic not in (_MAGIC_1_18, _MAGIC_1_20) or pointer not in (4, 8):
            raise ValueError("its Go function table has an unknown format")
        word = "Q" if pointer == 8 else "I"
        fields = struct.unpack_from(f"{order}8{word}", data, 8)
        self.count, _, self.text_start, self._names, self._units, self._files, self._values, self._ftab = (
            fields
        )
        if self._ftab + self.count * 8 > len(data):
            raise ValueError("its Go function table is cut off")

    def entry(self, number: int) -> int:
        """Address of a function, counted from the start of the text."""
        return self._number("I", self._ftab + number * 8)

    def function(self, number: int, start: int) -> GoFunction | None:
        """One function; None for the entries without a name."""
        at = self._ftab + self._number("I", self._ftab + number * 8 + 4)
        entry, name_at = self._number("I", at), self._number("i", at + 4)
        pc_file, pc_line = self._number("I", at + 20), self._number("I", at + 24)
        unit = self._number("I", at + 32)
        name = self._text(self._names + name_at)
        if not name:
            return None
        file_number = self._first_value(pc_file)
        line = self._first_value(pc_line)
        file = ""
        if file_number >= 0 and unit != 0xFFFFFFFF:
            file_at = self._number("I", self._units + 4 * (unit + file_number))
            file = "" if file_at == 0xFFFFFFFF else self._text(self._files + file_at)
        return GoFunction(name, start + entry, file, max(line, 0))

    def _first_value(self, at: int) -> int:
        """The first value of a table of values by address: a zigzag difference from -1."""
        if at == 0:
            return -1
        value = shift = 0
        position = self._values + at
        while True:
            byte = self._data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift > 35:
                break
        difference = int(value >> 1 if value & 1 == 0 else ~(value >> 1))
        return difference - 1

    def _number(self, kind: str, at: int) -> int:
        return int(struct.unpack_from(self._order + kind, self._data, at)[0])

    def _text(self, start: int) -> str:
        end = self._data.find(b"\0", start, start + MAX_SYMBOL_BYTES)
        return self._data[start : end if end >= 0 else start + MAX_SYMBOL_BYTES].decode("utf-8", "replace")


def _find_table(elf: Any) -> tuple[bytes, int] | None:
    for name in _SECTIONS:
        section = elf.get_section_by_name(name)
        if section is not None and section["sh_size"] <= MAX_SECTION_BYTES:
            return section.data(), section["sh_addr"]
    if elf.num_sections() > 0:
        return None
    return _search_segments(elf)  # without section headers the table is somewhere in the data


def _search_segments(elf: Any) -> tuple[bytes, int] | None:
    order = "<" if elf.little_endian else ">"
    pointer = elf.elfclass // 8
    starts = [
        struct.pack(f"{order}IBBBB", magic, 0, 0, quantum, pointer)
        for magic in (_MAGIC_1_20, _MAGIC_1_18)
        for quantum in (1, 4)
    ]
    for segment in elf.iter_segments("PT_LOAD"):
        if segment["p_filesz"] > MAX_SECTION_BYTES:
            continue
        data = segment.data()
        for start in starts:
            at = data.find(start)
            if at >= 0:
                return data[at:], segment["p_vaddr"] + at
    return None


def _text_start(elf: Any, table: _Table, table_address: int) -> int | None:
    """Address of the text in binaries whose function table does not say it (PIE; Go from 1.26 on).

    `runtime.moduledata` has it. It begins with a pointer to the function table; minpc is the text's
    start plus the first entry, which tells whether the layout is the one that we know.
    """
    pointer = elf.elfclass // 8
    order: Literal["little", "big"] = "little" if elf.little_endian else "big"
    moved = _relocations(elf)
    for name in _MODULE_SECTIONS:
        section = elf.get_section_by_name(name)
        if section is None or section["sh_size"] > MAX_SECTION_BYTES or section["sh_type"] == "SHT_NOBITS":
            continue
        data, base = section.data(), section["sh_addr"]

        def word(at: int, data: bytes = data, base: int = base) -> int:
            in_place = int.from_bytes(data[at : at + pointer], order)
            return in_place or moved.get(base + at, 0)

        first = table_address.to_bytes(pointer, order)
        places = list(_aligned(data, first, pointer))
        places += [at - base for at, target in moved.items() if target == table_address]
        for at in places:
            text, lowest = word(at + _TEXT_WORD * pointer), word(at + _MIN_PC_WORD * pointer)
            if text and lowest == text + table.entry(0):
                return text
    text_section = elf.get_section_by_name(".text")
    if text_section is None:
        return None
    # A layout that we do not know. Where Go linked alone its text is the section, and begins the program.
    start = int(text_section["sh_addr"])
    for number in range(min(table.count, MAX_PROGRAM_FUNCTIONS)):
        if start + table.entry(number) == elf["e_entry"]:
            function = table.function(number, start)
            return start if function is not None and function.name.startswith("_rt0_") else None
    return None


def _aligned(data: bytes, wanted: bytes, step: int) -> Iterator[int]:
    at = data.find(wanted)
    while at >= 0:
        if at % step == 0:
            yield at
        at = data.find(wanted, at + 1)


def _relocations(elf: Any) -> dict[int, int]:
    """What the loader writes, by where: in a PIE pointers are zero in the file."""
    section = elf.get_section_by_name(".rela.dyn") or elf.get_section_by_name(".rela")
    if section is None or elf.elfclass != 64 or section["sh_size"] > MAX_SECTION_BYTES:
        return {}
    data = section.data()
    entry = struct.Struct(("<" if elf.little_endian else ">") + "QQq")
    return {
        where: target for where, _, target in entry.iter_unpack(data[: len(data) - len(data) % entry.size])
    }
