"""`ExportLogsServiceRequest` to log record columns."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pyarrow as pa
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from coral.agent.decode.columns import LOG_SCHEMA, Decoded, Resource
from coral.agent.decode.refusals import Refusals, shown
from coral.agent.decode.values import (
    attributes_json,
    name_problem,
    plain,
    resource_of,
    resource_problem,
    time_problem,
)
from coral.limits import MAX_ATTRIBUTES, MAX_ITEMS_PER_REQUEST, MAX_LOG_BODY_LENGTH

UNSPECIFIED: Final = "UNSPECIFIED"
SEVERITIES: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
"""OpenTelemetry's six ranges of four severity numbers each, from 1 on."""

_NAMES: Final = {
    **{name: name for name in SEVERITIES},
    "WARNING": "WARN",
    "CRITICAL": "FATAL",
    "INFORMATION": "INFO",
    "ERR": "ERROR",
}


def decode_logs(request: ExportLogsServiceRequest, *, now_ns: int) -> Decoded:
    """Turns a request into one row per log record.

    A record's time is when it happened, else when it was observed, else now. One whose time is far in the
    future is refused; the others are kept. Bodies are cut at `MAX_LOG_BODY_LENGTH`, which is told as well.

    Args:
        request: The message.
        now_ns: The time now, nanoseconds since 1970.
    """
    refusals = Refusals()
    rows: list[tuple[Any, ...]] = []
    resources: dict[Resource, None] = {}
    for group in request.resource_logs:
        resource = resource_of(group.resource)
        kept_before = len(rows)
        for scope in group.scope_logs:
            scope_name = scope.scope.name
            problem = resource_problem(resource) or name_problem("the scope's name", scope_name)
            for record in scope.log_records:
                if problem or (reason := _problem(record, now_ns, len(rows))):
                    refusals.refuse(f"log record of {shown(resource.service_name)}: {problem or reason}")
                    continue
                rows.append(_row(record, resource, scope_name, now_ns, refusals))
        if len(rows) > kept_before:
            resources[resource] = None
    columns = zip(*rows, strict=True) if rows else ([] for _ in LOG_SCHEMA)
    arrays = [pa.array(list(values), field.type) for values, field in zip(columns, LOG_SCHEMA, strict=True)]
    table = pa.Table.from_arrays(arrays, schema=LOG_SCHEMA)
    return Decoded(table, tuple(resources), refusals.count, refusals.reason)


def _problem(record: Any, now_ns: int, kept: int) -> str:
    if kept >= MAX_ITEMS_PER_REQUEST:
        return f"the request has more than the limit MAX_ITEMS_PER_REQUEST ({MAX_ITEMS_PER_REQUEST}) records"
    time_ns = record.time_unix_nano or record.observed_time_unix_nano
    return (time_problem("time_unix_nano", time_ns, now_ns) if time_ns else "") or name_problem(
        "event_name", record.event_name
    )


def _row(
    record: Any, resource: Resource, scope_name: str, now_ns: int, refusals: Refusals
) -> tuple[Any, ...]:
    time_ns = record.time_unix_nano or record.observed_time_unix_nano or now_ns
    body = body_text(record.body)
    who = shown(resource.service_name)
    if len(body) > MAX_LOG_BODY_LENGTH:
        refusals.warn(
            f"log record of {who}: its body of {len(body)} characters was cut at the limit"
            f" MAX_LOG_BODY_LENGTH ({MAX_LOG_BODY_LENGTH})"
        )
        body = body[:MAX_LOG_BODY_LENGTH]
    if len(record.attributes) > MAX_ATTRIBUTES:
        refusals.warn(
            f"log record of {who}: only the first MAX_ATTRIBUTES ({MAX_ATTRIBUTES})"
            f" of {len(record.attributes)} attributes were kept"
        )
    return (
        *(resource.service_name, resource.instance_id, time_ns // 1000),
        *_severity(record.severity_number, record.severity_text),
        *(body, record.event_name, _hex(record.trace_id, 16), _hex(record.span_id, 8)),
        *(scope_name, attributes_json(record.attributes)),
    )


def body_text(body: AnyValue) -> str:
    """A log record's body: text as it is, anything else as JSON, nothing as the empty text."""
    kind = body.WhichOneof("value")
    if kind == "string_value":
        return body.string_value
    return "" if kind is None else msgspec.json.encode(plain(body)).decode()


def _severity(number: int, text: str) -> tuple[str, int]:
    """Name and number; the text counts where the number is missing, as some bridges send it."""
    if 1 <= number <= 24:
        return SEVERITIES[(number - 1) // 4], number
    name = _NAMES.get(text[:16].upper(), UNSPECIFIED)
    return name, SEVERITIES.index(name) * 4 + 1 if name != UNSPECIFIED else 0


def _hex(identifier: bytes, length: int) -> str:
    return identifier.hex() if len(identifier) == length and any(identifier) else ""
