"""The native kernel gives the answer that protobuf's own parser gives, on every input.

`CORAL_FUZZ_INPUTS=1000000 pytest python/tests/agent/test_kernel.py -k same_answer` is the long version.
"""

from __future__ import annotations

import os
import random
import struct

import msgspec
import pyarrow as pa
import pytest
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from coral.agent.decode import traces as decoding
from coral.agent.decode.columns import Decoded
from coral.agent.decode.kernel import TraceKernel, trace_kernel
from coral.agent.decode.traces import decode_trace_bytes, decode_traces
from coral.errors import UsageError
from coral.limits import MAX_ATTRIBUTE_LENGTH, MAX_ATTRIBUTES, MAX_SPAN_EVENTS
from tests.agent.otlp import span, text, traces
from tests.agent.otlp_fuzz import NOW_NS, RequestMaker

SEED = int(os.environ.get("CORAL_FUZZ_SEED", "3"))
INPUTS = int(os.environ.get("CORAL_FUZZ_INPUTS", "20000"))

pytestmark = pytest.mark.skipif(trace_kernel() is None, reason="this platform has no native kernel")


@pytest.fixture
def kernel() -> TraceKernel:
    found = trace_kernel()
    assert found is not None
    return found


def by_library(body: bytes) -> Decoded | None:
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        return None
    return decode_traces(request, now_ns=NOW_NS)


def by_kernel(body: bytes) -> Decoded | None:
    try:
        return decode_trace_bytes(body, now_ns=NOW_NS)
    except UsageError:
        return None


def assert_same(body: bytes) -> Decoded | None:
    expected, found = by_library(body), by_kernel(body)
    assert (expected is None) == (found is None), f"one accepts what the other does not: {body.hex()}"
    if expected is None or found is None:
        return None
    found.rows.validate(full=True)
    assert found.rows.schema == expected.rows.schema
    assert found.rows.to_pydict() == expected.rows.to_pydict(), body.hex()
    assert (found.resources, found.refused, found.reason) == (
        expected.resources,
        expected.refused,
        expected.reason,
    ), body.hex()
    return found


def test_same_answer_on_made_up_and_damaged_requests() -> None:
    maker = RequestMaker(SEED)
    accepted = rejected = rows = refused = 0
    while accepted + rejected < INPUTS:
        body = maker.request()
        for candidate in (body, *(maker.damaged(body) for _ in range(9))):
            decoded = assert_same(candidate)
            if decoded is None:
                rejected += 1
            else:
                accepted += 1
                rows += decoded.rows.num_rows
                refused += decoded.refused
    # Both verdicts must be exercised for the comparison to mean something.
    assert accepted > INPUTS // 10
    assert rejected > INPUTS // 10
    assert rows > INPUTS // 10
    assert refused > INPUTS // 100


def test_doubles_are_printed_as_msgspec_prints_them() -> None:
    source = random.Random(SEED)
    patterns = [source.getrandbits(64) for _ in range(20_000)]
    patterns += [exponent << 52 for exponent in range(2047)]  # powers of two: the interval is lopsided
    patterns += [(exponent << 52) - 1 for exponent in range(1, 2047)]
    values = [struct.unpack("<d", struct.pack("<Q", bits))[0] for bits in patterns]
    values += [float(10**power) for power in range(23)] + [number / 1000 for number in range(2000)]
    attributes = [
        KeyValue(key=str(i % 500), value=AnyValue(double_value=value)) for i, value in enumerate(values)
    ]
    spans = []
    for first in range(0, len(attributes), 500):
        one = span(first)
        del one.attributes[:]
        one.attributes.extend(attributes[first : first + 500])
        spans.append(one)
    found = by_kernel(traces(spans).SerializeToString())
    assert found is not None
    printed = found.rows.column("attributes").to_pylist()
    for number, one in enumerate(printed):
        expected = {
            str(i % 500): values[i] for i in range(number * 500, min(number * 500 + 500, len(values)))
        }
        assert one == msgspec.json.encode(expected).decode()


def test_limits_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [text(f"key{number}", "v") for number in range(MAX_ATTRIBUTES + 5)]
    long = text("long", "é" * (MAX_ATTRIBUTE_LENGTH + 5))
    nested = KeyValue(key="map", value=AnyValue(kvlist_value=KeyValueList(values=many)))
    twice = KeyValue(key="map", value=AnyValue(kvlist_value=KeyValueList(values=[*many[:50], *many[:50]])))
    spans = []
    for number, attributes in enumerate((many, [long], [nested], [twice], [*many[:40], *many[:40]])):
        one = span(number)
        one.attributes.extend(attributes)
        one.events.extend(Span.Event(name="e", attributes=attributes) for _ in range(MAX_SPAN_EVENTS + 3))
        one.links.extend(Span.Link(trace_id=b"x" * 16) for _ in range(MAX_SPAN_EVENTS + 3))
        one.status.message = "é" * (MAX_ATTRIBUTE_LENGTH + 5)
        spans.append(one)
    monkeypatch.setattr(decoding, "MAX_ITEMS_PER_REQUEST", 100_000)
    decoded = assert_same(traces(spans).SerializeToString())
    assert decoded is not None
    first, second, *_ = (msgspec.json.decode(row) for row in decoded.rows.column("attributes").to_pylist())
    assert len(first) == MAX_ATTRIBUTES
    assert len(second["long"]) == MAX_ATTRIBUTE_LENGTH
    events = msgspec.json.decode(decoded.rows.column("events").to_pylist()[0])
    assert len(events) == MAX_SPAN_EVENTS


def test_too_many_spans_are_refused_alike() -> None:
    one = traces([span(0)]).resource_spans[0]
    serialized = one.scope_spans[0].spans[0].SerializeToString()
    tail = one.resource.SerializeToString()
    item = b"\x12" + bytes([len(serialized)]) + serialized
    scope = item * 100_005
    length = []
    size = len(scope)
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    group = b"\x12" + bytes([*length, size]) + scope + b"\x0a" + bytes([len(tail)]) + tail
    size, length = len(group), []
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    body = b"\x0a" + bytes([*length, size]) + group
    expected, found = by_library(body), by_kernel(body)
    assert expected is not None
    assert found is not None
    assert found.refused == expected.refused == 5
    assert "MAX_ITEMS_PER_REQUEST" in found.reason
    assert found.reason == expected.reason
    assert found.rows.num_rows == 100_000


def test_columns_outlive_the_request_and_each_other() -> None:
    decoded = decode_trace_bytes(traces([span(number) for number in range(1000)]).SerializeToString())
    services = decoded.rows.column("service_name")
    names = decoded.rows.column("span_name")
    del decoded
    assert services.to_pylist() == ["payments"] * 1000
    del services
    assert names.to_pylist() == ["GET /pay"] * 1000


def test_an_empty_request_has_no_rows(kernel: TraceKernel) -> None:
    result = kernel.decode(b"", now_ns=NOW_NS)
    assert result is not None
    assert (result.rows.num_rows, result.resources, result.refused) == (0, [], 0)
    assert isinstance(result.rows, pa.Table)
