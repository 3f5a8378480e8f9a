"""OTLP/JSON: our reader against protobuf's own, on generated messages."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from coral.agent.decode.otlp_json import parse_json
from coral.errors import UsageError

REQUESTS: list[type[Message]] = [
    ExportTraceServiceRequest,
    ExportMetricsServiceRequest,
    ExportLogsServiceRequest,
]
HEX = {"traceId", "spanId", "parentSpanId"}
UNREAD = {
    *("schema_url", "trace_state", "dropped_attributes_count", "dropped_events_count", "dropped_links_count"),
    *("exemplars", "description", "metadata", "entity_refs", "zero_threshold", "string_value_strindex"),
    "key_strindex",
}
"""Fields that are not stored, and so not read. `flags` is read of metric points only."""

_INTS = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}
_TYPES = {1: "double", 3: "int64", 4: "uint64", 5: "int32", 6: "uint64", 7: "uint32", 8: "bool", 9: "string"}
_TYPES |= {12: "bytes", 13: "uint32", 14: "enum", 15: "int32", 16: "int64", 17: "int32", 18: "int64"}


def scalars(field: Any) -> st.SearchStrategy[Any]:
    kind = _TYPES[field.type]
    if kind in _INTS:
        return st.integers(*_INTS[kind])
    if kind == "enum":
        return st.sampled_from(list(field.enum_type.values)).map(lambda value: value.number)
    if kind == "bytes" and field.json_name in HEX:
        return st.binary(max_size=17)
    return {
        "double": st.floats(allow_nan=False) | st.just(math.nan),  # JSON has one NaN
        "bool": st.booleans(),
        "string": st.text(max_size=8),
        "bytes": st.binary(max_size=5),
    }[kind]


@st.composite
def messages(draw: st.DrawFn, message: Any, depth: int = 0) -> Any:
    """Fills a message with generated fields; unread ones too, so that skipping them is tested."""
    chosen = {
        draw(st.sampled_from([field.name for field in oneof.fields if field.name not in UNREAD]))
        for oneof in message.DESCRIPTOR.oneofs
    }
    for field in message.DESCRIPTOR.fields:
        if field.containing_oneof is not None and field.name not in chosen:
            continue
        if depth > 11 or not draw(st.booleans() if depth > 3 else st.just(True)):
            continue
        if field.name in ("string_value_strindex", "key_strindex"):
            continue
        count = draw(st.integers(1 if depth < 3 else 0, 2)) if field.is_repeated else 1
        for _ in range(count):
            if field.message_type is not None:
                target = getattr(message, field.name)
                target = target.add() if field.is_repeated else target
                target.SetInParent()
                draw(messages(target, depth + 1))
            elif field.is_repeated:
                getattr(message, field.name).append(draw(scalars(field)))
            else:
                setattr(message, field.name, draw(scalars(field)))
    return message


def read_part(message: Any) -> Any:
    """The message without the fields that are not read."""
    for field, value in message.ListFields():
        if field.name in UNREAD or (
            field.name == "flags" and not message.DESCRIPTOR.name.endswith("DataPoint")
        ):
            message.ClearField(field.name)
        elif field.message_type is not None:
            for item in value if field.is_repeated else [value]:
                if message.DESCRIPTOR.name in ("InstrumentationScope",) and field.name == "attributes":
                    continue
                read_part(item)
    if message.DESCRIPTOR.name == "InstrumentationScope":
        message.ClearField("attributes")
    return message


def with_hex_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: base64.b64decode(item).hex() if key in HEX else with_hex_ids(item)
            for key, item in value.items()
        }
    return [with_hex_ids(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("request_type", REQUESTS, ids=lambda item: str(item.DESCRIPTOR.name))
@settings(max_examples=150, deadline=None)
@given(data=st.data(), enums=st.booleans(), snake=st.booleans(), numbers=st.booleans())
def test_it_reads_what_protobuf_writes(
    request_type: type[Message], data: st.DataObject, enums: bool, snake: bool, numbers: bool
) -> None:
    message = data.draw(messages(request_type()))
    document = json_format.MessageToDict(message, use_integers_for_enums=enums)
    document = with_hex_ids(document)
    if numbers:
        document = ints_as_numbers(document)
    if snake:
        document = snake_keys(document)
    read = parse_json(json.dumps(document).encode(), request_type())
    assert read.SerializeToString(deterministic=True) == read_part(message).SerializeToString(
        deterministic=True
    )


def ints_as_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: int(item)
            if key.endswith(("Nano", "count", "asInt", "intValue")) and isinstance(item, str)
            else ints_as_numbers(item)
            for key, item in value.items()
        }
    return [ints_as_numbers(item) for item in value] if isinstance(value, list) else value


def snake_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            "".join(f"_{c.lower()}" if c.isupper() else c for c in key): snake_keys(item)
            for key, item in value.items()
        }
    return [snake_keys(item) for item in value] if isinstance(value, list) else value


def log(**record: Any) -> bytes:
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode()


def read_log(**record: Any) -> Any:
    return parse_json(log(**record), ExportLogsServiceRequest()).resource_logs[0].scope_logs[0].log_records[0]


@pytest.mark.parametrize("value", [7, "7", 7.0])
def test_integers_are_numbers_or_texts(value: Any) -> None:
    assert read_log(timeUnixNano=value).time_unix_nano == 7


@pytest.mark.parametrize(
    ("value", "number"), [(9, 9), ("9", 9), ("SEVERITY_NUMBER_INFO", 9), ("OF_THE_FUTURE", 0), (77, 77)]
)
def test_enums_are_numbers_or_names(value: Any, number: int) -> None:
    assert read_log(severityNumber=value).severity_number == number


@pytest.mark.parametrize(
    ("value", "number"), [("NaN", math.nan), ("-Infinity", -math.inf), (1, 1.0), ("1.5", 1.5), (1e300, 1e300)]
)
def test_doubles(value: Any, number: float) -> None:
    assert read_log(body={"doubleValue": value}).body.double_value == pytest.approx(number, nan_ok=True)


@pytest.mark.parametrize("value", ["+/8=", "+/8", "-_8=", "-_8"])
def test_bytes_are_base64_of_any_kind(value: str) -> None:
    assert read_log(body={"bytesValue": value}).body.bytes_value == b"\xfb\xff"


def test_null_is_absent_and_unknown_fields_are_ignored() -> None:
    record = read_log(
        timeUnixNano=None, body=None, attributes=None, fieldOfTheFuture={"a": [1]}, traceId=None
    )
    assert record.ByteSize() == 0


def test_ids_are_hex_of_either_case() -> None:
    assert read_log(traceId="AbCd").trace_id == b"\xab\xcd"


@pytest.mark.parametrize(
    "record",
    [
        {"traceId": "zz"},
        {"traceId": 5},
        {"timeUnixNano": -1},
        {"timeUnixNano": 2**64},
        {"timeUnixNano": 1.5},
        {"timeUnixNano": "one"},
        {"timeUnixNano": True},
        {"timeUnixNano": [1]},
        {"severityNumber": 2**40},
        {"body": {"bytesValue": "*"}},
        {"body": {"doubleValue": "x"}},
        {"body": {"stringValue": "a", "intValue": 1}},
        {"body": {"stringValue": 1}},
        {"body": "text"},
        {"attributes": [None]},
        {"attributes": {"key": "a"}},
        {"attributes": [{"key": "a", "value": {"stringValue": "a", "boolValue": True}}]},
        {"body": {"stringValue": "\ud800"}},
    ],
)
def test_what_does_not_fit_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="not OTLP/JSON"):
        read_log(**record)


@pytest.mark.parametrize("levels", [40, 5000, 100_000])
def test_deep_nesting_is_read_or_refused_but_never_a_crash(levels: int) -> None:
    value = '{"arrayValue":{"values":[' * levels + "]}}" * levels
    body = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":%s}]}]}]}' % value.encode()
    for document in (body, body.replace(b"resourceLogs", b"resource_logs")):
        if levels == 40:
            parse_json(document, ExportLogsServiceRequest())
        else:
            with pytest.raises(UsageError, match="not OTLP/JSON"):
                parse_json(document, ExportLogsServiceRequest())
