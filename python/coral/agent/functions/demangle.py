"""Readable names of mangled symbols.

C++ (and Rust's older scheme, which is built like it) by the demangler of the C++ runtime library,
which DuckDB needs anyway; Rust's newer scheme by `rust_v0`. What cannot be read stays as it is.
"""

from __future__ import annotations

import ctypes
import re
from typing import Any, Final

from coral.agent.functions.rust_v0 import demangle_v0

_LEGACY_RUST: Final = re.compile(r"::h[0-9a-f]{16}$")
_ESCAPE: Final = re.compile(r"\$(SP|BP|RF|LT|GT|LP|RP|C|u[0-9a-f]{1,6})\$|\.\.")
_ESCAPES: Final = {
    "SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ",",
}  # fmt: skip
_LONGEST: Final = 4096  # the library's demangler recurses


class Demangler:
    """Makes symbols readable; one for many symbols."""

    def __init__(self) -> None:
        self._runtime = _runtime()

    def __call__(self, symbol: str) -> str:
        """The name as in the source where it can be told, else the symbol."""
        symbol = symbol.partition("@")[0] or symbol  # a version: malloc@GLIBC_2.2.5
        if len(symbol) > _LONGEST:
            return symbol
        if symbol.startswith("_R"):
            return demangle_v0(symbol) or symbol
        if not symbol.startswith("_Z"):
            return symbol
        head, dot, tail = symbol.partition(".")  # a clone: _Z3addi.constprop.0
        legacy = self._cxx(symbol)
        if legacy is not None and _LEGACY_RUST.search(legacy):
            return _plain_rust(legacy)
        name = self._cxx(head)
        return symbol if name is None else f"{name}{dot}{tail}"

    def _cxx(self, symbol: str) -> str | None:
        if self._runtime is None:
            return None
        demangle, free = self._runtime
        status = ctypes.c_int()
        pointer = demangle(symbol.encode(), None, None, ctypes.byref(status))
        if not pointer:
            return None
        try:
            return ctypes.string_at(pointer).decode("utf-8", "replace")
        finally:
            free(pointer)


def _plain_rust(name: str) -> str:
    """Rust's older scheme: without the hash, its escapes undone."""
    name = _LEGACY_RUST.sub("", name)
    name = re.sub(r"(^|::)_\$", r"\1$", name)  # an identifier may not begin with an escape
    return _ESCAPE.sub(_unescaped, name)


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    if code is None:
        return "::"
    if code in _ESCAPES:
        return _ESCAPES[code]
    number = int(code[1:], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else found[0]


def _runtime() -> tuple[Any, Any] | None:
    """`__cxa_demangle` of the C++ runtime library and `free`; None where there is none."""
    try:
        demangle = ctypes.CDLL("libstdc++.so.6").__cxa_demangle
        free = ctypes.CDLL(None).free
    except (OSError, AttributeError):
        return None
    demangle.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    demangle.restype = ctypes.c_void_p
    free.argtypes = [ctypes.c_void_p]
    free.restype = None
    return demangle, free
