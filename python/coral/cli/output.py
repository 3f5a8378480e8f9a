"""Answers as a table, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from coral.printing import visible, visible_json

FORMATS = ("table", "csv", "json")

_MAX_CELL_WIDTH = 100


def render_rows(
    output: str,
    columns: Sequence[tuple[str, str]],
    rows: Sequence[Sequence[object]],
    *,
    extra: Mapping[str, object] | None = None,
) -> str:
    """Renders an answer that has columns and rows.

    Args:
        output: One of `FORMATS`.
        columns: Name and type of each column.
        rows: As many values as columns in each.
        extra: Further keys of the JSON form, such as `completeness`.

    Returns:
        The text, ending in a newline. JSON is
        `{"columns": [{"name", "type"}], "rows": [[...]], ...}`.
    """
    if output == "json":
        return render_json(
            {
                "columns": [{"name": name, "type": kind} for name, kind in columns],
                "rows": [list(row) for row in rows],
                **(extra or {}),
            }
        )
    names = [name for name, _ in columns]
    if output == "csv":
        return render_csv(names, rows)
    return render_table(names, rows)


def render_json(value: object) -> str:
    """Renders one JSON document on one line.

    Numbers without a JSON form (`NaN`, infinities) become `null`, times ISO 8601, decimals text, and
    bytes lower-case hex. Characters that could steer a terminal are escaped, as JSON allows.
    """
    text = json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return f"{visible_json(text)}\n"


def render_csv(names: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Renders CSV with a header, as RFC 4180 but with plain newlines; NULL is an empty field."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([["" if value is None else _text(value) for value in row] for row in rows])
    return buffer.getvalue()


def render_table(
    names: Sequence[str], rows: Sequence[Sequence[object]], *, widest: int = _MAX_CELL_WIDTH
) -> str:
    """Renders a table for people: aligned by what a terminal shows, numbers to the right.

    Control characters are shown as escapes, so that data cannot steer the terminal; cells that are wider
    than `widest` columns are cut.
    """
    cells = [[_cell(value, widest) for value in row] for row in rows]
    header = [_cell(name, widest) for name in names]
    widths = [max([_width(line[i]) for line in [header, *cells]]) for i in range(len(names))]
    right = [_is_numeric([row[i] for row in rows]) for i in range(len(names))]

    def line(values: Sequence[str]) -> str:
        padded = [_pad(value, width, side) for value, width, side in zip(values, widths, right, strict=True)]
        return "  ".join(padded).rstrip()

    rule = "  ".join(["-" * min(width, _MAX_CELL_WIDTH) for width in widths])
    count = f"({len(rows)} row{'' if len(rows) == 1 else 's'})"
    return "\n".join([line(header), rule, *[line(row) for row in cells], count]) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return _text(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))
    return str(value)


def _cell(value: object, widest: int) -> str:
    if value is None:
        return "NULL"
    text = visible(_text(value))
    if _width(text) <= widest:
        return text
    while _width(text) >= widest:
        text = text[: min(len(text) - 1, widest - 1)]
    return text + "…"


def _width(text: str) -> int:
    """Counts the columns that a terminal uses: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    width = 0
    joined = False
    for character in text:
        if character == "\u200d":
            joined = True
        elif unicodedata.combining(character) or "\ufe00" <= character <= "\ufe0f":
            continue
        elif joined:
            joined = False
        else:
            width += 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
    return width


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space


def _is_numeric(values: Sequence[object]) -> bool:
    present = [value for value in values if value is not None]
    return bool(present) and all(
        isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) for value in present
    )
