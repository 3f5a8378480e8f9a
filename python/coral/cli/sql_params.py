"""`-p` of `coral query`: values of a statement's placeholders."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable

from coral.errors import UsageError

SqlParam = bool | int | float | str | None


def sql_params(given: Iterable[str]) -> tuple[list[SqlParam], dict[str, SqlParam]]:
    """Reads `-p` options.

    A value that is written as a JSON number, string, `true`, `false` or `null` is one, else it is text.
    `name=` before it makes it the value of `$name`.

    Args:
        given: The options, in order.

    Returns:
        Values of `?` in order, and values of `$name`.

    Raises:
        UsageError: Both kinds are given, or a name twice.
    """
    positional: list[SqlParam] = []
    named: dict[str, SqlParam] = {}
    for text in given:
        found = re.match(r"(?s)([A-Za-z_]\w*)=(.*)", text)
        if found is None:
            positional.append(_value(text))
        elif found[1] in named:
            raise UsageError(f"-p {found[1]} is given twice", hint="give each parameter once")
        else:
            named[found[1]] = _value(found[2])
    if positional and named:
        raise UsageError(
            "-p has values with and without a name",
            hint="a statement takes either ? or $name; use one of them",
        )
    return positional, named


def _value(text: str) -> SqlParam:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if isinstance(value, (list, dict)) or (isinstance(value, float) and not math.isfinite(value)):
        return text
    return value if value is None or isinstance(value, (bool, int, float, str)) else text
