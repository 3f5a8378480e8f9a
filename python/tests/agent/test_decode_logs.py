from __future__ import annotations

import datetime
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from coral.agent.decode.columns import LOG_SCHEMA, Decoded
from coral.agent.decode.logs import decode_logs
from coral.limits import MAX_ATTRIBUTES, MAX_FUTURE_SECONDS, MAX_LOG_BODY_LENGTH
from tests.agent.otlp import START_NS, text


def decode(*records: LogRecord, service: str = "payments", scope: str = "shop.pay") -> Decoded:
    group = ResourceLogs(
        resource=Resource(attributes=[text("service.name", service), text("service.instance.id", "p-1")]),
        scope_logs=[ScopeLogs(scope=InstrumentationScope(name=scope), log_records=records)],
    )
    return decode_logs(ExportLogsServiceRequest(resource_logs=[group]), now_ns=START_NS)


def record(**values: Any) -> LogRecord:
    return LogRecord(**{"time_unix_nano": START_NS, **values})


def test_a_log_record_becomes_a_row() -> None:
    decoded = decode(
        record(
            severity_number=17,
            severity_text="error",
            body=AnyValue(string_value="card declined"),
            attributes=[text("code.function.name", "pay")],
            trace_id=b"t" * 16,
            span_id=b"s" * 8,
            event_name="payment.declined",
        )
    )
    assert decoded.rows.schema == LOG_SCHEMA
    assert decoded.rows.to_pylist() == [
        {
            "service_name": "payments",
            "instance_id": "p-1",
            "time": datetime.datetime.fromtimestamp(START_NS // 10**9, datetime.UTC).replace(tzinfo=None),
            "severity": "ERROR",
            "severity_number": 17,
            "body": "card declined",
            "event_name": "payment.declined",
            "trace_id": (b"t" * 16).hex(),
            "span_id": (b"s" * 8).hex(),
            "scope_name": "shop.pay",
            "attributes": '{"code.function.name":"pay"}',
        }
    ]
    assert (decoded.refused, decoded.reason) == (0, "")


@pytest.mark.parametrize(
    ("number", "said", "severity", "stored"),
    [
        (1, "", "TRACE", 1),
        (8, "", "DEBUG", 8),
        (9, "", "INFO", 9),
        (16, "", "WARN", 16),
        (24, "", "FATAL", 24),
        (0, "", "UNSPECIFIED", 0),
        (0, "Warning", "WARN", 13),
        (0, "critical", "FATAL", 21),
        (0, "notice", "UNSPECIFIED", 0),
        (99, "INFO", "INFO", 9),
        (-5, "", "UNSPECIFIED", 0),
    ],
)
def test_severities(number: int, said: str, severity: str, stored: int) -> None:
    odd = record(severity_text=said)
    odd.severity_number = number  # type: ignore[assignment]
    (row,) = decode(odd).rows.to_pylist()
    assert (row["severity"], row["severity_number"]) == (severity, stored)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (AnyValue(), ""),
        (AnyValue(string_value="a\x00ü"), "a\x00ü"),
        (AnyValue(int_value=-3), "-3"),
        (AnyValue(bool_value=True), "true"),
        (AnyValue(bytes_value=b"\xff"), '"/w=="'),
        (AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1), AnyValue()])), "[1,null]"),
        (AnyValue(kvlist_value=KeyValueList(values=[text("k", "v")])), '{"k":"v"}'),
    ],
)
def test_bodies_are_text_or_json(body: AnyValue, expected: str) -> None:
    assert decode(record(body=body)).rows.column("body").to_pylist() == [expected]


def test_a_record_without_a_time_gets_the_observed_one_and_then_now() -> None:
    decoded = decode(
        LogRecord(observed_time_unix_nano=START_NS - 10**9, severity_number=9), LogRecord(severity_number=9)
    )
    first, second = decoded.rows.column("time").to_pylist()
    assert (second - first) == datetime.timedelta(seconds=1)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (
            record(time_unix_nano=START_NS + (MAX_FUTURE_SECONDS + 1) * 10**9),
            "log record of 'payments': time_unix_nano is 24 h in the future",
        ),
        (record(time_unix_nano=2**64 - 1), "expected nanoseconds since 1970"),
        (record(event_name="e" * 256), "event_name has 256 characters"),
    ],
)
def test_bad_records_are_refused_one_by_one(bad: LogRecord, reason: str) -> None:
    decoded = decode(record(), bad)
    assert (decoded.refused, decoded.rows.num_rows) == (1, 1)
    assert reason in decoded.reason


def test_names_without_end_are_refused() -> None:
    assert (decode(record(), service="s" * 256).refused, decode(record(), scope="s" * 256).refused) == (1, 1)


def test_what_is_cut_is_told_and_not_refused() -> None:
    long = record(body=AnyValue(string_value="x" * (MAX_LOG_BODY_LENGTH + 5)))
    long.attributes.extend(text(str(n), "v") for n in range(MAX_ATTRIBUTES + 5))
    decoded = decode(long)
    (row,) = decoded.rows.to_pylist()
    assert (decoded.refused, len(row["body"])) == (0, MAX_LOG_BODY_LENGTH)
    assert row["attributes"].count(":") == MAX_ATTRIBUTES
    assert "MAX_LOG_BODY_LENGTH" in decoded.reason
    assert "MAX_ATTRIBUTES" in decoded.reason


def test_ids_of_a_wrong_length_are_no_ids() -> None:
    (row,) = decode(record(trace_id=b"short", span_id=bytes(8))).rows.to_pylist()
    assert (row["trace_id"], row["span_id"]) == ("", "")
