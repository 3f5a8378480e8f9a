"""Takes what could steer a terminal out of a script's output; colours and text stay.

A terminal obeys what is printed on it: it changes its title, writes to the clipboard, moves over lines
that are there, answers questions as if the user had typed. Here pass only printable text, newline, tab and
SGR sequences (`ESC [ 1;31 m`: colours, bold), which are read and written anew: known attributes other than
"conceal", and well-formed colours. A carriage return alone, by which a line could be written over, becomes
a newline.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

from coral.runner import sgr

RESET: Final = "\x1b[0m"

_MAX_SEQUENCE: Final = 64
"""Characters of a control sequence that are kept while it is incomplete; no SGR is that long."""

# Ground: what needs a look. C0 without \t and \n, DEL, C1, and what turns or hides text.
_SUSPECT: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]"
)
_SGR: Final = re.compile(r"[0-9;:]*")
_PLAIN: Final = bytes([9, 10, *range(32, 127)])

_GROUND, _ESCAPE, _INTERMEDIATE, _CSI, _STRING, _STRING_ESCAPE = range(6)
_STRING_OPENERS: Final = "]PX^_"  # OSC, DCS, SOS, PM, APC after ESC
_C1_STRINGS: Final = "\x90\x98\x9d\x9e\x9f"
_ESC: Final = "\x1b"
_CSI_C1: Final = "\x9b"
_ST_C1: Final = "\x9c"
_BELL: Final = "\x07"


class TerminalFilter:
    """A stream of bytes goes in piece by piece, a harmless one comes out.

    Sequences may be cut anywhere between pieces. A string sequence (title, clipboard) that is never closed
    ends at the end of its line, so that it cannot swallow all that follows.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._state = _GROUND
        self._sequence = ""
        self._coloured = False
        self._returned = False

    def feed(self, data: bytes) -> bytes:
        """Filters one piece."""
        idle = self._state == _GROUND and not self._returned and not self._decoder.getstate()[0]
        if idle and not data.translate(None, _PLAIN):
            return data
        return self._text(self._decoder.decode(data)).encode()

    def end(self) -> bytes:
        """Returns what is to be written at the end: the rest, and the terminal's own colours again."""
        rest = self._text(self._decoder.decode(b"", final=True))
        if self._returned:
            rest += "\n"
            self._returned = False
        self._state, self._sequence = _GROUND, ""
        if self._coloured:
            rest += RESET
            self._coloured = False
        return rest.encode()

    def _text(self, text: str) -> str:
        if self._state == _GROUND and not self._returned and not _SUSPECT.search(text):
            return text
        out: list[str] = []
        position = 0
        while position < len(text):
            if self._returned:
                self._returned = False
                out.append("\r" if text[position] == "\n" else "\n")
            if self._state == _GROUND:
                found = _SUSPECT.search(text, position)
                end = found.start() if found else len(text)
                out.append(text[position:end])
                position = end
                if not found:
                    break
            out.append(self._step(text[position]))
            position += 1
        return "".join(out)

    def _step(self, character: str) -> str:
        """Takes one character that is, or stands within, something suspect; returns what passes."""
        state = self._state
        if state in (_STRING, _STRING_ESCAPE):
            return self._in_string(character)
        if character == _ESC:
            self._state = _ESCAPE
        elif character == _CSI_C1:
            self._state, self._sequence = _CSI, ""
        elif character in _C1_STRINGS:
            self._state = _STRING
        elif character == "\r":
            self._state, self._returned = _GROUND, True
        elif character in "\n\t":
            self._state = _GROUND
            return character
        elif state == _ESCAPE:
            self._after_escape(character)
        elif state == _INTERMEDIATE:
            if not " " <= character <= "/":
                self._state = _GROUND
        elif state == _CSI:
            return self._in_csi(character)
        return ""

    def _after_escape(self, character: str) -> None:
        if character == "[":
            self._state, self._sequence = _CSI, ""
        elif character in _STRING_OPENERS:
            self._state = _STRING
        elif " " <= character <= "/":
            self._state = _INTERMEDIATE
        else:
            self._state = _GROUND

    def _in_csi(self, character: str) -> str:
        if "@" <= character <= "~":
            sequence, self._sequence = self._sequence, ""
            self._state = _GROUND
            if character == "m" and len(sequence) <= _MAX_SEQUENCE and _SGR.fullmatch(sequence):
                return self._colours(sequence)
        elif " " <= character <= "?":
            if len(self._sequence) <= _MAX_SEQUENCE:
                self._sequence += character
        elif character > "~":
            self._state = _GROUND  # broken off; a text never belongs to a sequence
            return "" if _SUSPECT.match(character) else character
        return ""

    def _in_string(self, character: str) -> str:
        if character == "\n":
            self._state = _GROUND
            return character
        if character in (_BELL, _ST_C1) or (self._state == _STRING_ESCAPE and character == "\\"):
            self._state = _GROUND
        elif character == _ESC:
            self._state = _STRING_ESCAPE
        elif self._state == _STRING_ESCAPE:
            self._state = _ESCAPE  # any other escape breaks the string off and begins anew
            self._after_escape(character)
        return ""

    def _colours(self, sequence: str) -> str:
        kept = sgr.known(sequence)
        if not kept:
            return ""
        self._coloured = kept[-1] != [0]
        return f"{_ESC}[{';'.join([str(number) for part in kept for number in part])}m"


def harmless(text: str) -> str:
    """Filters one whole text."""
    terminal = TerminalFilter()
    return (terminal.feed(text.encode(errors="replace")) + terminal.end()).decode()


def plain_text(data: bytes) -> str:
    """Filters one whole text, colours too: for a place that is no terminal."""
    terminal = TerminalFilter()
    text = (terminal.feed(data) + terminal.end()).decode()
    return re.sub("\x1b\\[[0-9;:]*m", "", text)
