"""Takes the records of a run with `--html` out of the script's output (`report.js` puts them in).

Text goes on to where it belongs, and is kept; what was printed for a record goes on, and is not kept.
"""

from __future__ import annotations

import json
import os
import select
from typing import IO

from coral.runner.relay import PIECE, write_all
from coral.runner.terminal import plain_text

_TEXT_PIECE = 1 << 16


class Records:
    """What is kept of a run: lines of JSON in a file, bounded.

    Args:
        file: Where to.
        limit: Bytes that are kept at most; then nothing more is, but what is left out is counted.
    """

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self._file = file
        self._room = limit
        self._text = b""
        self._dropped = 0

    def text(self, data: bytes) -> None:
        """Takes text that the script printed."""
        if self._dropped:
            self._dropped += len(data)
            return
        self._text += data
        if len(self._text) >= _TEXT_PIECE:
            self._end_text()

    def record(self, line: bytes) -> None:
        """Takes one record."""
        self._end_text()
        self._keep(line)

    def end(self) -> None:
        """Writes what is left, and how many bytes were left out, if any were."""
        self._end_text()
        if self._dropped:
            self._file.write(json.dumps({"kind": "dropped", "bytes": self._dropped}).encode() + b"\n")
        self._file.flush()

    def _end_text(self) -> None:
        text, self._text = self._text, b""
        if text:
            self._keep(json.dumps({"kind": "text", "text": plain_text(text)}).encode())

    def _keep(self, line: bytes) -> None:
        if self._dropped or len(line) > self._room:
            self._dropped += len(line)
            return
        self._room -= len(line)
        self._file.write(line + b"\n")


class Splitter:
    """Splits one stream into text and records.

    Args:
        word: What a record stands after.
        records: Where records and text are kept.
    """

    def __init__(self, word: str, records: Records) -> None:
        self._mark = b"\x1e" + word.encode()
        self._records = records
        self._held = b""
        self._muted = False

    def feed(self, data: bytes) -> bytes:
        """Takes one piece.

        Returns:
            The text in it, which is to be written on.
        """
        data, self._held = self._held + data, b""
        text: list[bytes] = []
        while True:
            at = data.find(self._mark)
            if at < 0:
                keep = self._beginning_at_end(data)
                self._held = data[len(data) - keep :]
                text.append(self._pass(data[: len(data) - keep]))
                return b"".join(text)
            text.append(self._pass(data[:at]))
            end = data.find(b"\n", at)
            if end < 0:
                self._held = data[at:]
                return b"".join(text)
            self._take(data[at + len(self._mark) : end])
            data = data[end + 1 :]

    def end(self) -> bytes:
        """Returns the text that was held back: it was no record after all, or half of one."""
        held, self._held = self._held, b""
        return b"" if held.startswith(self._mark) else self._pass(held)

    def _take(self, frame: bytes) -> None:
        self._muted = frame[:1] != b")"
        if frame[:1] == b"+":
            self._records.record(frame[1:])

    def _pass(self, text: bytes) -> bytes:
        if text and not self._muted:
            self._records.text(text)
        return text

    def _beginning_at_end(self, data: bytes) -> int:
        """Counts the bytes at the end that may be the beginning of a mark."""
        for size in range(min(len(self._mark) - 1, len(data)), 0, -1):
            if data.endswith(self._mark[:size]):
                return size
        return 0


def record(routes: dict[int, int], word: str, file: IO[bytes], limit: int) -> None:
    """Copies until nobody can write to the pipes any more, and keeps what belongs into the report.

    Args:
        routes: For each pipe to read, where its text belongs.
        word: What a record stands after.
        file: Where records go.
        limit: Bytes of records at most.
    """
    records = Records(file, limit)
    splitters = {reader: Splitter(word, records) for reader in routes}
    try:
        while splitters:
            for reader in select.select(list(splitters), [], [])[0]:
                data = os.read(reader, PIECE)
                splitter = splitters[reader]
                if not data:
                    del splitters[reader]
                write_all(routes[reader], splitter.feed(data) if data else splitter.end())
    finally:
        records.end()
