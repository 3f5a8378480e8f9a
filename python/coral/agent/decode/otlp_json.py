"""OTLP/JSON to the protobuf messages.

OTLP's JSON differs from protobuf's: trace and span ids are hex, not base64. Unknown fields are
ignored, as the specification asks.

Source: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final, TypeVar

import msgspec
from google.protobuf import json_format
from google.protobuf.message import Message

from coral.errors import UsageError

M = TypeVar("M", bound=Message)

_HEX_FIELDS: Final = frozenset({"traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"})


def parse_json(body: bytes, message: M) -> M:
    """Fills a message from OTLP/JSON.

    Raises:
        UsageError: The body is not JSON or does not fit the message.
    """
    try:
        document = _with_base64_ids(msgspec.json.decode(body, type=dict[str, Any]))
        return json_format.ParseDict(document, message, ignore_unknown_fields=True)
    except (msgspec.DecodeError, json_format.ParseError, binascii.Error, ValueError, RecursionError) as error:
        raise UsageError(f"the body is not OTLP/JSON: {error}") from error


def _with_base64_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: base64.b64encode(bytes.fromhex(item)).decode()
            if key in _HEX_FIELDS and isinstance(item, str)
            else _with_base64_ids(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_with_base64_ids(item) for item in value]
    return value
