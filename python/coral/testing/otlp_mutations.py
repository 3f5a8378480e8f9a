"""Broken OTLP requests without end: valid ones, changed at random in their structure or their bytes.

Each is made from a seed and a number alone (and the time of day, which timestamps are near), so any one can
be made again.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from coral.testing.otlp_samples import SIGNALS, sample

_HEX: Final = frozenset({"traceId", "spanId", "parentSpanId"})
_PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"

_MOST_COPIED_BYTES: Final = 32_000_000
"""Copies of copies would fill the memory of the one who makes them; twice the largest body is enough."""

_MOST_JSON_BYTES: Final = 8_000_000
"""A larger message is sent as protobuf: its JSON is about three times as long and takes gigabytes to make."""

_INTS: Final = (0, 1, -1, 2**31 - 1, -(2**31), 2**31, 2**32 - 1, 2**53, 2**63 - 1, -(2**63), 2**63, 2**64 - 1)
_FLOATS: Final = (0.0, -0.0, math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, 1e-9, 2.0**63)
_TEXTS: Final = (
    *("", "\0", "a\0b", "é" * 300, "x" * 256, "x" * 5000, "\u202e", "💥" * 50, "'; DROP TABLE spans; --"),
    *("__overflow__", '{"a":', "\\u0000", "\n\r\t", "%s%n", "../../etc", "null", "NaN", "🦊\u0301" * 9),
)


@dataclass(frozen=True)
class BadRequest:
    """One request to send.

    Attributes:
        signal: `traces`, `metrics` or `logs`.
        transport: `grpc` or `http`.
        body: What to send; for gRPC the message's bytes.
        content_type: HTTP only.
        content_encoding: HTTP only; empty for none.
        compress: gRPC only: the client compresses.
        what: How it was changed, for reports.
    """

    signal: str
    transport: str
    body: bytes
    content_type: str = _PROTOBUF
    content_encoding: str = ""
    compress: bool = False
    what: str = ""


def bad_request(seed: int, number: int) -> BadRequest:
    """The `number`-th request of a seed."""
    random = Random(f"{seed}/{number}")
    signal = random.choice(SIGNALS)
    message = sample(signal, random)
    changes: list[str] = []
    if random.random() < 0.6:
        changes += [_change_structure(message, random) for _ in range(random.choice((1, 1, 1, 2, 5)))]
    kind = random.choice(("grpc", "grpc", "http", "http", "json", "json"))
    if kind == "json" and message.ByteSize() > _MOST_JSON_BYTES:
        kind = "http"
    if kind == "json":
        body, how = _json(message, random)
        changes += how
    else:
        body = message.SerializeToString()
    if not changes or random.random() < 0.35:
        for _ in range(random.choice((1, 1, 2, 8))):
            body, how_bytes = _change_bytes(body, random)
            changes.append(how_bytes)
    what = ", ".join(changes)
    if kind == "grpc":
        return BadRequest(signal, "grpc", body, compress=random.random() < 0.3, what=what)
    request = BadRequest(signal, "http", body, _JSON if kind == "json" else _PROTOBUF, what=what)
    if random.random() < 0.4:
        request = _compressed(request, random)
    if random.random() < 0.02:
        odd = random.choice(
            ("text/plain", "", _JSON, _PROTOBUF, "application/json; charset=\xff", "x" * 5000)
        )
        request = replace(request, content_type=odd, what=f"{what}, content type {odd[:20]!r}")
    return request


def _change_structure(message: Message, random: Random) -> str:
    """Changes one field somewhere in a message."""
    place = _somewhere(message, random)
    field: Any = random.choice(place.DESCRIPTOR.fields)
    name = f"{place.DESCRIPTOR.name}.{field.name}"
    if field.is_repeated:
        return _change_list(place, field, name, random)
    if random.random() < 0.15:
        place.ClearField(field.name)
        return f"{name} cleared"
    if field.message_type is not None:
        target = getattr(place, field.name)
        target.SetInParent()
        if field.message_type.name == "AnyValue":
            _nest(target, random.choice((1, 3, 30, 33, 44, 48)), random)
            return f"{name} nested"
        return f"{name} empty"
    value = _scalar(field, random)
    setattr(place, field.name, value)
    return f"{name} = {str(value)[:30]}"


def _somewhere(message: Message, random: Random) -> Message:
    """The message or one below it; deep ones are as likely as high ones."""
    place = message
    while True:
        below: list[Message] = []
        for field, value in place.ListFields():
            if field.message_type is not None:
                below += list(value) if field.is_repeated else [value]
        if not below or random.random() < 0.12:
            return place
        place = random.choice(below)


def _change_list(place: Any, field: FieldDescriptor, name: str, random: Random) -> str:
    items = getattr(place, field.name)
    what = random.choice(("clear", "double", "many", "add", "drop"))
    if what == "clear" or not items:
        place.ClearField(field.name)
        if field.message_type is not None:
            getattr(place, field.name).add()
        else:
            getattr(place, field.name).append(_scalar(field, random))
        return f"{name} one empty"
    if what == "drop":
        del items[random.randrange(len(items))]
    elif what in ("double", "many"):
        copies = list(items) if what == "double" else [items[0]] * random.choice((20, 20, 100, 100, 1500))
        if place.ByteSize() * len(copies) > _MOST_COPIED_BYTES:
            copies = copies[:1]
        try:
            items.extend(copies)
        except DecodeError:  # copying is by way of bytes, and these are nested deeper than those may be
            what = "left as it is"
    elif field.message_type is None:
        items.append(_scalar(field, random))
    else:
        items.add()
    return f"{name} {what}"


def _scalar(field: FieldDescriptor, random: Random) -> Any:
    kind = field.cpp_type
    if kind in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
        return random.choice((*_FLOATS, random.uniform(-1e9, 1e9)))
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return random.random() < 0.5
    if kind == FieldDescriptor.CPPTYPE_STRING:
        if field.type == FieldDescriptor.TYPE_BYTES:
            return random.choice(
                (b"", bytes(8), bytes(16), random.randbytes(random.choice((1, 7, 8, 16, 17, 5000))))
            )
        return random.choice(_TEXTS)
    low, high = {
        FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
        FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
        FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    }.get(kind, (-(2**31), 2**31 - 1))
    return random.choice([number for number in _INTS if low <= number <= high])


def _nest(value: AnyValue, levels: int, random: Random) -> None:
    for _ in range(levels):
        if random.random() < 0.5:
            value = value.array_value.values.add()
        else:
            value = value.kvlist_value.values.add(key=random.choice(_TEXTS[:5])).value
    value.int_value = 1


def _json(message: Message, random: Random) -> tuple[bytes, list[str]]:
    """A message as OTLP/JSON, changed in its own structure as well."""
    document = _with_hex_ids(
        json_format.MessageToDict(
            message,
            use_integers_for_enums=random.random() < 0.5,
            preserving_proto_field_name=random.random() < 0.1,
        )
    )
    changes = []
    if random.random() < 0.5:
        changes += [_change_document(document, random) for _ in range(random.choice((1, 1, 3)))]
    text = json.dumps(document, ensure_ascii=random.random() < 0.5)
    return text.encode("utf-8", "surrogatepass"), changes


def _with_hex_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: base64.b64decode(item).hex() if key in _HEX else _with_hex_ids(item)
            for key, item in value.items()
        }
    return [_with_hex_ids(item) for item in value] if isinstance(value, list) else value


def _change_document(document: Any, random: Random) -> str:
    place = document
    while True:
        below = [
            item
            for item in (place.values() if isinstance(place, dict) else place)
            if item and isinstance(item, dict | list)
        ]
        if not below or random.random() < 0.15:
            break
        place = random.choice(below)
    value = random.choice(_ODD_JSON)(random)
    if isinstance(place, list):
        place.append(value)
        return f"list + {_brief(value)}"
    key = random.choice([*place, "key", "value", "attributes", "unknownField", ""])
    place[key] = value
    return f"{key[:20]} = {_brief(value)}"


def _brief(value: Any) -> str:
    return type(value).__name__ if isinstance(value, dict | list) else repr(str(value)[:20])


def _deep(random: Random) -> Any:
    value: Any = random.choice((None, {}, 1))
    for _ in range(random.choice((10, 60, 200))):
        value = [value] if random.random() < 0.5 else {"arrayValue": {"values": [value]}}
    return value


_ODD_JSON: Final[tuple[Callable[[Random], Any], ...]] = (
    lambda _: None,
    lambda random: random.choice(_INTS) * random.choice((1, 10**30)),
    lambda random: str(random.choice(_INTS)),
    lambda random: random.choice((1.5, 1e300, -0.0, "NaN", "Infinity", "1e400", "0x10", "1_0", "٣")),
    lambda random: random.choice(_TEXTS),
    lambda random: random.choice((True, False)),
    lambda random: random.choice(([], {}, [None], [[]], [1, "a", {}], {"stringValue": "a", "intValue": 1})),
    lambda _: "\ud800",
    _deep,
)


def _change_bytes(body: bytes, random: Random) -> tuple[bytes, str]:
    """Changes bytes without regard for what they mean."""
    changed = bytearray(body)
    place = random.randrange(len(changed) + 1)
    what = random.choice(("flip", "flip", "set", "cut", "insert", "drop", "repeat", "ones", "noise", "utf8"))
    if what == "flip" and changed:
        changed[place % len(changed)] ^= 1 << random.randrange(8)
    elif what == "set" and changed:
        changed[place % len(changed)] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
    elif what == "cut":
        del changed[place:]
    elif what == "insert":
        changed[place:place] = random.randbytes(random.choice((1, 2, 8, 200)))
    elif what == "drop":
        del changed[place : place + random.choice((1, 2, 10, 1000))]
    elif what == "repeat":
        changed[place:place] = changed[place : place + random.choice((2, 20, 500))] * random.choice(
            (1, 3, 20)
        )
    elif what == "ones":
        changed[place : place + 10] = b"\xff" * 9 + b"\x01"
    elif what == "noise":
        changed = bytearray(random.randbytes(random.choice((0, 1, 10, 500))))
    else:
        changed[place : place + 3] = random.choice((b"\xc0\xaf", b"\xed\xa0\x80", b"\xf8\x88", b"\xff"))
    return bytes(changed), f"bytes {what} at {place}"


def _compressed(request: BadRequest, random: Random) -> BadRequest:
    how = random.choice(("good", "good", "good", "members", "cut", "flip", "wrong", "lie", "bomb"))
    body, encoding = request.body, "gzip"
    if how == "members":
        half = len(body) // 2
        body = gzip.compress(body[:half], 1) + gzip.compress(body[half:], 1) + gzip.compress(b"", 1)
    elif how == "wrong":
        encoding = random.choice(("deflate", "br", "zstd", "gzip, gzip", "\xff"))
    elif how == "bomb" and random.random() < 0.05:
        body = gzip.compress(bytes(20_000_000), 6)
    elif how != "lie":
        body = gzip.compress(body, 1)
    if how == "cut":
        body = body[: random.randrange(len(body))]
    elif how == "flip":
        changed = bytearray(body)
        changed[random.randrange(len(body))] ^= 1 << random.randrange(8)
        body = bytes(changed)
    return replace(request, body=body, content_encoding=encoding, what=f"{request.what}, gzip {how}")
