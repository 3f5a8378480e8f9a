"""OTLP attribute values as JSON text, and resources. Every text and every list here is bounded."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

import msgspec
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage

from coral.agent.decode.columns import Resource
from coral.limits import (
    MAX_ATTRIBUTE_DEPTH,
    MAX_ATTRIBUTE_LENGTH,
    MAX_ATTRIBUTES,
    MAX_FUTURE_SECONDS,
    MAX_NAME_LENGTH,
)

_UNKNOWN_SERVICE: Final = "unknown_service"  # the name that OpenTelemetry gives it
_MAX_NS: Final = 2**63 - 1
_FUTURE_NS: Final = MAX_FUTURE_SECONDS * 10**9
_encode = msgspec.json.encode


def attributes_json(attributes: Iterable[KeyValue]) -> str:
    """A JSON object of the first `MAX_ATTRIBUTES`. Bytes become base64, NaN and infinities null."""
    return _encode({item.key: plain(item.value) for item in islice(attributes, MAX_ATTRIBUTES)}).decode()


def plain(value: AnyValue, depth: int = 0) -> Any:
    """The Python value of an attribute.

    Text is cut at `MAX_ATTRIBUTE_LENGTH` characters, nesting beyond `MAX_ATTRIBUTE_DEPTH` becomes null.
    """
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value[:MAX_ATTRIBUTE_LENGTH]
    if kind is None or depth >= MAX_ATTRIBUTE_DEPTH:
        return None
    if kind == "array_value":
        return [plain(item, depth + 1) for item in value.array_value.values]
    if kind == "kvlist_value":
        items = islice(value.kvlist_value.values, MAX_ATTRIBUTES)
        return {item.key: plain(item.value, depth + 1) for item in items}
    return getattr(value, kind)


def resource_of(message: ResourceMessage) -> Resource:
    """The service instance that a resource describes."""
    values = {item.key: item.value for item in message.attributes}
    name = values["service.name"].string_value if "service.name" in values else ""
    instance = values["service.instance.id"].string_value if "service.instance.id" in values else ""
    return Resource(name or _UNKNOWN_SERVICE, instance, attributes_json(message.attributes))


def resource_problem(resource: Resource) -> str:
    """Why nothing of a resource can be stored; empty when it can."""
    return name_problem("service.name", resource.service_name) or name_problem(
        "service.instance.id", resource.instance_id
    )


def name_problem(what: str, name: str) -> str:
    """Why a name cannot be stored; empty when it can."""
    if len(name) > MAX_NAME_LENGTH:
        return f"{what} has {len(name)} characters, the limit MAX_NAME_LENGTH is {MAX_NAME_LENGTH}"
    return ""


def latest_time(now_ns: int) -> int:
    """The latest time that is stored."""
    return min(now_ns + _FUTURE_NS, _MAX_NS)


def time_problem(field: str, time_ns: int, now_ns: int) -> str:
    """Why a time cannot be stored; empty when it can."""
    if 0 < time_ns <= latest_time(now_ns):
        return ""
    if time_ns == 0 or time_ns > _MAX_NS:
        return f"{field} is {time_ns}, expected nanoseconds since 1970"
    hours = (time_ns - now_ns) / 3.6e12
    return f"{field} is {hours:.0f} h in the future, the limit MAX_FUTURE_SECONDS is {MAX_FUTURE_SECONDS} s"
