"""Bodies that would take far more memory as objects than on the wire are refused before they are parsed."""

from __future__ import annotations

import tracemalloc
from random import Random

import pytest

from coral.agent.decode.bulk import check_json, check_protobuf
from coral.agent.group import Signal
from coral.agent.receive.exports import EXPORTS
from coral.errors import UsageError
from coral.limits import MAX_ITEMS_PER_REQUEST, MAX_JSON_OBJECTS, MAX_PARSED_ITEMS
from coral.testing.otlp_samples import SIGNALS, sample

PARSERS = {one.signal: one for one in EXPORTS}


def field(number: int, content: bytes) -> bytes:
    size, length = len(content), b""
    while True:
        size, low = size >> 7, size & 0x7F
        length += bytes([low | (0x80 if size else 0)])
        if not size:
            return bytes([number << 3 | 2]) + length + content


FLOODS = {
    "groups": field(1, b"") * (MAX_PARSED_ITEMS + 1),
    "scopes": field(1, field(2, b"") * (MAX_PARSED_ITEMS + 1)),
    "items": field(1, field(2, field(2, b"") * (MAX_PARSED_ITEMS + 1))),
    "items of many groups": field(1, field(2, field(2, b"") * 1000)) * (MAX_PARSED_ITEMS // 1000 + 1),
}


@pytest.mark.parametrize("body", FLOODS.values(), ids=FLOODS)
@pytest.mark.parametrize("signal", [Signal.LOGS, Signal.POINTS])
def test_a_flood_of_empty_items_is_refused_and_told(signal: Signal, body: bytes) -> None:
    with pytest.raises(UsageError, match="MAX_PARSED_ITEMS"):
        PARSERS[signal].parse(body)


@pytest.mark.parametrize("kind", [5, 7, 9, 10, 11])
def test_a_flood_of_points_is_refused(kind: int) -> None:
    points = field(kind, field(1, b"") * (MAX_PARSED_ITEMS // 2 + 1))
    with pytest.raises(UsageError, match="MAX_PARSED_ITEMS"):
        check_protobuf(field(1, field(2, field(2, points) * 2)), points=True)


def test_what_is_beyond_the_limit_of_items_alone_is_refused_item_by_item() -> None:
    body = field(1, field(2, field(2, b"") * (MAX_ITEMS_PER_REQUEST + 1)))
    assert PARSERS[Signal.LOGS].parse(body).refused == 1


@pytest.mark.parametrize("signal", SIGNALS)
def test_real_requests_pass(signal: str) -> None:
    body = sample(signal, Random(1)).SerializeToString()
    check_protobuf(body * (16 * 1024 * 1024 // len(body)), points=signal == "metrics")
    check_protobuf(b"\xff" * 200_000)  # no protobuf: left to the parser


@pytest.mark.parametrize("item", [b"{},", b"[],"])
@pytest.mark.parametrize("export", EXPORTS, ids=lambda one: one.signal.value)
def test_json_with_too_many_objects_is_refused_before_it_takes_memory(export: object, item: bytes) -> None:
    body = b'{"resourceLogs":[' + item * MAX_JSON_OBJECTS + b"{}]}"
    tracemalloc.start()
    try:
        with pytest.raises(UsageError, match="MAX_JSON_OBJECTS"):
            export.parse_json(body)  # type: ignore[attr-defined]
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    check_json(b"[" * MAX_JSON_OBJECTS)
