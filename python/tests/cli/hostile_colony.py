"""A colony that answers every question with texts that would steer a terminal."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import grpc
import pyarrow as pa
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from coral._proto.colony.v1 import queries_pb2, query_pb2, status_pb2

OWNED = "\x1b]0;owned\x07\x9b6n\u202e\u200b\rx\ny"
SERVED = (query_pb2, status_pb2, queries_pb2)
_JSON = json.dumps({"message": OWNED, OWNED: [OWNED]}, ensure_ascii=False)


class HostileColony(grpc.GenericRpcHandler):
    """Fills every text of every answer.

    Attributes:
        address: Where it listens.
        refuses: Whether it answers with errors instead, whose messages are as hostile.
    """

    def __init__(self) -> None:
        self.address = ""
        self.refuses = False
        self._lock = threading.Lock()

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        service, _, name = call.method.removeprefix("/").rpartition("/")
        try:
            method = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
        except KeyError:
            return None
        answer = message_factory.GetMessageClass(method.output_type)
        request = message_factory.GetMessageClass(method.input_type)
        common: dict[str, Callable[[Any], Any]] = {
            "request_deserializer": request.FromString,
            "response_serializer": answer.SerializeToString,
        }
        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(self._rows, **common)

        def one(_: Message, context: grpc.ServicerContext) -> Message:
            self._refuse(context)
            filled = answer()
            fill(filled)
            if name == "GetFleetPort":
                filled.port = int(self.address.rpartition(":")[2])
            return filled

        return grpc.unary_unary_rpc_method_handler(one, **common)

    def _rows(self, _: Message, context: grpc.ServicerContext) -> Iterator[query_pb2.ExecuteQueryResponse]:
        self._refuse(context)
        batch = pa.record_batch({OWNED: [OWNED], "n": [1]})
        columns = [query_pb2.Column(name=name, type=OWNED) for name in batch.schema.names]
        header = query_pb2.QueryHeader(columns=columns, arrow_schema=batch.schema.serialize().to_pybytes())
        yield query_pb2.ExecuteQueryResponse(header=header)
        rows = query_pb2.QueryBatch(arrow_batch=batch.serialize().to_pybytes(), row_count=1)
        yield query_pb2.ExecuteQueryResponse(batch=rows)
        last = query_pb2.ExecuteQueryResponse()
        fill(last.trailer)
        yield last

    def _refuse(self, context: grpc.ServicerContext) -> None:
        if self.refuses:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, OWNED)


def fill(message: Message) -> None:
    """Puts hostile texts into all of a message, and something into the rest."""
    for field in message.DESCRIPTOR.fields:
        value = _value(field)
        if field.name == "next_page_token" or (field.containing_oneof and field.number > 1 and value is None):
            continue
        if field.is_repeated and field.message_type and field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].type == FieldDescriptor.TYPE_STRING:
                getattr(message, field.name)[OWNED] = OWNED
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            inner = getattr(message, field.name)
            fill(inner.add() if field.is_repeated else inner)
        elif field.is_repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)


def _value(field: FieldDescriptor) -> Any:
    if field.type == FieldDescriptor.TYPE_STRING:
        return _JSON if field.name in ("data", "attributes_json") else OWNED
    if field.type == FieldDescriptor.TYPE_BYTES:
        return OWNED.encode()
    if field.type == FieldDescriptor.TYPE_BOOL:
        return True
    return None if field.type == FieldDescriptor.TYPE_MESSAGE else 1


@contextlib.contextmanager
def hostile_colony() -> Iterator[HostileColony]:
    """One that listens on loopback."""
    colony = HostileColony()
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[colony])
    colony.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield colony
    finally:
        server.stop(None).wait()
