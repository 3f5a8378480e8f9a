from __future__ import annotations

import datetime
import json
import math

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from coral.agent.decode.otlp_json import parse_json
from coral.agent.decode.traces import decode_traces
from coral.agent.decode.values import attributes_json
from coral.errors import UsageError
from tests.agent.otlp import START_NS, span, text, traces


def test_a_span_becomes_a_row() -> None:
    decoded = decode_traces(traces([span(0, duration_ns=1_500, failed=True)]))
    (row,) = decoded.rows.to_pylist()
    assert row == {
        "trace_id": f"{1:032x}",
        "span_id": f"{1:016x}",
        "parent_span_id": "",
        "service_name": "payments",
        "instance_id": "p-1",
        "span_name": "GET /pay",
        "kind": "SERVER",
        "start_time": datetime.datetime.fromtimestamp(START_NS // 10**9, datetime.UTC).replace(tzinfo=None),
        "duration_ns": 1_500,
        "status_code": "ERROR",
        "attributes": '{"http.route":"/pay"}',
        "status_message": None,
        "scope_name": None,
        "events": None,
        "links": None,
    }
    assert [(r.service_name, r.instance_id) for r in decoded.resources] == [("payments", "p-1")]


def test_bad_spans_are_refused_and_good_ones_kept() -> None:
    bad = [
        Span(trace_id=b"short", span_id=b"12345678", name="a", start_time_unix_nano=1),
        Span(trace_id=bytes(16), span_id=b"12345678", name="b", start_time_unix_nano=1),
        Span(trace_id=b"x" * 16, span_id=bytes(8), name="c", start_time_unix_nano=1),
        Span(trace_id=b"x" * 16, span_id=b"12345678", name="d", start_time_unix_nano=0),
        Span(trace_id=b"x" * 16, span_id=b"12345678", name="e", start_time_unix_nano=2**64 - 1),
    ]
    decoded = decode_traces(traces([*bad, span(1)]))
    assert (decoded.refused, decoded.rows.num_rows) == (5, 1)
    assert "span 'a': trace_id is 73686f7274" in decoded.reason


def test_a_span_that_ends_before_it_starts_lasts_no_time() -> None:
    backwards = span(0)
    backwards.end_time_unix_nano = backwards.start_time_unix_nano - 5
    assert decode_traces(traces([backwards])).rows.column("duration_ns").to_pylist() == [0]


def test_unknown_kinds_and_codes_get_the_defaults() -> None:
    odd = span(0)
    odd.kind = 99  # type: ignore[assignment]
    odd.status.code = 99  # type: ignore[assignment]
    (row,) = decode_traces(traces([odd])).rows.to_pylist()
    assert (row["kind"], row["status_code"]) == ("INTERNAL", "UNSET")


def test_a_resource_without_a_name_is_the_unknown_service() -> None:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.append(span(0))
    assert decode_traces(request).rows.column("service_name").to_pylist() == ["unknown_service"]


def test_attribute_values_keep_their_types() -> None:
    deep = AnyValue(int_value=1)
    for _ in range(40):
        deep = AnyValue(array_value=ArrayValue(values=[deep]))
    attributes = [
        text("s", "ü\x00"),
        KeyValue(key="i", value=AnyValue(int_value=-(2**63))),
        KeyValue(key="d", value=AnyValue(double_value=math.nan)),
        KeyValue(key="b", value=AnyValue(bool_value=True)),
        KeyValue(key="y", value=AnyValue(bytes_value=b"\x00\xff")),
        KeyValue(key="m", value=AnyValue(kvlist_value=KeyValueList(values=[text("k", "v")]))),
        KeyValue(key="n"),
        KeyValue(key="deep", value=deep),
    ]
    document = json.loads(attributes_json(attributes))
    assert document["deep"]  # cut at 32 levels, not refused
    del document["deep"]
    assert document == {
        "s": "ü\x00",
        "i": -(2**63),
        "d": None,
        "b": True,
        "y": "AP8=",
        "m": {"k": "v"},
        "n": None,
    }


def test_json_and_protobuf_decode_to_the_same_rows() -> None:
    body = json.dumps(
        {
            "resourceSpans": [
                {
                    "resource": {
                        "attributes": [
                            {"key": "service.name", "value": {"stringValue": "payments"}},
                            {"key": "service.instance.id", "value": {"stringValue": "p-1"}},
                        ]
                    },
                    "scopeSpans": [
                        {
                            "spans": [
                                {
                                    "traceId": f"{1:032X}",
                                    "spanId": f"{1:016x}",
                                    "name": "GET /pay",
                                    "kind": 2,
                                    "startTimeUnixNano": str(START_NS),
                                    "endTimeUnixNano": START_NS + 1_000_000,
                                    "attributes": [{"key": "http.route", "value": {"stringValue": "/pay"}}],
                                    "fieldOfTheFuture": {"a": [1]},
                                }
                            ]
                        }
                    ],
                }
            ]
        }
    ).encode()
    decoded = decode_traces(parse_json(body, ExportTraceServiceRequest()))
    assert decoded.rows.to_pylist() == decode_traces(traces([span(0)])).rows.to_pylist()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b'{"resourceSpans": 5}',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz"}]}]}]}',
        b"\xff",
    ],
)
def test_what_is_no_otlp_json_is_refused(body: bytes) -> None:
    with pytest.raises(UsageError, match="not OTLP/JSON"):
        parse_json(body, ExportTraceServiceRequest())
