"""Functions of binaries that gcc made just now, and of a stripped Go program."""

from __future__ import annotations

import ctypes
import lzma
import random
import shutil
import struct
import subprocess
from io import BytesIO
from pathlib import Path

import pytest

from coral.agent.functions.demangle import Demangler
from coral.agent.functions.elf import read_binary
from coral.agent.functions.program import FoundFunction, Program
from coral.agent.functions.rust_v0 import demangle_v0
from coral.errors import NotFoundError, UsageError
from coral.query.functions import best_match, without_parameters

C_SOURCE = """
#include <stdio.h>

static int helper(int x) {
    return x * 2;
}
__attribute__((noinline))
int charge_card(int cents) {
    return helper(cents) + 1;
}
#ifndef LIBRARY
int main(int argc, char **argv) {
    printf("%d\\n", charge_card(argc));
    return 0;
}
#endif
"""
CXX_SOURCE = """
namespace shop {
struct Cart {
    int items = 0;
    void add(int count);
    void add(const char *name);
    int total() const;
};
void Cart::add(int count) { items += count; }
void Cart::add(const char *name) { items += name[0]; }
int Cart::total() const { return items; }
}
int main() { shop::Cart cart; cart.add(1); cart.add("a"); return cart.total(); }
"""

needs_gcc = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("g++") and shutil.which("objcopy")),
    reason="gcc, g++ or objcopy is not installed",
)


def build(folder: Path, *flags: str, source: str = C_SOURCE, compiler: str = "gcc") -> Path:
    name = folder / ("program.c" if compiler == "gcc" else "program.cc")
    name.write_text(source)
    binary = folder / "program"
    subprocess.run([compiler, *flags, "-o", str(binary), name.name], cwd=folder, check=True)
    return binary


def read(binary: Path, root: str = "/") -> Program:
    with binary.open("rb") as stream:
        return read_binary(stream, shown=str(binary), root=root)


def by_name(program: Program) -> dict[str, FoundFunction]:
    return {function.name: function for function in program.functions}


@needs_gcc
@pytest.mark.parametrize(
    "flags",
    [
        ["-g"],
        ["-g", "-gdwarf-4"],
        ["-g", "-gdwarf-3", "-O2"],
        ["-g", "-gz=zlib"],
        ["-g", "-no-pie", "-static"],
    ],
    ids=" ".join,
)
def test_names_and_lines_come_from_symbols_and_line_tables(tmp_path: Path, flags: list[str]) -> None:
    program = read(build(tmp_path, *flags))

    found = by_name(program)["charge_card"]
    assert (found.file, found.line) == (str(tmp_path / "program.c"), 8)
    assert by_name(program)["main"].line == 12
    assert found.binary == str(tmp_path / "program")
    assert (program.cut, program.notes) == (False, [])
    assert program.functions == sorted(program.functions)


@needs_gcc
def test_the_offset_is_where_the_function_is_in_the_file(tmp_path: Path) -> None:
    # The text is moved away from its usual place, so that address and offset differ.
    binary = build(tmp_path, "-g", "-shared", "-fPIC", "-DLIBRARY", "-Wl,-Ttext-segment=0x10000")
    found = by_name(read(binary))["charge_card"]

    library = ctypes.CDLL(str(binary))
    address = ctypes.cast(library.charge_card, ctypes.c_void_p).value
    assert address is not None
    code = ctypes.string_at(address, 24)
    assert binary.read_bytes()[found.offset : found.offset + 24] == code
    assert found.offset != 0


@needs_gcc
def test_a_stripped_binary_has_what_is_exported_and_says_so(tmp_path: Path) -> None:
    binary = build(tmp_path, "-g", "-rdynamic", "-s")
    program = read(binary)

    assert "charge_card" in by_name(program)
    assert "helper" not in by_name(program)
    (note,) = program.notes
    assert "is stripped" in note


@needs_gcc
def test_a_debug_file_is_found_by_its_link(tmp_path: Path) -> None:
    binary = build(tmp_path, "-g", "-Wl,--build-id=none")
    subprocess.run(["objcopy", "--only-keep-debug", "program", "program.debug"], cwd=tmp_path, check=True)
    subprocess.run(["strip", "program"], cwd=tmp_path, check=True)
    subprocess.run(["objcopy", "--add-gnu-debuglink=program.debug", "program"], cwd=tmp_path, check=True)
    found = by_name(read(binary))["helper"]
    assert (found.line, found.offset > 0) == (4, True)

    # Another build's debug file: its checksum does not fit, so it is not believed.
    with (tmp_path / "program.debug").open("ab") as file:
        file.write(b"\0")
    assert "helper" not in by_name(read(binary))


@needs_gcc
def test_a_debug_file_is_found_by_build_id_in_the_services_own_root(tmp_path: Path) -> None:
    binary = build(tmp_path, "-g", "-Wl,--build-id=0xabcdef0123456789")
    place = tmp_path / "root/usr/lib/debug/.build-id/ab"
    place.mkdir(parents=True)
    debug = place / "cdef0123456789.debug"
    subprocess.run(["objcopy", "--only-keep-debug", "program", str(debug)], cwd=tmp_path, check=True)
    subprocess.run(["strip", "program"], cwd=tmp_path, check=True)

    assert by_name(read(binary, root=str(tmp_path / "root")))["helper"].line == 4
    assert "helper" not in by_name(read(binary))


@needs_gcc
def test_symbols_packed_into_the_binary_are_read(tmp_path: Path) -> None:
    binary = build(tmp_path)
    (tmp_path / "packed.xz").write_bytes(lzma.compress(binary.read_bytes()))
    subprocess.run(["strip", "program"], cwd=tmp_path, check=True)
    subprocess.run(
        ["objcopy", "--add-section", ".gnu_debugdata=packed.xz", "program"], cwd=tmp_path, check=True
    )
    assert by_name(read(binary))["helper"].offset > 0


@needs_gcc
def test_cxx_names_are_readable_and_found_without_parameters(tmp_path: Path) -> None:
    functions = read(build(tmp_path, "-g", source=CXX_SOURCE, compiler="g++")).functions

    names = {function.name for function in functions}
    assert {"shop::Cart::add(int)", "shop::Cart::add(char const*)", "shop::Cart::total() const"} <= names
    assert best_match("s", "shop::Cart::total", functions).line == 11
    assert best_match("s", "shop::Cart::add(int)", functions).line == 9
    with pytest.raises(NotFoundError) as several:
        best_match("s", "shop::Cart::add", functions)
    assert several.value.hint == "similar: shop::Cart::add(char const*), shop::Cart::add(int)"
    with pytest.raises(NotFoundError) as none:
        best_match("s", "Cart::totl", functions)
    assert none.value.hint is not None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("f(int)", "f"),
        ("a::B::operator()(int (*)(char)) const", "a::B::operator()"),
        ("f(int) [clone .constprop.0]", "f"),
        ("main", "main"),
        ("(", "("),
        (")", ")"),
    ],
)
def test_parameters_are_cut_off(name: str, expected: str) -> None:
    assert without_parameters(name) == expected


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("_ZN1h4shop4Cart3add17h5141bfeca92667cbE", "h::shop::Cart::add"),
        (
            "_ZN47_$LT$shop..Cart$u20$as$u20$core..fmt..Debug$GT$3fmt17h5141bfeca92667cbE",
            "<shop::Cart as core::fmt::Debug>::fmt",
        ),
        ("_RNvCs1234_7mycrate3foo", "mycrate::foo"),
        ("_RNvMNtCs1234_4shop4cartNtB2_4Cart3add", "<shop::cart::Cart>::add"),
        ("_Z3addi.constprop.0", "add(int).constprop.0"),
        ("_ZSt4sortIPiEvT_S1_", "void std::sort<int*>(int*, int*)"),
        ("malloc@@GLIBC_2.2.5", "malloc"),
        ("_Zbroken", "_Zbroken"),
        ("_Rbroken", "_Rbroken"),
        ("main", "main"),
    ],
)
def test_symbols_are_made_readable(symbol: str, expected: str) -> None:
    assert Demangler()(symbol) == expected


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        # From RFC 2603.
        ("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar"),
        ("_RNvNvCs1234_7mycrate3foo3bar", "mycrate::foo::bar"),
        ("_RNCNvCs1234_7mycrate3foo0", "mycrate::foo::{closure#0}"),
        ("_RNvNvNvCs1234_7mycrate3foos_3bar3baz", "mycrate::foo::bar::baz"),
        ("_RINvCs1234_7mycrate3fooyE", "mycrate::foo::<u64>"),
        ("_RINvNtC3std3mem8align_ofdE", "std::mem::align_of::<f64>"),
        ("_RNvYNtC1m1SNtC1m5Trait3fn_", "<m::S as m::Trait>::fn_"),
        ("_RINvC1m1fRShTjmEFUKCPOuEbE", "m::f::<&[u8], (usize, u32), unsafe extern \"C\" fn(*const *mut ()) -> bool>"),
        ("_RINvC1m1fDNtC1m5TraitpNtC1m4Item8_E", None),
        ("_RINvC1m1fAhj10_Kb1_E", "m::f::<[u8; 16], true>"),
        ("_RNvC1mu8gdel_5qa", "m::gödel"),
        ("_RB_", None),
        ("_RNvB_1a", None),
        ("_RNvC1m9short", None),
    ],
)  # fmt: skip
def test_rust_names_follow_its_rfc(symbol: str, expected: str | None) -> None:
    assert demangle_v0(symbol) == expected


def test_rust_symbols_that_unfold_without_end_are_given_up() -> None:
    deep = "_R" + "NvB_" * 500
    wide = "_RINvC1m1f" + "TB8_B8_E" * 40 + "E"
    assert demangle_v0(deep) is None
    assert len(demangle_v0(wide) or "") < 20_000


@pytest.mark.parametrize("kind", ["static", "pie"])
def test_a_stripped_go_program_has_its_functions_and_lines(kind: str) -> None:
    packed = (Path(__file__).parent / "go_program" / f"{kind}.elf.xz").read_bytes()
    program = read_binary(BytesIO(lzma.decompress(packed)), shown="/app/shop", root="/")

    found = by_name(program)
    # The offsets are those that `go tool nm` names of the same build with its symbols.
    offsets = {"static": (0x82E80, 0x82EC0), "pie": (0x83260, 0x832A0)}[kind]
    add, main = found["main.(*Cart).Add"], found["main.main"]
    assert (add.offset, main.offset) == offsets
    assert (add.file, add.line, main.line) == ("shop/main.go", 8, 13)
    assert found["runtime.main"].file == "runtime/proc.go"
    assert program.notes == []


@needs_gcc
def test_damaged_binaries_are_an_error_and_nothing_else(tmp_path: Path) -> None:
    good = build(tmp_path, "-g").read_bytes()
    chance = random.Random(1)
    refused = noted = 0
    for number in range(150):
        bad = bytearray(good[: chance.randrange(1, len(good))] if number % 3 == 0 else good)
        for _ in range(chance.randrange(1, 30)):
            # Mostly in the headers and the last part, where the section table is: code does not matter.
            span = chance.choice([(0, 1024), (len(bad) - 4096, len(bad)), (0, len(bad))])
            at = chance.randrange(max(span[0], 0), span[1])
            if at < len(bad):
                bad[at] = chance.randrange(256)
        try:
            noted += any(
                "damaged" in note for note in read_binary(BytesIO(bad), shown="program", root="/").notes
            )
        except UsageError as error:
            refused += error.message.startswith("program ")
    assert refused
    assert noted


def test_what_is_no_program_is_refused() -> None:
    for data in (b"", b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF" + bytes(60)):
        with pytest.raises(UsageError):
            read_binary(BytesIO(data), shown="x", root="/")


@needs_gcc
def test_an_object_file_is_no_program(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ET_REL"):
        read(build(tmp_path, "-c"))


def test_a_go_table_of_another_format_is_left_out() -> None:
    packed = (Path(__file__).parent / "go_program" / "static.elf.xz").read_bytes()
    data = bytearray(lzma.decompress(packed))
    at = data.index(struct.pack("<I", 0xFFFFFFF1))
    data[at : at + 4] = struct.pack("<I", 0xFFFFFFF7)
    (damaged, stripped) = read_binary(BytesIO(bytes(data)), shown="x", root="/").notes
    assert "unknown format" in damaged
    assert "stripped" in stripped
