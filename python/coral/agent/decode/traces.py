"""`ExportTraceServiceRequest` to span columns."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from coral.agent.decode.columns import SPAN_SCHEMA, Decoded, Resource
from coral.agent.decode.values import attributes_json, resource_of

_KINDS: Final = ("INTERNAL", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUS: Final = ("UNSET", "OK", "ERROR")
_MAX_NS: Final = 2**63 - 1
_NO_TRACE: Final = bytes(16)
_NO_SPAN: Final = bytes(8)


def decode_traces(request: ExportTraceServiceRequest) -> Decoded:
    """Turns a request into columns.

    A span without a valid trace id, span id or start time is refused and counted, the others are
    kept. A span that ends before it starts gets the duration 0.
    """
    columns: list[list[Any]] = [[] for _ in SPAN_SCHEMA]
    traces, spans, parents, services, instances, names, kinds, starts, durations, statuses, attributes = (
        columns
    )
    resources: dict[tuple[str, str], Resource] = {}
    refused, reason = 0, ""
    for group in request.resource_spans:
        resource = resource_of(group.resource)
        kept_before = len(traces)
        for scope in group.scope_spans:
            for span in scope.spans:
                problem = _problem(span.trace_id, span.span_id, span.start_time_unix_nano)
                if problem:
                    refused += 1
                    reason = reason or f"span {span.name!r}: {problem}"
                    continue
                start = span.start_time_unix_nano
                traces.append(span.trace_id.hex())
                spans.append(span.span_id.hex())
                parents.append(span.parent_span_id.hex() if len(span.parent_span_id) == 8 else "")
                names.append(span.name)
                kinds.append(_KINDS[span.kind] if 0 <= span.kind < len(_KINDS) else "INTERNAL")
                starts.append(start // 1000)
                durations.append(min(max(span.end_time_unix_nano - start, 0), _MAX_NS))
                code = span.status.code
                statuses.append(_STATUS[code] if 0 <= code < len(_STATUS) else "UNSET")
                attributes.append(attributes_json(span.attributes))
        kept = len(traces) - kept_before
        services.extend([resource.service_name] * kept)
        instances.extend([resource.instance_id] * kept)
        if kept:
            resources[resource.service_name, resource.instance_id] = resource
    arrays = [pa.array(values, field.type) for values, field in zip(columns, SPAN_SCHEMA, strict=True)]
    table = pa.Table.from_arrays(arrays, schema=SPAN_SCHEMA)
    return Decoded(table, tuple(resources.values()), refused, reason)


def _problem(trace_id: bytes, span_id: bytes, start_ns: int) -> str:
    if len(trace_id) != 16 or trace_id == _NO_TRACE:
        return f"trace_id is {trace_id.hex() or 'empty'}, expected 16 bytes that are not all zero"
    if len(span_id) != 8 or span_id == _NO_SPAN:
        return f"span_id is {span_id.hex() or 'empty'}, expected 8 bytes that are not all zero"
    if not 0 < start_ns <= _MAX_NS:
        return f"start_time_unix_nano is {start_ns}, expected a time after 1970"
    return ""
