"""SGR sequences (`ESC [ 1;31 m`: colours, bold), read and written anew.

Terminals do not agree on what a malformed colour is, nor do all know each form of a well-formed one; and one
that goes on reading in the middle of a colour may find an 8, which is "conceal": text that is there, and is
not to be seen. So parameters are read as numbers, only what is known passes, what cannot be read ends the
sequence, colons do not leave, and neither does any 8.
"""

from __future__ import annotations

from typing import Final

_EXTENDED: Final = (38, 48, 58)
"""Foreground, background and underline: a colour follows, `5;N` or `2;R;G;B`."""

_UNDERLINE: Final = 58
_VALUES: Final = {5: 1, 2: 3}
_BRIGHT_BLACK: Final = {38: 90, 48: 100}

# Not 8, nor 10 to 20: fonts, with which Linux' console shows other characters.
_ATTRIBUTES: Final = frozenset(
    [
        *[*range(8), 9, *range(21, 26), *range(27, 30)],
        *[*range(30, 38), 39, *range(40, 48), 49, *range(90, 98), *range(100, 108)],
        *[53, 55, 59],
    ]
)

_Numbers = list[int | None]


def known(sequence: str) -> list[list[int]]:
    """Returns what may pass of a sequence, each attribute or colour with its numbers.

    Args:
        sequence: What stands between `ESC [` and `m`: digits, `;` and `:`.

    >>> known("1;38;5;200"), known("8;31"), known("38;3;8;4")
    ([[1], [38, 5, 200]], [[31]], [])
    """
    kept: list[list[int]] = []
    parts = [[int(each) if each else None for each in part.split(":")] for part in sequence.split(";")]
    while parts:
        part = parts.pop(0)
        code = part[0] or 0
        if code in _EXTENDED:
            colour = _colour(code, part[1:] if len(part) > 1 else _following(parts))
            if colour is None:
                break
            if code != _UNDERLINE:  # terminals that do not know it would read on in it
                kept.append(colour)
        elif len(part) > 1:
            if code != 4 or len(part) > 2 or part[1] not in range(6):
                break
            kept.append([4 if part[1] else 24])  # 4:3 is a curly line, 4:0 none
        elif code in _ATTRIBUTES:
            kept.append([code])
    return kept


def _following(parts: list[_Numbers]) -> _Numbers:
    """Takes a colour from the parameters that follow; an incomplete one if they do not hold one."""
    kind = parts[0][0] if parts else None
    taken = parts[: 1 + _VALUES.get(kind or 0, 0)]
    del parts[: len(taken)]
    return [each[0] for each in taken] if all(len(each) == 1 for each in taken) else []


def _colour(code: int, numbers: _Numbers) -> list[int] | None:
    """Checks a colour, and writes it without an 8; None for what is none."""
    if not numbers:
        return None
    kind, *rest = numbers
    if kind == 2 and len(rest) == 4:
        rest = rest[1:]  # 2:SPACE:R:G:B
    values = [value for value in rest if value is not None and value <= 255]
    if kind is None or len(values) != len(rest) or len(values) != _VALUES.get(kind):
        return None
    if kind == 5 and values == [8] and code in _BRIGHT_BLACK:
        return [_BRIGHT_BLACK[code]]
    return [code, kind, *[9 if value == 8 else value for value in values]]
