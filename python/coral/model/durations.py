"""Durations as people write them: `"500ms"`, `"5m"`, `"1h30m"`."""

from __future__ import annotations

import re

from coral.errors import UsageError

_UNIT_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)")


def parse_duration_ns(text: str) -> int:
    """Parses a duration.

    Args:
        text: Numbers with a unit each, largest first by habit: `"1h30m"`, `"500ms"`, `"0"`.

    Returns:
        The duration in nanoseconds, 0 or more.

    Raises:
        UsageError: The text is not a duration.

    >>> parse_duration_ns("1h30m")
    5400000000000
    """
    compact = text.strip()
    if compact == "0":
        return 0
    total = 0.0
    end = 0
    for match in _PART.finditer(compact):
        if match.start() != end:
            break
        total += float(match[1]) * _UNIT_NS[match[2]]
        end = match.end()
    if end != len(compact) or not compact:
        raise UsageError(
            f"{text!r} is not a duration",
            hint='write a number with a unit: "500ms", "30s", "5m", "1h30m", "7d"',
        )
    return round(total)


def format_duration_ns(nanoseconds: int) -> str:
    """Writes a duration as `parse_duration_ns` reads it, exactly.

    >>> format_duration_ns(5400000000000)
    '1h30m'
    """
    parts = []
    rest = nanoseconds
    for unit in ("d", "h", "m", "s", "ms", "us", "ns"):
        count, rest = divmod(rest, _UNIT_NS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0"
