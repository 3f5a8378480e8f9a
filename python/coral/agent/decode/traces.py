"""`ExportTraceServiceRequest` to span columns: by the native kernel where there is one, else by protobuf.

Both give the same answer on every input. What is refused and what is cut is told here and in
`coral/limits.py`; the kernel gets its numbers from there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

import msgspec
import pyarrow as pa
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from coral.agent.decode.columns import SPAN_SCHEMA, Decoded, Resource
from coral.agent.decode.kernel import TraceKernel, trace_kernel
from coral.agent.decode.refusals import shown
from coral.agent.decode.values import latest_time, plain, resource_of, resource_problem, time_problem
from coral.errors import UsageError
from coral.limits import (
    MAX_ATTRIBUTE_LENGTH,
    MAX_ATTRIBUTES,
    MAX_ITEMS_PER_REQUEST,
    MAX_NAME_LENGTH,
    MAX_SPAN_EVENTS,
    MAX_SPAN_NAME_LENGTH,
)

_KINDS: Final = ("INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_KIND_PLACES: Final = (0, 0, 1, 2, 3, 4)  # by the number in the proto
_STATUS: Final = ("UNSET", "OK", "ERROR")
_KIND_COUNT: Final = len(_KIND_PLACES)
_STATUS_COUNT: Final = len(_STATUS)
_MAX_NS: Final = 2**63 - 1
_NO_TRACE: Final = bytes(16)
_NO_SPAN: Final = bytes(8)
_TOO_MANY: Final = f"the request has more spans than MAX_ITEMS_PER_REQUEST ({MAX_ITEMS_PER_REQUEST})"
_encode = msgspec.json.encode


def decode_trace_bytes(body: bytes, *, now_ns: int | None = None) -> Decoded:
    """Turns a request into columns.

    A span without a valid trace id, span id or start time is refused and counted, the others are kept. A
    span that ends before it starts gets the duration 0.

    Args:
        body: A serialised `ExportTraceServiceRequest`.
        now_ns: The time, in nanoseconds since 1970; spans far beyond it are refused.

    Raises:
        UsageError: The body is no such message.
    """
    now_ns = time.time_ns() if now_ns is None else now_ns
    kernel = trace_kernel()
    if kernel is not None:
        return _by_kernel(kernel, body, now_ns)
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise _not_a_request() from error
    return decode_traces(request, now_ns=now_ns)


def decode_traces(request: ExportTraceServiceRequest, *, now_ns: int | None = None) -> Decoded:
    """As `decode_trace_bytes`, of a parsed request and always by protobuf."""
    now_ns = time.time_ns() if now_ns is None else now_ns
    columns = _Columns()
    resources: dict[tuple[str, str], Resource] = {}
    refused, reason = 0, ""
    for group in request.resource_spans:
        resource = resource_of(group.resource)
        whole = resource_problem(resource)
        kept_before = len(columns.traces)
        for scope in group.scope_spans:
            scope_name = scope.scope.name[:MAX_NAME_LENGTH] or None
            in_scope = len(columns.traces)
            fits = in_scope + len(scope.spans) <= MAX_ITEMS_PER_REQUEST
            # Each access would make the objects anew. Of too many they would take too much memory at once.
            found = list(scope.spans) if fits else scope.spans
            spans = found
            if whole or not fits or not _all_good(found, now_ns):
                spans = []
                for span in found:
                    problem = whole or _problem(span, in_scope + len(spans), now_ns)
                    if not problem:
                        spans.append(span)
                        continue
                    refused += 1
                    reason = reason or _reason(span.name, problem)
            columns.add(spans)
            columns.scopes.extend([scope_name] * (len(columns.traces) - in_scope))
        kept = len(columns.traces) - kept_before
        if kept:
            columns.services.extend([resource.service_name] * kept)
            columns.instances.extend([resource.instance_id] * kept)
            resources[resource.service_name, resource.instance_id] = resource
    return Decoded(columns.table(), tuple(resources.values()), refused, reason)


class _Columns:
    """The rows so far, by column."""

    def __init__(self) -> None:
        self.traces: list[str] = []
        self.spans: list[str] = []
        self.parents: list[str] = []
        self.services: list[str] = []
        self.instances: list[str] = []
        self.names: list[str] = []
        self.kinds: list[int] = []
        self.starts: list[int] = []
        self.durations: list[int] = []
        self.statuses: list[int] = []
        self.messages: list[str | None] = []
        self.scopes: list[str | None] = []
        self.attributes: list[bytes] = []
        self.events: list[bytes | None] = []
        self.links: list[bytes | None] = []

    def add(self, spans: Sequence[Span]) -> None:
        """Adds all but what comes from resource and scope; column by column, which is what costs least."""
        self.traces += [span.trace_id.hex() for span in spans]
        self.spans += [span.span_id.hex() for span in spans]
        self.parents += [
            parent.hex() if len(parent := span.parent_span_id) == 8 and parent != _NO_SPAN else ""
            for span in spans
        ]
        self.names += [span.name[:MAX_SPAN_NAME_LENGTH] for span in spans]
        self.kinds += [_KIND_PLACES[kind] if 0 <= (kind := span.kind) < _KIND_COUNT else 0 for span in spans]
        starts = [span.start_time_unix_nano for span in spans]
        self.starts += [start // 1000 for start in starts]
        self.durations += [
            min(max(span.end_time_unix_nano - start, 0), _MAX_NS)
            for span, start in zip(spans, starts, strict=True)
        ]
        statuses = [span.status for span in spans]
        self.statuses += [code if 0 <= (code := status.code) < _STATUS_COUNT else 0 for status in statuses]
        self.messages += [status.message[:MAX_ATTRIBUTE_LENGTH] or None for status in statuses]
        self.attributes += [_encode(_attributes(span.attributes)) for span in spans]
        self.events += [_encode(_events(events)) if (events := span.events) else None for span in spans]
        self.links += [_encode(_links(links)) if (links := span.links) else None for span in spans]

    def table(self) -> pa.Table:
        """The rows in `SPAN_SCHEMA`."""
        arrays = [
            pa.array(self.traces, pa.string()),
            pa.array(self.spans, pa.string()),
            pa.array(self.parents, pa.string()),
            pa.array(self.services, pa.string()).dictionary_encode(),
            pa.array(self.instances, pa.string()).dictionary_encode(),
            pa.array(self.names, pa.string()),
            pa.DictionaryArray.from_arrays(pa.array(self.kinds, pa.int32()), pa.array(_KINDS)),
            pa.array(self.starts, pa.timestamp("us")),
            pa.array(self.durations, pa.int64()),
            pa.DictionaryArray.from_arrays(pa.array(self.statuses, pa.int32()), pa.array(_STATUS)),
            pa.array(self.messages, pa.string()),
            pa.array(self.scopes, pa.string()).dictionary_encode(),
            pa.array(self.attributes, pa.string()),
            pa.array(self.events, pa.string()),
            pa.array(self.links, pa.string()),
        ]
        return pa.Table.from_arrays(arrays, schema=SPAN_SCHEMA)


def _attributes(attributes: Any) -> dict[str, Any]:
    """As `values.attributes_json`, before it is text. Most values are texts, so these come first."""
    values = {}
    if len(attributes) > MAX_ATTRIBUTES:
        attributes = islice(attributes, MAX_ATTRIBUTES)
    item: KeyValue
    for item in attributes:
        value = item.value
        content = value.string_value
        values[item.key] = content[:MAX_ATTRIBUTE_LENGTH] if content else plain(value)
    return values


def _events(events: Any) -> list[dict[str, Any]]:
    return [
        {
            "name": event.name[:MAX_SPAN_NAME_LENGTH],
            "time_unix_nano": event.time_unix_nano,
            "attributes": _attributes(event.attributes),
        }
        for event in islice(events, MAX_SPAN_EVENTS)
    ]


def _links(links: Any) -> list[dict[str, Any]]:
    return [
        {
            "trace_id": link.trace_id.hex() if len(link.trace_id) == 16 else "",
            "span_id": link.span_id.hex() if len(link.span_id) == 8 else "",
            "attributes": _attributes(link.attributes),
        }
        for link in islice(links, MAX_SPAN_EVENTS)
    ]


def _all_good(spans: Sequence[Span], now_ns: int) -> bool:
    """Whether `_problem` would find none in any of these, which are not too many."""
    latest = latest_time(now_ns)
    return all(
        len(trace_id := span.trace_id) == 16
        and trace_id != _NO_TRACE
        and len(span_id := span.span_id) == 8
        and span_id != _NO_SPAN
        and 0 < span.start_time_unix_nano <= latest
        for span in spans
    )


def _problem(span: Span, kept: int, now_ns: int) -> str:
    if kept >= MAX_ITEMS_PER_REQUEST:
        return _TOO_MANY
    trace_id, span_id = span.trace_id, span.span_id
    if len(trace_id) != 16 or trace_id == _NO_TRACE:
        return _bad_id("trace_id", trace_id, 16)
    if len(span_id) != 8 or span_id == _NO_SPAN:
        return _bad_id("span_id", span_id, 8)
    return time_problem("start_time_unix_nano", span.start_time_unix_nano, now_ns)


def _bad_id(what: str, value: bytes, size: int) -> str:
    told = value[:32].hex() or "empty"
    return f"{what} is {told}, expected {size} bytes that are not all zero"


def _reason(name: str, problem: str) -> str:
    return f"span {shown(name)}: {problem}"


def _not_a_request() -> UsageError:
    return UsageError("the body is not an ExportTraceServiceRequest: it does not parse as protobuf")


def _by_kernel(kernel: TraceKernel, body: bytes, now_ns: int) -> Decoded:
    found = kernel.decode(body, now_ns=now_ns)
    if found is None:
        raise _not_a_request()
    reason = ""
    first = found.first_refused
    if first is not None:
        resource = Resource(first.service_name, first.instance_id, "")
        problem = {
            "resource": lambda: resource_problem(resource),
            "too_many": lambda: _TOO_MANY,
            "trace_id": lambda: _bad_id("trace_id", first.id, 16),
            "span_id": lambda: _bad_id("span_id", first.id, 8),
            "start_time": lambda: time_problem("start_time_unix_nano", first.start_ns, now_ns),
        }[first.reason]()
        reason = _reason(first.name, problem)
    resources = {(item.service_name, item.instance_id): item for item in found.resources}
    return Decoded(found.rows, tuple(resources.values()), found.refused, reason)
