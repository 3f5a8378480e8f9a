"""SQL values as JSON: nothing is rounded, and nothing needs more than JSON.

| SQL | JSON |
|---|---|
| BOOLEAN, VARCHAR, JSON, UUID, ENUM | as they are; JSON columns as their text |
| integers | number; text beyond ±(2^53 - 1) |
| FLOAT, DOUBLE | number; `"NaN"`, `"Infinity"`, `"-Infinity"` as text |
| DECIMAL | text; a number where it has no fraction digits |
| TIMESTAMP of all kinds | ISO 8601 in UTC, `"2026-01-02T03:04:05.000006Z"` |
| DATE, TIME | `"2026-01-02"`, `"03:04:05"` |
| INTERVAL | `{"months", "days", "nanoseconds"}` |
| BLOB | lower-case hex |
| BIT | text of 0 and 1 |
| LIST, ARRAY | array |
| STRUCT | object |
| MAP | object, keys as text |
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

_MAX_SAFE: Final = 2**53 - 1
_EPOCH: Final = datetime(1970, 1, 1)
_PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_DIGITS: Final = {"s": 0, "ms": 3, "us": 6, "ns": 9}


def json_rows(columns: Sequence[tuple[str, str]], table: pa.Table) -> list[list[object]]:
    """The rows of an answer as values that JSON has.

    Args:
        columns: Name and DuckDB type of each column.
        table: The rows.
    """
    values = [_column(column, kind) for column, (_, kind) in zip(table.columns, columns, strict=True)]
    return [list(row) for row in zip(*values, strict=True)]


def _column(column: pa.ChunkedArray, kind: str) -> list[object]:
    if kind == "BIT":
        return [None if value is None else _bits(value) for value in column.to_pylist()]
    if pa.types.is_string(column.type) or pa.types.is_boolean(column.type):
        return list(column.to_pylist())
    return [_value(scalar) for scalar in column]


def _value(scalar: Any) -> object:
    """One Arrow scalar as JSON has it."""
    if scalar is None or not scalar.is_valid:
        return None
    kind = scalar.type
    if pa.types.is_timestamp(kind):
        return _timestamp(scalar.value, kind.unit)
    if pa.types.is_date(kind):
        return _date(scalar.cast(pa.int32()).as_py())
    if pa.types.is_time(kind):
        return _time(scalar.cast(pa.int64() if kind.bit_width == 64 else pa.int32()).as_py(), kind.unit)
    if pa.types.is_map(kind):
        return {_key(_value(item["key"])): _value(item["value"]) for item in _map_items(scalar)}
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return [_value(item) for item in scalar.values]
    if pa.types.is_struct(kind):
        return {field.name: _value(scalar[i]) for i, field in enumerate(kind)}
    if pa.types.is_union(kind):
        return _value(scalar.value)
    return _simple(scalar.as_py())


def _map_items(scalar: Any) -> list[Any]:
    return [{"key": item["key"], "value": item["value"]} for item in scalar.values]


def _key(value: object) -> str:
    return value if isinstance(value, str) else "null" if value is None else str(value)


def _simple(value: Any) -> object:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _MAX_SAFE else str(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Decimal):
        # HUGEINT travels as a decimal without a fraction.
        return _simple(int(value)) if value.as_tuple().exponent == 0 else format(value, "f")
    if isinstance(value, bytes):
        return value.hex()
    if hasattr(value, "nanoseconds") and hasattr(value, "months"):
        return {"months": value.months, "days": value.days, "nanoseconds": value.nanoseconds}
    return str(value)


def _timestamp(value: int, unit: str) -> str:
    seconds, rest = divmod(value, _PER_SECOND[unit])
    try:
        whole = (_EPOCH + timedelta(seconds=seconds)).isoformat()
    except OverflowError:
        return "infinity" if value > 0 else "-infinity"
    fraction = f".{rest:0{_DIGITS[unit]}d}" if rest else ""
    return f"{whole}{fraction}Z"


def _date(days: int) -> str:
    try:
        return (_EPOCH + timedelta(days=days)).date().isoformat()
    except OverflowError:
        return "infinity" if days > 0 else "-infinity"


def _time(value: int, unit: str) -> str:
    seconds, rest = divmod(value, _PER_SECOND[unit])
    fraction = f".{rest:0{_DIGITS[unit]}d}" if rest else ""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{fraction}"


def _bits(value: bytes) -> str:
    """DuckDB's form: the count of padding bits, then the bits, padded at their front."""
    return "".join(f"{byte:08b}" for byte in value[1:])[value[0] :]
