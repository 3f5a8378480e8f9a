"""Parameters of a script: `--param name=value` on the command line, `coral.params.name` in the script."""

from __future__ import annotations

from coral.config import fast_json
from coral.errors import UsageError
from coral.script_limits import MAX_PARAM_NESTING

# Beyond this a JavaScript number would silently become another one.
_MAX_SAFE_INTEGER = 2**53 - 1


def parse_params(pairs: list[str]) -> dict[str, object]:
    """Reads `name=value` pairs; of equal names the last one counts.

    Args:
        pairs: The pairs as typed.

    Raises:
        UsageError: A pair has no `=` or no name.

    >>> parse_params(["threshold=500", "service=payments", "tags=[1,2]"])
    {'threshold': 500, 'service': 'payments', 'tags': [1, 2]}
    """
    params: dict[str, object] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(
                f"the parameter {pair!r} is not NAME=VALUE",
                hint="for example: --param threshold=500 --param service=payments",
            )
        params[name] = parse_value(value)
    return params


def split_params(pairs: list[str]) -> dict[str, str]:
    """Returns the text of each pair that `parse_params` takes, by name: a declared string stays as typed."""
    return {name: value for name, _, value in [pair.partition("=") for pair in pairs]}


def parse_value(text: str) -> object:
    """Gives a value the type that it looks like.

    JSON is taken as such (numbers, `true`, `false`, `null`, objects, arrays, quoted strings). All else
    is a string, and so are an integer that a JavaScript number cannot hold, such as a long id, and what is
    nested deeper than MAX_PARAM_NESTING.

    >>> parse_value("500"), parse_value("5m"), parse_value("12345678901234567890")
    (500, '5m', '12345678901234567890')
    """
    try:
        value = fast_json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, int) and abs(value) > _MAX_SAFE_INTEGER:
        return text
    if isinstance(value, (dict, list)) and fast_json.is_deeper(value, MAX_PARAM_NESTING):
        return text
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return text
    return value
