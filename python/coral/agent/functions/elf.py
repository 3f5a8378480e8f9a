"""Functions of an ELF binary: its symbol tables, its debug files, its line tables, Go's own table.

Runs only in the reading child, on files that may be damaged or hostile.
"""

from __future__ import annotations

import contextlib
import struct
import time
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from elftools.elf.elffile import ELFFile

from coral.agent.functions.damage import DAMAGED
from coral.agent.functions.debug_files import open_debug_files
from coral.agent.functions.demangle import Demangler
from coral.agent.functions.gopclntab import read_go_functions
from coral.agent.functions.lines import read_lines
from coral.agent.functions.program import FoundFunction, Program
from coral.errors import UsageError
from coral.limits import LINE_TABLE_SECONDS, MAX_PROGRAM_FUNCTIONS, MAX_SECTION_BYTES, MAX_SYMBOL_BYTES

_FUNCTION_TYPE: Final = 2  # STT_FUNC
_SYMBOL_TABLES: Final = ("SHT_SYMTAB", "SHT_DYNSYM")
_EXECUTABLE: Final = 1  # PF_X
_THUMB_MACHINES: Final = ("EM_ARM",)


class Layout:
    """Maps addresses to offsets in the file, for the parts that are executed."""

    def __init__(self, elf: Any) -> None:
        self._parts = [
            (segment["p_vaddr"], segment["p_filesz"], segment["p_offset"])
            for segment in elf.iter_segments("PT_LOAD")
            if segment["p_flags"] & _EXECUTABLE
        ]

    def offset(self, address: int) -> int | None:
        """Offset in the file of an address of code; None when it is none."""
        for start, size, offset in self._parts:
            if start <= address < start + size:
                return int(address - start + offset)
        return None


def read_binary(stream: BinaryIO, *, shown: str, root: str) -> Program:
    """The functions of an ELF executable or shared library.

    Args:
        stream: The file.
        shown: Its path as the service sees it.
        root: The file system root of the service.

    Raises:
        UsageError: It is no ELF binary that could run.
    """
    try:
        elf = ELFFile(stream)
        if elf["e_type"] not in ("ET_EXEC", "ET_DYN"):
            raise UsageError(f"{shown} is an ELF file of type {elf['e_type']}, expected a program or library")
        with contextlib.ExitStack() as opened:
            return _Reader(elf, shown, root, opened).read()
    except DAMAGED as error:
        reason = str(error) or type(error).__name__
        raise UsageError(f"{shown} cannot be read as an ELF binary: {reason}") from error


class _Reader:
    def __init__(self, elf: Any, shown: str, root: str, opened: contextlib.ExitStack) -> None:
        self._opened = opened
        self._elf = elf
        self._shown = shown
        self._root = root
        self._notes: list[str] = []

    def read(self) -> Program:
        layout = Layout(self._elf)
        names: dict[int, set[str]] = {}
        places: dict[int, tuple[str, int]] = {}
        with self._noting("its Go function table"):
            for go in read_go_functions(self._elf):
                names.setdefault(go.address, set()).add(go.name)
                places[go.address] = (go.file, go.line)
        is_go = bool(names)
        debug_files: list[Any] = []
        with self._noting("the link to its debug file"):
            debug_files += open_debug_files(self._elf, self._opened, shown=self._shown, root=self._root)
        demangle = Demangler()
        for elf in (self._elf, *debug_files):
            with self._noting("a symbol table"):
                for name, address in self._symbols(elf):
                    if is_go and address in names:
                        continue  # Go's own table has it
                    names.setdefault(address, set()).add(demangle(name))
        if not any(_has(elf, ".symtab") for elf in (self._elf, *debug_files)) and not is_go:
            self._notes.append(
                f"{self._shown} is stripped and its debug file is not installed:"
                " only exported functions are known"
            )
        wanted = {address for address in names if address not in places}
        deadline = time.monotonic() + LINE_TABLE_SECONDS
        for elf in (self._elf, *debug_files):
            with self._noting("its debug information"):
                if wanted and not read_lines(elf, wanted, places, deadline=deadline):
                    self._notes.append(
                        f"the source lines of {self._shown} are incomplete: reading them takes longer than"
                        f" {LINE_TABLE_SECONDS:g} s, the limit LINE_TABLE_SECONDS, or more memory than"
                        " MAX_SECTION_BYTES for a section"
                    )
                    break
        return self._program(names, places, layout)

    @contextlib.contextmanager
    def _noting(self, what: str) -> Iterator[None]:
        """Goes on without a part of the binary that is damaged, and says so."""
        try:
            yield
        except DAMAGED as error:
            reason = str(error) or type(error).__name__
            self._notes.append(f"{what} in {self._shown} is damaged and was left out in part: {reason}")

    def _program(
        self, names: dict[int, set[str]], places: dict[int, tuple[str, int]], layout: Layout
    ) -> Program:
        found: set[FoundFunction] = set()
        for address, aliases in names.items():
            offset = layout.offset(address)
            if offset is None:
                continue
            file, line = places.get(address, ("", 0))
            found.update(FoundFunction(name, file, line, self._shown, offset) for name in aliases)
        functions = sorted(found)
        return Program(
            functions[:MAX_PROGRAM_FUNCTIONS], cut=len(functions) > MAX_PROGRAM_FUNCTIONS, notes=self._notes
        )

    def _symbols(self, elf: Any) -> Iterator[tuple[str, int]]:
        """Name and address of each function that is defined here."""
        clear_bit = 1 if elf["e_machine"] in _THUMB_MACHINES else 0
        tables = [section for section in elf.iter_sections() if section["sh_type"] in _SYMBOL_TABLES]
        if not tables:
            yield from _dynamic_symbols(elf)
            return
        for table in tables:
            strings = elf.get_section(table["sh_link"])
            if table["sh_size"] > MAX_SECTION_BYTES or strings["sh_size"] > MAX_SECTION_BYTES:
                self._notes.append(
                    f"{table.name} of {self._shown} is larger than {MAX_SECTION_BYTES} bytes,"
                    " the limit MAX_SECTION_BYTES, and was left out"
                )
                continue
            for name, address in _table(elf, table.data(), strings.data()):
                yield name, address & ~clear_bit


def _table(elf: Any, data: bytes, strings: bytes) -> Iterator[tuple[str, int]]:
    # By hand: pyelftools makes an object of each symbol, which takes seconds for a large program.
    order = "<" if elf.little_endian else ">"
    entry = struct.Struct(order + ("IBBHQQ" if elf.elfclass == 64 else "IIIBBH"))
    for fields in entry.iter_unpack(data[: len(data) - len(data) % entry.size]):
        if elf.elfclass == 64:
            name_at, info, _, section, address, _ = fields
        else:
            name_at, address, _, info, _, section = fields
        if info & 0xF != _FUNCTION_TYPE or section == 0 or address == 0:
            continue
        name = _string(strings, name_at)
        if name and not name.endswith(".cold"):  # the unlikely part of a function is no function
            yield name, address


def _string(strings: bytes, start: int) -> str:
    end = strings.find(b"\0", start, start + MAX_SYMBOL_BYTES)
    return strings[start : end if end >= 0 else start + MAX_SYMBOL_BYTES].decode("utf-8", "replace")


def _dynamic_symbols(elf: Any) -> Iterator[tuple[str, int]]:
    """The exported functions of a binary whose section headers were stripped as well."""
    for segment in elf.iter_segments("PT_DYNAMIC"):
        for number, symbol in enumerate(segment.iter_symbols()):
            if number >= MAX_PROGRAM_FUNCTIONS:
                return
            is_function = symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_shndx"] != "SHN_UNDEF"
            if is_function and symbol.name and symbol["st_value"]:
                yield symbol.name[:MAX_SYMBOL_BYTES], symbol["st_value"]


def _has(elf: Any, name: str) -> bool:
    return elf.get_section_by_name(name) is not None
