"""OTLP/JSON to the protobuf messages, so that one decoder serves every encoding.

OTLP's JSON differs from protobuf's: trace and span ids are hex, not base64. Unknown fields are ignored, as
the specification asks. Keys are lowerCamelCase; a document whose keys are all in the protobuf's own
snake_case is understood as well.

Source: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeVar

import msgspec
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from coral.agent.decode import json_shapes
from coral.errors import UsageError

M = TypeVar("M", bound=Message)

_HEX_FIELDS: Final = frozenset({"trace_id", "span_id", "parent_span_id"})
_INTEGERS: Final = frozenset(
    {
        *(FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64),
        *(FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64),
    }
)
_MAX_TOLD: Final = 300  # characters of an error's text, which may quote the body
_Set = Callable[[Any, Any], None]


def parse_json(body: bytes, message: M) -> M:
    """Fills a message from OTLP/JSON.

    Args:
        body: The text, UTF-8.
        message: An empty `Export…ServiceRequest`.

    Raises:
        UsageError: The body is not JSON or does not fit the message.
    """
    name = message.DESCRIPTOR.name
    try:
        shape = _decoder(name).decode(body)
        if all(getattr(shape, field) is None for field in shape.__struct_fields__):
            # Nothing is known of it: it is empty, or its keys are in snake_case.
            shape = msgspec.convert(
                _camel_keys(msgspec.json.decode(body, type=dict[str, Any])), getattr(json_shapes, name)
            )
        _fill(message, shape)
    except (msgspec.MsgspecError, binascii.Error, ValueError, TypeError, OverflowError) as error:
        raise UsageError(f"the body is not OTLP/JSON: {str(error)[:_MAX_TOLD]}") from error
    except RecursionError as error:
        raise UsageError("the body is not OTLP/JSON: it is nested too deeply") from error
    return message


@cache
def _decoder(name: str) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(getattr(json_shapes, name))


def _camel_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {_camel(key): _camel_keys(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_camel_keys(item) for item in value]
    return value


def _camel(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _fill(message: Any, shape: msgspec.Struct) -> None:
    for name, put in _plan(type(shape), message.DESCRIPTOR):
        value = getattr(shape, name)
        if value is not None:
            put(message, value)


@cache
def _plan(shape: type[msgspec.Struct], descriptor: Descriptor) -> list[tuple[str, _Set]]:
    """How to put each field of a shape into its message."""
    found: list[tuple[str, _Set]] = []
    for name in shape.__struct_fields__:
        field = descriptor.fields_by_name[name]
        if field.message_type is None:
            put = _put_scalars(name, _scalar(field)) if field.is_repeated else _put_scalar(field)
        elif field.message_type.name == "KeyValue":
            put = _put_attributes(name)
        else:
            put = _put_message(field)
        found.append((name, put))
    return found


def _check_oneof(message: Any, field: FieldDescriptor) -> None:
    oneof = field.containing_oneof
    if oneof is not None and message.WhichOneof(oneof.name) is not None:
        raise ValueError(f"more than one {oneof.name} in one {message.DESCRIPTOR.name}")


def _put_scalar(field: FieldDescriptor) -> _Set:
    name, convert = field.name, _scalar(field)

    def put(message: Any, value: Any) -> None:
        setattr(message, name, convert(value))

    def put_one(message: Any, value: Any) -> None:
        _check_oneof(message, field)
        setattr(message, name, convert(value))

    return put if field.containing_oneof is None else put_one


def _put_scalars(name: str, convert: Callable[[Any], Any]) -> _Set:
    def put(message: Any, values: list[Any]) -> None:
        getattr(message, name).extend([convert(value) for value in values])

    return put


def _put_message(field: FieldDescriptor) -> _Set:
    name = field.name

    def put_many(message: Any, shapes: list[msgspec.Struct]) -> None:
        target = getattr(message, name)
        for shape in shapes:
            _fill(target.add(), shape)

    def put_one(message: Any, shape: msgspec.Struct) -> None:
        _check_oneof(message, field)
        target = getattr(message, name)
        target.SetInParent()  # present, even if nothing is in it
        _fill(target, shape)

    return put_many if field.is_repeated else put_one


def _put_attributes(name: str) -> _Set:
    """The busiest field by far: texts, the most frequent values, take a short way."""

    def put(message: Any, items: list[json_shapes.KeyValue]) -> None:
        add = getattr(message, name).add
        for item in items:
            value = item.value
            if value is None:
                add(key=item.key)
            elif (
                value == (text := json_shapes.AnyValue(value.string_value)) and text.string_value is not None
            ):
                add(key=item.key, value=AnyValue(string_value=text.string_value))
            else:
                added = add(key=item.key)
                added.value.SetInParent()
                _fill(added.value, value)

    return put


def _scalar(field: FieldDescriptor) -> Callable[[Any], Any]:
    if field.cpp_type in _INTEGERS:
        return _integer
    if field.enum_type is not None:
        return _enum(field.enum_type)
    if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE:
        return float
    if field.type == FieldDescriptor.TYPE_BYTES:
        return bytes.fromhex if field.name in _HEX_FIELDS else _from_base64
    return _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


def _integer(value: Any) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(f"{value} is no integer")
    return int(value)


def _enum(kind: EnumDescriptor) -> Callable[[Any], int]:
    """Numbers as they are, also those that this version does not know; unknown names are the default."""
    numbers = {name: value.number for name, value in kind.values_by_name.items()}

    def convert(value: Any) -> int:
        if isinstance(value, str) and not value.lstrip("-").isdigit():
            return numbers.get(value, 0)
        return _integer(value)

    return convert


def _from_base64(value: str) -> bytes:
    """Standard or URL-safe base64, with or without padding."""
    text = value.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
