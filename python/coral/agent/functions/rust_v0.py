"""Rust's mangling scheme "v0": symbols that begin with `_R`.

Source: RFC 2603 of the Rust project. Crate hashes are left out, as `rustc` prints names itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_DEEPEST: Final = 100
_LONGEST: Final = 16_384  # back references can make a short symbol long
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BASIC: Final = {
    "a": "i8", "b": "bool", "c": "char", "d": "f64", "e": "str", "f": "f32", "h": "u8", "i": "isize",
    "j": "usize", "l": "i32", "m": "u32", "n": "i128", "o": "u128", "p": "_", "s": "i16", "t": "u16",
    "u": "()", "v": "...", "x": "i64", "y": "u64", "z": "!",
}  # fmt: skip


class _UnreadableError(Exception):
    """The symbol does not follow the scheme."""


def demangle_v0(symbol: str) -> str | None:
    """The readable name of a `_R` symbol; None if it does not follow the scheme.

    >>> demangle_v0("_RNvMNtCs1234_4shop4cartNtB2_4Cart3add")
    '<shop::cart::Cart>::add'
    """
    body = symbol.removeprefix("_R").partition(".")[0]
    try:
        return _Parser(body).path(value=True)
    except (_UnreadableError, ValueError):
        return None


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._written = 0

    def path(self, *, value: bool) -> str:
        """A path; `value` paths have `::<...>` before generic arguments, types have `<...>`."""
        return self._nested(lambda: self._path(value))

    def _path(self, value: bool) -> str:
        kind = self._next()
        if kind == "C":
            return self._identifier()[0]
        if kind == "N":
            space = self._next()
            before = self.path(value=value)
            name, number = self._identifier()
            if space.islower():
                return f"{before}::{name}" if name else before
            word = {"C": "closure", "S": "shim"}.get(space, space)
            return f"{before}::{{{word}{':' if name else ''}{name}#{number}}}"
        if kind in "MX":
            self._disambiguator()
            self.path(value=False)  # where the impl stands
            owner = self._type()
            return f"<{owner}>" if kind == "M" else f"<{owner} as {self.path(value=False)}>"
        if kind == "Y":
            return f"<{self._type()} as {self.path(value=False)}>"
        if kind == "I":
            head = self.path(value=value)
            return f"{head}{'::' if value else ''}<{', '.join(self._until_end(self._generic))}>"
        if kind == "B":
            return self._back(lambda: self.path(value=value))
        raise _UnreadableError

    def _type(self) -> str:
        return self._nested(self._bare_type)

    def _bare_type(self) -> str:
        kind = self._next()
        if kind in _BASIC:
            return _BASIC[kind]
        if kind in "RQ":
            if self._peek() == "L":
                self._lifetime()
            return f"&{'mut ' if kind == 'Q' else ''}{self._type()}"
        if kind in "PO":
            return f"*{'const' if kind == 'P' else 'mut'} {self._type()}"
        if kind == "S":
            return f"[{self._type()}]"
        if kind == "A":
            return f"[{self._type()}; {self._const()}]"
        if kind == "T":
            parts = self._until_end(self._type)
            return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
        if kind == "F":
            return self._function()
        if kind == "D":
            self._binder()
            bounds = " + ".join(self._until_end(self._dyn_trait))
            self._lifetime()
            return f"dyn {bounds}"
        if kind == "B":
            return self._back(self._type)
        self._at -= 1
        return self.path(value=False)

    def _function(self) -> str:
        self._binder()
        unsafe = "unsafe " if self._take("U") else ""
        abi = ""
        if self._take("K"):
            name = "C" if self._take("C") else self._plain_identifier().replace("_", "-")
            abi = f'extern "{name}" '
        arguments = ", ".join(self._until_end(self._type))
        result = self._type()
        return f"{unsafe}{abi}fn({arguments})" + ("" if result == "()" else f" -> {result}")

    def _dyn_trait(self) -> str:
        trait = self.path(value=False)
        bindings = []
        while self._take("p"):
            name = self._plain_identifier()
            bindings.append(f"{name} = {self._type()}")
        if not bindings:
            return trait
        if trait.endswith(">"):
            return f"{trait[:-1]}, {', '.join(bindings)}>"
        return f"{trait}<{', '.join(bindings)}>"

    def _generic(self) -> str:
        if self._peek() == "L":
            return self._lifetime()
        return self._const() if self._take("K") else self._type()

    def _const(self) -> str:
        return self._nested(self._bare_const)

    def _bare_const(self) -> str:
        if self._take("B"):
            return self._back(self._const)
        if self._take("p"):
            return "_"
        kind = self._next()
        sign = "-" if self._take("n") else ""
        digits = self._text[self._at : self._text.index("_", self._at)]
        self._at += len(digits) + 1
        number = int(digits or "0", 16)
        if kind == "b":
            return "true" if number else "false"
        if kind == "c":
            return repr(chr(number)) if number < 0x110000 else f"'\\u{{{number:x}}}'"
        if kind not in "ahijlmnostxy":
            raise _UnreadableError
        return f"{sign}{number}"

    def _lifetime(self) -> str:
        if not self._take("L"):
            raise _UnreadableError
        self._number62()
        return "'_"

    def _binder(self) -> None:
        if self._take("G"):
            self._number62()

    def _identifier(self) -> tuple[str, int]:
        number = self._disambiguator()
        return self._plain_identifier(), number

    def _disambiguator(self) -> int:
        return self._number62() + 1 if self._take("s") else 0

    def _plain_identifier(self) -> str:
        encoded = self._take("u")
        start = self._at
        while self._peek().isdigit() and not (self._at > start and self._text[start] == "0"):
            self._at += 1
        length = int(self._text[start : self._at])
        self._take("_")
        name = self._text[self._at : self._at + length]
        if len(name) != length:
            raise _UnreadableError
        self._at += length
        if encoded:
            head, _, tail = name.rpartition("_")
            name = (f"{head}-{tail}" if head else tail).encode("ascii").decode("punycode")
        return name

    def _number62(self) -> int:
        end = self._text.index("_", self._at)
        digits = self._text[self._at : end]
        self._at = end + 1
        number = 0
        for digit in digits:
            number = number * 62 + _DIGITS.index(digit)
        return number + 1 if digits else 0

    def _back(self, read: Callable[[], str]) -> str:
        here = self._at - 1
        target = self._number62()
        if target >= here:
            raise _UnreadableError
        after, self._at = self._at, target
        text = read()
        self._at = after
        return text

    def _until_end(self, read: Callable[[], str]) -> list[str]:
        parts = []
        while not self._take("E"):
            parts.append(read())
        return parts

    def _nested(self, read: Callable[[], str]) -> str:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _UnreadableError
        text = read()
        self._depth -= 1
        self._written += len(text)
        if self._written > _LONGEST * _DEEPEST or len(text) > _LONGEST:
            raise _UnreadableError
        return text

    def _next(self) -> str:
        character = self._peek()
        if not character:
            raise _UnreadableError
        self._at += 1
        return character

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, character: str) -> bool:
        if self._peek() != character:
            return False
        self._at += 1
        return True
