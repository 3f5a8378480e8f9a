"""Of what a script prints nothing leaves that hides text, moves, or is no SGR: whatever it prints.

What leaves is read by small terminals written for this, not by the filter's own code. They differ in how they
read colours, as real ones do.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coral.runner.sgr import known
from coral.runner.terminal import TerminalFilter, harmless

ESC = "\x1b"
OUTPUT = re.compile(r"(?:[^\x00-\x08\x0b-\x1f\x7f-\x9f]|\r\n|\x1b\[([0-9;:]*)m)*")
SEQUENCE = re.compile(r"\x1b\[([0-9;:]*)m")

Numbers = list[list[int]]


def skips_well_formed(rest: Numbers) -> int:
    """Takes a colour if there is one; if not, only what says that one would be: as xterm."""
    kind = rest[0][0] if rest else -1
    return {5: 2, 2: 4}.get(kind, 1)


def skips_nothing(rest: Numbers) -> int:
    """Knows no colours beyond eight."""
    return 0


def skips_palette(rest: Numbers) -> int:
    """Knows the palette, not red, green and blue."""
    return 2 if rest and rest[0] == [5] else 0


def skips_kind(rest: Numbers) -> int:
    """Reads what kind it is, and its colour as if it were attributes."""
    return 1


TERMINALS = [skips_well_formed, skips_nothing, skips_palette, skips_kind]


def conceals(output: str, skips: Callable[[Numbers], int], knows: tuple[int, ...]) -> bool:
    """Whether any of the text would not be seen on a terminal that reads colours by `skips`."""
    hidden = False
    position = 0
    for found in SEQUENCE.finditer(output):
        if hidden and found.start() > position:
            return True
        position = found.end()
        numbers = [[int(each or 0) for each in part.split(":")] for part in found[1].split(";")]
        while numbers:
            part, *numbers = numbers
            if part[0] in (0, 28):
                hidden = False
            elif part[0] in knows and len(part) == 1:
                numbers = numbers[skips(numbers) :]
            elif 8 in part:
                hidden = True
    return hidden and position < len(output)


def check(output: str) -> None:
    """What holds for all that reaches a terminal."""
    assert OUTPUT.fullmatch(output), ascii(output)
    for skips, knows in itertools.product(TERMINALS, [(38, 48), (38, 48, 58)]):
        assert not conceals(output, skips, knows), (ascii(output), skips.__name__)


def through(data: bytes, size: int) -> str:
    terminal = TerminalFilter()
    pieces = [terminal.feed(data[i : i + size]) for i in range(0, len(data), size)]
    return (b"".join(pieces) + terminal.end()).decode()


def test_the_terminals_of_this_test_see_what_hides() -> None:
    assert conceals(f"{ESC}[8mx", skips_well_formed, (38, 48))
    assert conceals(f"{ESC}[38;3;8mx", skips_well_formed, (38, 48))
    assert conceals(f"{ESC}[58;5;8mx", skips_well_formed, (38, 48))
    assert not conceals(f"{ESC}[38;5;8mx", skips_well_formed, (38, 48))
    assert not conceals(f"{ESC}[8m{ESC}[0mx", skips_well_formed, (38, 48))
    for output in (f"a{ESC}[2Jb", f"a{ESC}]0;t\x07", "a\x9b31m", "a\rb"):
        with pytest.raises(AssertionError):
            check(output)


WORDS = ["", "0", "1", "2", "3", "4", "5", "05", "8", "08", "008", "264", "38", "48", "058", "5:1", "38:5:8"]
WORDS += ["38:5", "38:2::1:2:8", "4:3", "4:8", "8:1", ":8", "38:", "255", "256", "11"]


def test_all_short_sequences() -> None:
    for count in range(1, 4):
        for words in itertools.product(WORDS, repeat=count):
            for part in known(";".join(words)):
                assert 8 not in part, words
                assert 11 not in part or part[0] in (38, 48), words


@pytest.mark.parametrize(
    "sequence",
    [
        "38;05;1;8",
        "38;3;8",
        "38;;8",
        "48;05;0;8",
        "38;5:1;8",
        "8:1",
        "38;5;256;8",
        "58;5;8",
        "38;2;1;1;8",
        "08",
    ],
)
def test_what_was_found(sequence: str) -> None:
    check(harmless(f"{ESC}[{sequence}mtext"))


@pytest.mark.parametrize(
    ("sequence", "kept"),
    [
        ("", [[0]]),
        ("1;31", [[1], [31]]),
        ("1;;31", [[1], [0], [31]]),
        ("38;05;01;4", [[38, 5, 1], [4]]),
        ("38:5:200;4", [[38, 5, 200], [4]]),
        ("48:2::1:2:3", [[48, 2, 1, 2, 3]]),
        ("48:2:1:2:3", [[48, 2, 1, 2, 3]]),
        ("58;5;8;1", [[1]]),
        ("4:3", [[4]]),
        ("4:0", [[24]]),
        ("1;38;5;256;31", [[1]]),
        ("1;38;2;1;2", [[1]]),
        ("1;38;5;;31", [[1]]),
        ("38", []),
        ("1;8;31", [[1], [31]]),
        ("10;11;73;1", [[1]]),
    ],
)
def test_what_is_known(sequence: str, kept: list[list[int]]) -> None:
    assert known(sequence) == kept


@given(st.binary(max_size=200), st.integers(1, 9))
def test_any_bytes(data: bytes, size: int) -> None:
    check(through(data, size))


@given(st.text(max_size=200), st.integers(1, 9))
def test_any_text(text: str, size: int) -> None:
    check(through(text.encode(errors="replace"), size))


@given(
    st.lists(
        st.one_of(
            st.lists(st.sampled_from(WORDS), max_size=8).map(lambda words: f"{ESC}[{';'.join(words)}m"),
            st.text("0123456789:;8m", max_size=20).map(lambda text: f"\x9b{text}m"),
            st.sampled_from(
                [ESC, "[", "\x9b", "8", "m", "38;", "\x18", "x", "\n", "\r", f"{ESC}[2J", "\x9d0;", "\x07"]
            ),
        ),
        max_size=12,
    ),
    st.integers(1, 9),
)
def test_any_sequences(pieces: list[str], size: int) -> None:
    check(through("".join(pieces).encode(), size))
