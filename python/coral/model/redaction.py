"""Which values nobody sees without the right to: patterns of names, and what takes values out of text.

A policy becomes regular expressions of RE2, which DuckDB and Arrow both have: linear in time whatever the
text, and one meaning wherever values are taken out. Attributes, events and links are JSON text, log bodies
any text; all expressions are applied to all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

REDACTED: Final = "[redacted]"
"""What stands in a value's place."""

DEFAULT_NAMES: Final = (
    "*authorization*",
    "*cookie*",
    "*password*",
    "*passwd*",
    "*passphrase*",
    "*secret*",
    "*credential*",
    "*token",
    "*api_key*",
    "*apikey*",
    "*access_key*",
    "*private_key*",
    "http.request.header.*",
    "rpc.*.request.metadata.*",
)
"""Attributes whose values are taken out where nothing else is configured."""

MAX_NAMES: Final = 100
"""Patterns of one policy; the expression that they make together must stay one that RE2 takes."""

MAX_NAME_LENGTH: Final = 100
"""Characters of one pattern."""

NESTED_LEVELS: Final = 6
"""Lists and objects within the value of a redacted name that are taken out; below that, the whole text is."""

_TOO_DEEP: Final = f'{{"coral.redacted":"{REDACTED}"}}'
_STRING: Final = r'"(?:[^"\\]|\\.)*"'
_IN_WORD: Final = r"[\w.\-]*"
_IN_STRING: Final = r'(?:[^"\\]|\\.)*'
_PLAIN: Final = r"[-+.\w]+"
# What a name of a header of HTTP is followed by goes to the end of the line: a cookie is several values.
_WHOLE_LINE: Final = ("authorization", "cookie")


@dataclass(frozen=True)
class Step:
    r"""One replacement, everywhere in a text.

    Attributes:
        pattern: What is looked for, in RE2's syntax, case folded.
        replacement: What stands in its place; `\1` is the first group.
    """

    pattern: str
    replacement: str


@dataclass(frozen=True)
class Redaction:
    """A policy.

    Attributes:
        names: Patterns of names, in lower case: `*` is any run of characters, `-` and `_` are the same.
    """

    names: tuple[str, ...] = DEFAULT_NAMES

    @cached_property
    def hint(self) -> str:
        """An expression that is found in every text in which a step finds something; quicker than those."""
        parts = {max(name.split("*"), key=len) for name in self.names}
        return rf"(?i)(?:{'|'.join(sorted(_glob(part, '') for part in parts))})"

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """What takes values out of a text, in this order; empty without names."""
        if not self.names:
            return ()
        key = rf'"{_any_of(self.names, _IN_STRING)}"\s*:\s*'
        flat = rf'[\[{{](?:[^"\[\]{{}}]|{_STRING})*[\]}}]'
        return (
            Step(rf"(?i)({key})(?:{_STRING}|{_PLAIN}|{flat})", rf'\1"{REDACTED}"'),
            # Apart, because it is rare, and an expression of this size is slow where it finds something.
            Step(rf"(?i)({key}){_nested(flat)}", rf'\1"{REDACTED}"'),
            Step(rf"(?is)^.*{key}[\[{{].*$", _TOO_DEEP),
            Step(rf"(?i){_in_text(self.names)}", rf"\1\2\3{REDACTED}"),
        )

    def adds(self, text: str) -> bool:
        """Whether a text can be found in what the steps make, although it was not there before."""
        text = text.lower()
        for made in (REDACTED, _TOO_DEEP):
            ends = (made[:at] for at in range(1, len(made)))
            starts = (made[at:] for at in range(1, len(made)))
            if text in made or made in text or text.endswith(tuple(ends)) or text.startswith(tuple(starts)):
                return True
        return False

    def sql(self, column: str) -> str:
        """An expression of DuckDB: the text of a column, without the values."""
        if not self.names:
            return column
        found = column
        for step in self.steps:
            found = f"regexp_replace({found}, {_quoted(step.pattern)}, {_quoted(step.replacement)}, 'g')"
        return f"CASE WHEN regexp_matches({column}, {_quoted(self.hint)}) THEN {found} ELSE {column} END"


def check_names(names: Iterable[object]) -> tuple[str, ...]:
    """Checks patterns of names.

    Raises:
        ValueError: One cannot be used; the message goes behind what they are called.
    """
    found = []
    for name in names:
        if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME_LENGTH:
            raise ValueError(f"has {name!r}, expected names of 1 to {MAX_NAME_LENGTH} characters")
        if not name.isascii() or not name.isprintable() or set(name) & set(" \"'\\,"):
            raise ValueError(f"has {name!r}, expected letters, digits, dots, dashes and *")
        if not name.strip("*"):
            raise ValueError(f"has {name!r}, which is every name, expected letters in it, like *password*")
        found.append(name.lower())
    if len(found) > MAX_NAMES:
        raise ValueError(f"has {len(found)} names, expected at most {MAX_NAMES}")
    return tuple(dict.fromkeys(found))


def _nested(level: str) -> str:
    for _ in range(NESTED_LEVELS - 1):
        level = rf'[\[{{](?:[^"\[\]{{}}]|{_STRING}|{level})*[\]}}]'
    return level


def _in_text(names: Iterable[str]) -> str:
    """`name=value` and `name: value`, also with quotes, but for those of JSON itself."""
    start = r"(?:^|[^\w.\-])"
    name_end = r"(?:\\+\"|')?[ \t]*"
    word = _any_of(names, _IN_WORD)
    pair = (
        rf"({start}{word}{name_end}[:=][ \t]*(?:(?:bearer|basic|digest|token)[ \t]+)?)"
        # In JSON a quote may end the text before it; what follows then is no value.
        r"(?:[^\s\"'\\&;,]+|(\\*[\"'])[^\"'\\,}\]:\s](?:[^\"'\\]|\\+[^\"'\\])*)"
    )
    lines = [name for name in names if any(part in name for part in _WHOLE_LINE)]
    if not lines:
        return f"(){pair}"
    return rf"({start}{_any_of(lines, _IN_WORD)}{name_end}:[ \t]*)[^\s\"'\\][^\r\n\"'\\]*|{pair}"


def _any_of(names: Iterable[str], run: str) -> str:
    """One of the names, with those of a shape together: a smaller expression is a faster one."""
    inner: list[str] = []
    starts: list[str] = []
    ends: list[str] = []
    others: list[str] = []
    for name in names:
        stripped = name.strip("*")
        if "*" in stripped:
            others.append(_glob(name, run))
        elif name.startswith("*"):
            (inner if name.endswith("*") else ends).append(_glob(stripped, run))
        else:
            (starts if name.endswith("*") else others).append(_glob(stripped, run))
    shapes = (
        f"{run}(?:{'|'.join(inner)}){run}" if inner else "",
        f"{run}(?:{'|'.join(ends)})" if ends else "",
        f"(?:{'|'.join(starts)}){run}" if starts else "",
        *others,
    )
    return f"(?:{'|'.join(filter(None, shapes))})"


def _glob(name: str, run: str) -> str:
    return "".join(
        run if letter == "*" else "[-_]" if letter in "-_" else letter if letter.isalnum() else f"\\{letter}"
        for letter in name
    )


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
