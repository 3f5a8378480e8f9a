"""JSON without importing `json`, which loads `re` and costs 6 ms of every `coral run`.

`loads` drives the same C scanner that `json` uses; a test holds the two equal.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _ScannerOptions:
    """What `json.JSONDecoder()` hands to the scanner by default."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int

    @staticmethod
    def parse_constant(name: str) -> object:
        raise ValueError(f"{name} is not JSON")


def loads(text: str) -> object:
    """Parses one JSON document; unlike `json.loads` it refuses `NaN` and `Infinity`.

    Raises:
        ValueError: The text is not JSON.
    """
    try:
        from _json import make_scanner
    except ImportError:  # an interpreter without the C accelerator
        import json

        parsed: object = json.loads(text, parse_constant=_ScannerOptions.parse_constant)
        return parsed
    body = text.strip(" \t\r\n")
    try:
        options: Any = _ScannerOptions()
        value, end = make_scanner(options)(body, 0)
    except (StopIteration, SystemError):
        # SystemError: where `json` is not loaded, Python 3.11's scanner finds no JSONDecodeError to raise.
        raise ValueError("not JSON") from None
    if end != len(body):
        raise ValueError("not JSON: more text after the value")
    result: object = value
    return result


def is_deeper(value: object, levels: int) -> bool:
    """Says whether a value has more levels of lists and objects than `levels`, without recursion.

    >>> is_deeper([[1], {}], 2), is_deeper([[1], {}], 1)
    (False, True)
    """
    layer = [value]
    for _ in range(levels + 1):
        inner: list[Any] = [each for each in layer if isinstance(each, (dict, list))]
        if not inner:
            return False
        layer = [item for each in inner for item in (each.values() if isinstance(each, dict) else each)]
    return True


def dumps(value: object) -> str:
    """Writes a value as ASCII JSON on one line, without `NaN` and `Infinity`.

    Raises:
        ValueError: A number is not finite.
        TypeError: The value has no JSON form.
    """
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueError(f"{value} is not JSON")
        return float.__repr__(value)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([dumps(item) for item in value]) + "]"
    if isinstance(value, dict):
        return "{" + ",".join([_key(key) + ":" + dumps(item) for key, item in value.items()]) + "}"
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a JSON object's key is a string, not {type(key).__name__}")
    return _string(key)


def _string(text: str) -> str:
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'  # most are; loading the C module would cost more than all of them
    try:
        from _json import encode_basestring_ascii
    except ImportError:
        import json

        return json.dumps(text)
    encoded: str = encode_basestring_ascii(text)
    return encoded
