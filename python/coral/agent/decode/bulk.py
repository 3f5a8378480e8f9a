"""What a body would take in memory, seen before it is parsed.

A message of two bytes on the wire becomes an object of more than a hundred: a body of 14 MB that holds
nothing but empty log records took 1.2 GB while it was decoded. So the items of a large body are counted
first, as plain pieces of bytes. Spans in protobuf are not looked at: the native kernel makes no objects, and
where there is none, the library must give the same answer.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from coral.errors import UsageError
from coral.limits import MAX_JSON_OBJECTS, MAX_PARSED_ITEMS

_SMALL_BYTES: Final = 128 * 1024
"""A body that is too small for its objects to matter."""

_GROUPS: Final = ((1,), (2,), (2,))
"""The fields to follow, level by level: groups by resource, by scope, and the items."""

_POINTS: Final = (*_GROUPS, (5, 7, 9, 10, 11), (1,))
"""Of metrics: further the kinds of a metric, and its points."""


def check_protobuf(body: bytes, *, points: bool = False) -> None:
    """Passes when a body has no more than `MAX_PARSED_ITEMS` items, or is none of OTLP at all.

    Args:
        body: An `Export…ServiceRequest`.
        points: The items are the points of metrics, one level down.

    Raises:
        UsageError: It has more.
    """
    if len(body) <= _SMALL_BYTES:
        return
    level = [body]
    for fields in _POINTS if points else _GROUPS:
        pieces = _pieces(fields)
        names = [f"f{field}" for field in fields]
        below: list[bytes] = []
        for part in level:
            try:
                message = pieces.FromString(part)
            except DecodeError:
                return  # the real parser says what is wrong
            for name in names:
                found = getattr(message, name)
                if len(below) + len(found) > MAX_PARSED_ITEMS:
                    raise _too_many("the request has more groups or items")
                below += found
        level = below


def check_json(body: bytes) -> None:
    """Passes when a body has no more than `MAX_JSON_OBJECTS` objects and lists; those in texts count as well.

    Raises:
        UsageError: It has more.
    """
    if body.count(b"{") + body.count(b"[") > MAX_JSON_OBJECTS:
        raise UsageError(
            f"the body has more than MAX_JSON_OBJECTS ({MAX_JSON_OBJECTS}) objects and lists",
            hint="send smaller batches",
        )


def _too_many(what: str) -> UsageError:
    return UsageError(f"{what} than MAX_PARSED_ITEMS ({MAX_PARSED_ITEMS})", hint="send smaller batches")


@cache
def _pieces(fields: tuple[int, ...]) -> Any:
    """A message type that has only these fields, each of them pieces of bytes."""
    name = "pieces_" + "_".join(map(str, fields))
    file = descriptor_pb2.FileDescriptorProto(name=f"coral/{name}.proto", syntax="proto3")
    message = file.message_type.add(name=name)
    kinds = descriptor_pb2.FieldDescriptorProto
    for field in fields:
        message.field.add(name=f"f{field}", number=field, label=kinds.LABEL_REPEATED, type=kinds.TYPE_BYTES)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
