r"""What Coral itself prints, and the one rule for it: nothing in a text steers the terminal.

Names of files, services and agents, parameters of scripts and messages of servers are other people's texts.
Printed as they are, they would change the terminal's title, write to its clipboard or type for the user. So
all that commands print goes through here (a test looks), and control characters come out as escapes, such as
`\x1b`. What a script prints goes another way: `coral.runner.terminal`.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # typing costs 5 ms of every `coral run`
if TYPE_CHECKING:
    from typing import TextIO

_KEPT_IN_TEXTS = "\n\t"
_JOINER = "\u200d"  # between the parts of one emoji


def visible(text: str) -> str:
    r"""Returns a text in one line, without anything that steers a terminal or turns the text around.

    >>> print(visible("a\x1b]0;title\x07\nb\u202e"))
    a\x1b]0;title\x07\nb\u202e
    """
    return text if text.isprintable() else _escaped(text, "")


def shell_word(text: str) -> str:
    """Returns a text as a shell takes it for one word: commands that are proposed can be copied.

    >>> print(shell_word("slow.ts"), shell_word("sp ace.ts"), shell_word("-x.ts"))
    slow.ts 'sp ace.ts' ./-x.ts
    """
    import shlex

    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def visible_lines(text: str) -> str:
    """Like `visible`, for a text of several lines: line breaks and tabs stay."""
    return text if text.isprintable() else _escaped(text, _KEPT_IN_TEXTS)


def visible_json(text: str) -> str:
    """Like `visible`, for JSON in one line: with JSON's own escapes, so that it means what it meant."""
    return text if text.isprintable() else _escaped(text, "", json=True)


def say(text: str, *, end: str = "\n", to: TextIO | None = None) -> None:
    """Tells on stderr, or where else, what Coral does: `coral: ...`, one line."""
    tell(f"coral: {text}", end=end, to=to)


def tell(line: str, *, end: str = "\n", to: TextIO | None = None) -> None:
    """Writes one line to stderr, or where else."""
    print(visible(line), file=to or sys.stderr, end=end, flush=True)


def tell_text(text: str) -> None:
    """Writes a text of several lines to stderr."""
    print(visible_lines(text).removesuffix("\n"), file=sys.stderr, flush=True)


def show_lines(*lines: str) -> None:
    """Writes lines for people to stdout. A name with a line break in it makes no further line."""
    sys.stdout.write("".join([f"{visible(line)}\n" for line in lines]))
    sys.stdout.flush()


def show_text(text: str) -> None:
    """Writes a text of several lines for people to stdout."""
    sys.stdout.write(visible_lines(text))
    sys.stdout.flush()


def emit(data: str) -> None:
    """Writes to stdout what programs may read: as it is, unless stdout is a terminal."""
    show_text(data) if sys.stdout.isatty() else sys.stdout.write(data)
    sys.stdout.flush()


def _escaped(text: str, kept: str, *, json: bool = False) -> str:
    import re

    escape = _json_escape if json else _escape

    def one(found: re.Match[str]) -> str:
        return escape(found[0]) if found[0] not in kept and _steers(found[0]) else found[0]

    return re.sub("[^ -~]", one, text)


def _steers(character: str) -> bool:
    """Whether a character is a control, turns or hides text, breaks the line, or is half a character."""
    import unicodedata

    return character != _JOINER and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00  # a byte of a name that is no UTF-8
    if code < 0x100:
        return {"\n": "\\n", "\t": "\\t"}.get(character, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(character: str) -> str:
    code = ord(character)
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
