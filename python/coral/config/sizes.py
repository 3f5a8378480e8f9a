"""Sizes as `--memory` takes them: powers of 1024."""

from __future__ import annotations

_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def size_of(text: str) -> int | None:
    """Returns a size in bytes, or None if the text is none.

    >>> size_of("512m"), size_of("1GiB"), size_of("much")
    (536870912, 1073741824, None)
    """
    lower = text.strip().lower().removesuffix("b").removesuffix("i")
    number, unit = (lower[:-1], _UNITS[lower[-1]]) if lower[-1:] in _UNITS else (lower, 1)
    return int(number) * unit if number.isascii() and number.isdigit() else None
