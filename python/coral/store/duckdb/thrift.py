"""Thrift's compact protocol, as far as the footer of a Parquet file needs it: read, change, write again.

A struct is a dict of field number to `Field`, in the order of the file; what nobody looks at stays as it was.
Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
_NUMBERS: Final = (_I16, _I32, _I64)
_DEEPEST: Final = 16


@dataclass
class Field:
    """A value with its type: a number, bytes, a `Sequence` or a struct."""

    kind: int
    value: Any


Struct = dict[int, Field]


@dataclass
class Sequence:
    """A list or set: the type of its items, and the items."""

    kind: int
    items: list[Any]


def i64(value: int) -> Field:
    """A field with a 64-bit number."""
    return Field(_I64, value)


def structs(items: list[Struct]) -> Field:
    """A field with a list of structs."""
    return Field(_LIST, Sequence(_STRUCT, items))


def binary(value: bytes) -> Field:
    """A field with bytes."""
    return Field(_BINARY, value)


def read_struct(data: bytes) -> Struct:
    """Reads one struct from the beginning of `data`.

    Raises:
        ValueError: It is none, or has a type that no Parquet footer has.
    """
    try:
        return _Reader(data).struct(0)
    except IndexError:
        raise ValueError("the struct is cut off") from None


def write_struct(struct: Struct) -> bytes:
    """The bytes of a struct."""
    out = bytearray()
    _write_struct(out, struct)
    return bytes(out)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self, depth: int) -> Struct:
        if depth > _DEEPEST:
            raise ValueError("structs are nested too deeply")
        found: Struct = {}
        number = 0
        while head := self._byte():
            kind, delta = head & 15, head >> 4
            number = number + delta if delta else self._signed()
            found[number] = Field(kind, None if kind in (_TRUE, _FALSE) else self._value(kind, depth))
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if kind in _NUMBERS:
            return self._signed()
        if kind == _BINARY:
            return self._bytes(self._unsigned())
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in (_LIST, _SET):
            head = self._byte()
            count = self._unsigned() if head >> 4 == 15 else head >> 4
            return Sequence(head & 15, [self._item(head & 15, depth) for _ in range(count)])
        if kind == _BYTE:
            return self._byte()
        if kind == _DOUBLE:
            return self._bytes(8)
        raise ValueError(f"type {kind} is not known in a Parquet footer")

    def _item(self, kind: int, depth: int) -> Any:
        return self._byte() if kind in (_TRUE, _FALSE) else self._value(kind, depth + 1)

    def _byte(self) -> int:
        value = self._data[self._at]
        self._at += 1
        return value

    def _bytes(self, size: int) -> bytes:
        if size > len(self._data) - self._at:
            raise IndexError
        self._at += size
        return self._data[self._at - size : self._at]

    def _unsigned(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def _signed(self) -> int:
        value = self._unsigned()
        return value >> 1 ^ -(value & 1)


def _write_struct(out: bytearray, struct: Struct) -> None:
    before = 0
    for number, field in struct.items():
        delta = number - before
        if 0 < delta < 16:
            out.append(delta << 4 | field.kind)
        else:
            out.append(field.kind)
            _write_signed(out, number)
        before = number
        if field.kind not in (_TRUE, _FALSE):
            _write_value(out, field.kind, field.value)
    out.append(0)


def _write_value(out: bytearray, kind: int, value: Any) -> None:
    if kind in _NUMBERS:
        _write_signed(out, value)
    elif kind == _BINARY:
        _write_unsigned(out, len(value))
        out += value
    elif kind == _STRUCT:
        _write_struct(out, value)
    elif kind in (_LIST, _SET):
        count = len(value.items)
        if count < 15:
            out.append(count << 4 | value.kind)
        else:
            out.append(15 << 4 | value.kind)
            _write_unsigned(out, count)
        for item in value.items:
            if value.kind in (_TRUE, _FALSE):
                out.append(item)
            else:
                _write_value(out, value.kind, item)
    elif kind == _BYTE:
        out.append(value)
    else:
        out += value


def _write_unsigned(out: bytearray, value: int) -> None:
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)


def _write_signed(out: bytearray, value: int) -> None:
    _write_unsigned(out, value << 1 ^ value >> 63)
