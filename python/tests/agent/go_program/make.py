"""Makes `static.elf.xz` and `pie.elf.xz`: what `coral.agent.functions.gopclntab` reads of a stripped Go program.

    go build -trimpath -ldflags="-s -w" -o static main.go
    go build -trimpath -ldflags="-s -w" -buildmode=pie -o pie main.go
    python make.py static pie

Made with Go 1.27.3, CGO_ENABLED=0, linux/amd64. The linker's bytes stay where they are; all that is not
needed for the functions in KEPT is overwritten by zeros, so that a megabyte compresses to a few kilobytes.
"""

from __future__ import annotations

import lzma
import struct
import sys
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

KEPT = ("main.", "runtime.main", "runtime.goexit", "os.Getpid")
FUNC_BYTES, VALUES_BYTES = 44, 16


def main() -> None:
    for name in sys.argv[1:]:
        data = Path(name).read_bytes()
        packed = lzma.compress(reduced(name, data), preset=9 | lzma.PRESET_EXTREME)
        (Path(__file__).parent / f"{name}.elf.xz").write_bytes(packed)
        print(name, len(packed), "bytes")


def reduced(name: str, data: bytes) -> bytes:
    out = bytearray(len(data))

    def keep(start: int, length: int) -> None:
        out[start : start + length] = data[start : start + length]

    with Path(name).open("rb") as stream:
        elf: Any = ELFFile(stream)
        keep(0, elf["e_ehsize"])
        keep(elf["e_phoff"], elf["e_phnum"] * elf["e_phentsize"])
        keep(elf["e_shoff"], elf["e_shnum"] * elf["e_shentsize"])
        module = elf.get_section_by_name(".go.module")
        for section in (module, elf.get_section_by_name(".shstrtab")):
            keep(section["sh_offset"], section["sh_size"])
        relocations = elf.get_section_by_name(".rela")
        if relocations is not None:
            for at in range(relocations["sh_offset"], relocations["sh_offset"] + relocations["sh_size"], 24):
                (where,) = struct.unpack_from("<Q", data, at)
                if module["sh_addr"] <= where < module["sh_addr"] + module["sh_size"]:
                    keep(at, 24)
        keep_functions(data, elf.get_section_by_name(".gopclntab")["sh_offset"], keep)
    return bytes(out)


def keep_functions(data: bytes, table: int, keep: Any) -> None:
    count, _, _, names, units, files, values, functions = struct.unpack_from("<8Q", data, table + 8)
    keep(table, 72)
    keep(table + functions, count * 8)

    def text(start: int) -> bytes:
        return data[start : data.index(b"\0", start)]

    for number in range(count):
        (offset,) = struct.unpack_from("<I", data, table + functions + number * 8 + 4)
        info = table + functions + offset
        _, name_at, _, _, _, pc_file, pc_line, _, unit = struct.unpack_from("<Ii7I", data, info)
        name = text(table + names + name_at)
        if not name.decode().startswith(KEPT):
            continue
        keep(info, FUNC_BYTES)
        keep(table + names + name_at, len(name))
        keep(table + values + pc_file, VALUES_BYTES)
        keep(table + values + pc_line, VALUES_BYTES)
        (first,) = struct.unpack_from("<B", data, table + values + pc_file)
        entry = table + units + 4 * (unit + first // 2 - 1)  # the first difference, zigzag, from -1
        keep(entry, 4)
        (file_at,) = struct.unpack_from("<I", data, entry)
        keep(table + files + file_at, len(text(table + files + file_at)))


if __name__ == "__main__":
    main()
