"""Source lines of functions from DWARF line tables.

pyelftools reads the headers; the programs behind them are run here, as its own run makes an object of
each row: a minute for a large binary instead of seconds. Only rows at the start of a wanted function
matter. Source: DWARF 5, section 6.2.
"""

from __future__ import annotations

import time
from typing import Any, Final

from coral.limits import MAX_SECTION_BYTES

_SECTIONS: Final = (".debug_line", ".debug_info", ".debug_abbrev", ".debug_str", ".debug_line_str")
_CHECK_EVERY: Final = 65_536


class _TimeIsUp(Exception):
    """The deadline passed."""


def read_lines(elf: Any, wanted: set[int], places: dict[int, tuple[str, int]], *, deadline: float) -> bool:
    """Finds file and line of functions.

    Args:
        elf: A binary or its debug file.
        wanted: Addresses of functions; those that were found are taken out.
        places: File and line by address; what is found is put in.
        deadline: When to stop, on the monotonic clock.

    Returns:
        False when the time was up, or the tables are too large, before all was read.
    """
    if elf.get_section_by_name(".debug_line") is None and elf.get_section_by_name(".zdebug_line") is None:
        return True
    if any(_size(elf, name) > MAX_SECTION_BYTES for name in _SECTIONS):
        return False
    dwarf = elf.get_dwarf_info(relocate_dwarf_sections=False, follow_links=False)
    seen: set[int] = set()
    try:
        for unit in dwarf.iter_CUs():
            if time.monotonic() > deadline:
                return False
            table = dwarf.line_program_for_CU(unit)
            if table is None or table.program_start_offset in seen:
                continue
            seen.add(table.program_start_offset)
            _run(table, _Files(table, unit), wanted, places, deadline)
            if not wanted:
                return True
    except _TimeIsUp:
        return False
    return True


def _size(elf: Any, name: str) -> int:
    section = elf.get_section_by_name(name)
    return 0 if section is None else int(section.data_size)


class _Files:
    """The file names of one table, made when they are needed."""

    def __init__(self, table: Any, unit: Any) -> None:
        self._header = table.header
        self._unit = unit
        self._known: dict[int, str] = {}

    def __getitem__(self, number: int) -> str:
        if number not in self._known:
            self._known[number] = self._name(number)
        return self._known[number]

    def _name(self, number: int) -> str:
        old = self._header["version"] < 5  # counts from 1, and knows the folder of compilation elsewhere
        entries = self._header["file_entry"]
        index = number - 1 if old else number
        if not 0 <= index < len(entries):
            return ""
        entry = entries[index]
        folders = self._header["include_directory"]
        folder_number = entry.dir_index - 1 if old else entry.dir_index
        folder = _text(folders[folder_number]) if 0 <= folder_number < len(folders) else ""
        name = _text(entry.name)
        if folder and not name.startswith("/"):
            name = f"{folder}/{name}"
        if not name.startswith("/"):
            top = self._unit.get_top_DIE().attributes.get("DW_AT_comp_dir")
            name = f"{_text(top.value)}/{name}" if top is not None else name
        return name


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _run(
    table: Any, files: _Files, wanted: set[int], places: dict[int, tuple[str, int]], deadline: float
) -> None:
    header = table.header
    stream = table.stream
    stream.seek(table.program_start_offset)
    code = stream.read(table.program_end_offset - table.program_start_offset)
    opcode_base, line_base, line_range = header["opcode_base"], header["line_base"], header["line_range"]
    step = header["minimum_instruction_length"]
    operands = list(header["standard_opcode_lengths"])
    little = table.structs.little_endian
    if line_range == 0:
        return
    const_advance = (255 - opcode_base) // line_range * step
    address, file, line = 0, 1, 1
    position, end, count = 0, len(code), 0
    while position < end:
        count += 1
        if count % _CHECK_EVERY == 0 and time.monotonic() > deadline:
            raise _TimeIsUp
        opcode = code[position]
        position += 1
        row = False
        if opcode >= opcode_base:
            adjusted = opcode - opcode_base
            address += adjusted // line_range * step
            line += line_base + adjusted % line_range
            row = True
        elif opcode == 0:  # extended
            length, position = _unsigned(code, position)
            kind = code[position] if length else 0
            if kind == 1:  # end of a sequence
                address, file, line = 0, 1, 1
            elif kind == 2:  # set address
                address = int.from_bytes(
                    code[position + 1 : position + length], "little" if little else "big"
                )
            position += length
        elif opcode == 1:  # copy
            row = True
        elif opcode == 2:  # advance pc
            value, position = _unsigned(code, position)
            address += value * step
        elif opcode == 3:  # advance line
            value, position = _signed(code, position)
            line += value
        elif opcode == 4:  # set file
            file, position = _unsigned(code, position)
        elif opcode == 8:  # const add pc
            address += const_advance
        elif opcode == 9:  # fixed advance pc
            address += int.from_bytes(code[position : position + 2], "little" if little else "big")
            position += 2
        else:  # nothing that changes address, file or line
            for _ in range(operands[opcode - 1]):
                _, position = _unsigned(code, position)
        if row and address in wanted and line > 0:
            places[address] = (files[file], line)
            wanted.discard(address)


def _unsigned(code: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = code[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
        if shift > 70:
            raise ValueError("a number in a line table is too long")


def _signed(code: bytes, position: int) -> tuple[int, int]:
    start = position
    value, position = _unsigned(code, position)
    bits = 7 * (position - start)
    return (value - (1 << bits) if value >> (bits - 1) & 1 else value), position
