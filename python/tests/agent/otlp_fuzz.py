"""Made-up OTLP trace requests: valid ones with every odd construct of the wire format, and damaged ones.

Written by hand on the wire level, as protobuf's own serialiser never makes overlong varints, repeated
singular fields, groups, or fields of the wrong wire type.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

NOW_NS = 1_790_000_000_000_000_000

Make = Callable[["RequestMaker", int], bytes]

_TEXTS = (
    *(
        "",
        "a",
        "GET /pay",
        "http.route",
        "service.name",
        "service.instance.id",
        "x" * 12,
        "line\nbreak\t\x00\x1f",
    ),
    *(
        'quo"te\\',
        "é",
        "漢字",
        "🎉" * 3,
        "\x7f\u0080\u07ff\u0800\uffff",
        "n" * 254,
        "é" * 255,
        "n" * 256,
        "k" * 1030,
    ),
)
_BAD_TEXTS = (
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"abcdefgh\x80",
    b"\xe2\x82",
    b"\xf0\x8f\xbf\xbf",
)
_INTEGERS = (0, 1, 2, 3, 5, 6, 127, 128, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1)
_DOUBLES = (0.0, -0.0, 1.0, 0.1, 1e15, 1e16, 1e22, 1e-4, 1e-5, 1e-6, 5e-324, 1.7976931348623157e308, 2.0**-44)
_TIMES = (0, 1, 999, NOW_NS, NOW_NS + 1_234_567, NOW_NS + 24 * 3600 * 10**9, NOW_NS + 24 * 3600 * 10**9 + 1)


class RequestMaker:
    """Makes requests from a seeded source of randomness."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._oddness = 0.0

    def request(self) -> bytes:
        """An `ExportTraceServiceRequest`, mostly valid."""
        self._oddness = self._random.choice((0.0, 0.003, 0.01, 0.03, 0.1))
        return self._repeat(1, RequestMaker._resource_spans, (0, 1, 1, 2, 3), 0)

    def damaged(self, body: bytes) -> bytes:
        """The body with some bytes changed, taken out, put in, doubled or cut off."""
        source = self._random
        data = bytearray(body)
        for _ in range(source.choice((1, 1, 1, 2, 3, 8))):
            if not data:
                return bytes([source.randrange(256)])
            at = source.randrange(len(data))
            match source.randrange(7):
                case 0:
                    data[at] ^= 1 << source.randrange(8)
                case 1:
                    data[at] = source.choice((0, 1, 0x7F, 0x80, 0xFF, source.randrange(256)))
                case 2:
                    del data[at : at + source.choice((1, 1, 2, 9))]
                case 3:
                    data[at:at] = source.randbytes(source.choice((1, 1, 2, 9)))
                case 4:
                    data[at:at] = data[at : at + source.randrange(1, 40)]
                case 5:
                    del data[at:]
                case _:
                    to = source.randrange(len(data))
                    data[at : at + 4] = data[to : to + 4]
        return bytes(data)

    def _odd(self) -> bool:
        return self._random.random() < self._oddness

    def _varint(self, value: int) -> bytes:
        value &= 2**64 - 1
        out = bytearray()
        while value > 0x7F:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        out.append(value)
        if self._odd():  # longer than needed
            out[-1] |= 0x80
            out += b"\x80" * self._random.choice((0, 0, 1, 2, 3, 7, 8)) + b"\x00"
        return bytes(out)

    def _tag(self, number: int, wire_type: int) -> bytes:
        return self._varint(number << 3 | wire_type)

    def _bytes(self, number: int, value: bytes) -> bytes:
        return self._tag(number, 2) + self._varint(len(value)) + value

    def _text(self, number: int) -> bytes:
        source = self._random
        if source.random() < self._oddness / 20:
            return self._bytes(number, source.choice(_BAD_TEXTS))
        return self._bytes(number, source.choice(_TEXTS).encode())

    def _integer(self, number: int) -> bytes:
        return self._tag(number, 0) + self._varint(self._random.choice(_INTEGERS))

    def _fixed64(self, number: int, value: int) -> bytes:
        return self._tag(number, 1) + struct.pack("<Q", value & (2**64 - 1))

    def _noise(self, depth: int) -> bytes:
        """An unknown field, a group, or a known field of another type."""
        source = self._random
        number = source.choice((source.randrange(1, 20), 1000, 2**29 - 1, source.randrange(4)))
        match source.randrange(7):
            case 0:
                return self._tag(number, 0) + self._varint(source.choice(_INTEGERS))
            case 1:
                return self._tag(number, 1) + source.randbytes(8)
            case 2:
                return self._tag(number, 5) + source.randbytes(4)
            case 3 | 4:
                count = source.randrange(3) if depth < 6 else 0
                inner = b"".join(self._noise(depth + 1) for _ in range(count))
                end = number if source.random() < 0.99 else number + 1
                return self._tag(number, 3) + inner + self._tag(end, 4)
            case 5:
                levels = source.choice((2, 3, 50, 85, 90, 93, 95, 98, 99, 100, 101))
                return self._tag(number, 3) * levels + self._tag(number, 4) * levels
            case _:
                return self._bytes(number, source.randbytes(source.choice((0, 1, 5, 20))))

    def _message(self, fields: Sequence[bytes], depth: int) -> bytes:
        source = self._random
        parts = [part for part in fields if part]
        if self._odd():
            source.shuffle(parts)
        if self._odd():
            parts.insert(source.randrange(len(parts) + 1), self._noise(depth))
        if self._odd() and parts:  # a field twice
            parts.append(source.choice(parts))
        return b"".join(parts)

    def _repeat(self, number: int, make: Make, counts: Sequence[int], depth: int) -> bytes:
        count = self._random.choice(counts)
        return b"".join(self._bytes(number, make(self, depth + 1)) for _ in range(count))

    def _singular(self, number: int, make: Make, depth: int) -> bytes:
        """A message field that should be there once: mostly it is."""
        counts = (0, 2, 3) if self._odd() else (1,)
        return self._repeat(number, make, counts, depth)

    def _any_value(self, depth: int) -> bytes:
        parts = [self._one_value(depth)]
        while self._odd():
            parts.append(self._one_value(depth))
        return self._message(parts, depth)

    def _one_value(self, depth: int) -> bytes:
        source = self._random
        if depth > 30 and source.random() < 0.5:
            return self._text(1)
        match source.randrange(12):
            case 0 | 1 | 2 | 3 | 4:
                return self._text(1)
            case 5:
                return self._integer(2)
            case 6:
                return self._integer(3)
            case 7:
                value = source.choice((*_DOUBLES, source.uniform(-1e6, 1e6), float("nan"), float("-inf")))
                bits = (
                    source.getrandbits(64)
                    if source.random() < 0.5
                    else struct.unpack("<Q", struct.pack("<d", value))[0]
                )
                return self._fixed64(4, bits)
            case 8:
                return self._singular(5, RequestMaker._array, depth)
            case 9:
                return self._singular(6, RequestMaker._attributes, depth)
            case 10:
                return self._bytes(7, source.randbytes(source.choice((0, 1, 2, 3, 17))))
            case _:
                return source.choice(
                    (b"", self._integer(8), self._deep(source.choice((20, 31, 32, 33, 60, 93, 97))))
                )

    def _deep(self, levels: int) -> bytes:
        value = self._text(1)
        for _ in range(levels // 2):
            value = self._bytes(5, self._bytes(1, value))
        return value

    def _array(self, depth: int) -> bytes:
        return self._repeat(1, RequestMaker._any_value, (0, 1, 2), depth)

    def _attributes(self, depth: int) -> bytes:
        return self._repeat(1, RequestMaker._key_value, (0, 1, 3), depth)

    def _key_value(self, depth: int) -> bytes:
        parts = [self._text(1), self._singular(2, RequestMaker._any_value, depth)]
        return self._message(parts, depth)

    def _resource(self, depth: int) -> bytes:
        parts = [self._repeat(1, RequestMaker._key_value, (0, 1, 4), depth)]
        source = self._random
        for key in (b"service.name", b"service.instance.id"):
            if source.random() < 0.7:
                value = self._bytes(1, source.choice(_TEXTS).encode())
                parts.append(self._bytes(1, self._bytes(1, key) + self._bytes(2, value)))
        parts.append(self._repeat(3, RequestMaker._entity, (0, 0, 0, 1), depth))
        return self._message(parts, depth)

    def _entity(self, depth: int) -> bytes:
        return self._message([self._text(n) for n in (1, 2, 3, 4)], depth)

    def _resource_spans(self, depth: int) -> bytes:
        parts = [
            self._singular(1, RequestMaker._resource, depth),
            self._repeat(2, RequestMaker._scope_spans, (0, 1, 1, 2), depth),
            self._text(3),
        ]
        return self._message(parts, depth)

    def _scope_spans(self, depth: int) -> bytes:
        parts = [
            self._singular(1, RequestMaker._scope, depth),
            self._repeat(2, RequestMaker._span, (0, 1, 1, 3), depth),
            self._text(3),
        ]
        return self._message(parts, depth)

    def _scope(self, depth: int) -> bytes:
        return self._message([self._text(1), self._text(2), self._attributes_of(3, depth)], depth)

    def _attributes_of(self, number: int, depth: int) -> bytes:
        return self._repeat(number, RequestMaker._key_value, (0, 0, 1, 3), depth)

    def _id(self, number: int, size: int) -> bytes:
        source = self._random
        if self._odd():
            return self._bytes(
                number, source.choice((b"", bytes(size), b"short", source.randbytes(size + 1)))
            )
        return self._bytes(number, source.randbytes(size))

    def _time(self, number: int) -> bytes:
        source = self._random
        value = source.choice((*_TIMES, *_INTEGERS)) if self._odd() else NOW_NS + source.randrange(10**9)
        return self._fixed64(number, value)

    def _span(self, depth: int) -> bytes:
        source = self._random
        parts = [
            self._id(1, 16),
            self._id(2, 8),
            self._id(4, 8) if source.random() < 0.5 else b"",
            self._text(3) if self._odd() else b"",
            self._text(5),
            self._integer(6),
            self._time(7),
            self._time(8),
            self._repeat(9, RequestMaker._key_value, (0, 1, 2, 5), depth),
            self._repeat(11, RequestMaker._event, (0, 0, 0, 1, 2), depth),
            self._repeat(13, RequestMaker._link, (0, 0, 0, 1, 2), depth),
            self._singular(15, RequestMaker._status, depth) if source.random() < 0.5 else b"",
            self._tag(16, 5) + source.randbytes(4) if source.random() < 0.3 else b"",
        ]
        return self._message(parts, depth)

    def _event(self, depth: int) -> bytes:
        return self._message([self._time(1), self._text(2), self._attributes_of(3, depth)], depth)

    def _link(self, depth: int) -> bytes:
        parts = [self._id(1, 16), self._id(2, 8), self._text(3), self._attributes_of(4, depth)]
        return self._message(parts, depth)

    def _status(self, depth: int) -> bytes:
        return self._message([self._text(2), self._integer(3)], depth)
