"""OTLP attribute values as JSON text, and resources."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage

from coral.agent.decode.columns import Resource

_MAX_DEPTH: Final = 32
_UNKNOWN_SERVICE: Final = "unknown_service"  # the name that OpenTelemetry gives it
_encode = msgspec.json.encode


def attributes_json(attributes: Iterable[KeyValue]) -> str:
    """A JSON object of attributes. Bytes become base64, NaN and infinities null."""
    return _encode({item.key: plain(item.value) for item in attributes}).decode()


def plain(value: AnyValue, depth: int = 0) -> Any:
    """The Python value of an attribute; nesting beyond 32 levels becomes null."""
    kind = value.WhichOneof("value")
    if kind is None or depth >= _MAX_DEPTH:
        return None
    if kind == "array_value":
        return [plain(item, depth + 1) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {item.key: plain(item.value, depth + 1) for item in value.kvlist_value.values}
    return getattr(value, kind)


def resource_of(message: ResourceMessage) -> Resource:
    """The service instance that a resource describes."""
    values = {item.key: item.value for item in message.attributes}
    name = values["service.name"].string_value if "service.name" in values else ""
    instance = values["service.instance.id"].string_value if "service.instance.id" in values else ""
    return Resource(name or _UNKNOWN_SERVICE, instance, attributes_json(message.attributes))
