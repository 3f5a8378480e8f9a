"""Requests that arrive: within a time, and only so many at once, so that unfinished ones hold no memory.

gRPC makes room for a request as soon as its length is declared, and waits for the rest for ever. A client
that never sends it could so take the memory of a server, or all of the calls that it admits. When too many
are arriving, the one that has been for the longest is given up: an honest one arrives within milliseconds,
and gets through whoever floods.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError

from coral.errors import CoralError, LimitError, OverloadedError, UsageError
from coral.serve.instruments import Counter
from coral.wire.status import abort

_WATCH: Final = "/grpc.health.v1.Health/Watch"
_Context = grpc.aio.ServicerContext[Any, Any]


class RequestArrival(grpc.aio.ServerInterceptor):
    """Reads the requests of calls that have one, before their handlers run. Used from one event loop."""

    def __init__(self, *, at_once: int, seconds: float, endless: int, given_up: Counter) -> None:
        """Bounds what arrives.

        Args:
            at_once: Requests that may be arriving.
            seconds: How long one may take.
            endless: Calls that may last for ever, under way at once: health watches and all with a stream
                of requests.
            given_up: Counts what was given up, by reason: `slow`, `crowded`, `endless`.
        """
        self._at_once = at_once
        self._seconds = seconds
        self._endless = endless
        self._given_up = given_up
        self._arriving: dict[asyncio.Timeout, None] = {}
        self._lasting = 0

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Wraps the method's handler in one that reads a stream of requests, of which it takes the first."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        options = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.request_streaming:
            if not handler.response_streaming:
                return handler  # there is none of that kind
            return grpc.stream_stream_rpc_method_handler(self._lasts(handler.stream_stream), **options)
        if not handler.response_streaming:
            return grpc.stream_unary_rpc_method_handler(self._one(handler.unary_unary), **options)
        many = self._many(handler.unary_stream)
        if handler_call_details.method == _WATCH:
            many = self._lasts(many)
        return grpc.stream_stream_rpc_method_handler(many, **options)

    def _one(self, behavior: Any) -> Any:
        async def call(requests: AsyncIterator[Any], context: _Context) -> Any:
            return await behavior(await self._request(requests, context), context)

        return call

    def _many(self, behavior: Any) -> Any:
        async def call(requests: AsyncIterator[Any], context: _Context) -> None:
            await _respond(behavior, await self._request(requests, context), context)

        return call

    def _lasts(self, behavior: Any) -> Any:
        async def call(requests: AsyncIterator[Any], context: _Context) -> None:
            if self._lasting >= self._endless:
                self._given_up.add(1, "endless")
                limit = f"the limit MAX_ENDLESS_QUERY_CALLS is {self._endless}"
                await abort(context, OverloadedError(f"too many calls that do not end: {limit}"))
            self._lasting += 1
            try:
                await _respond(behavior, requests, context)
            finally:
                self._lasting -= 1

        return call

    async def _request(self, requests: AsyncIterator[Any], context: _Context) -> Any:
        try:
            request = await self._arrival(requests)
        except CoralError as error:
            await abort(context, error)
        if request is None:
            # Too large, which grpc has answered, cancelled, or a client that is none of gRPC.
            await abort(context, UsageError("the call ended without its request"))
        return request

    async def _arrival(self, requests: AsyncIterator[Any]) -> Any:
        if len(self._arriving) >= self._at_once:
            oldest = next(iter(self._arriving))
            del self._arriving[oldest]
            if not oldest.expired():
                oldest.reschedule(0)
        begun = asyncio.get_running_loop().time()
        arriving = asyncio.timeout(self._seconds)
        try:
            async with arriving:
                self._arriving[arriving] = None
                return await anext(requests, None)
        except TimeoutError:
            if asyncio.get_running_loop().time() - begun >= self._seconds:
                self._given_up.add(1, "slow")
                message = f"the request did not arrive within {self._seconds:g} s, QUERY_ARRIVAL_SECONDS"
                raise LimitError(message) from None
            self._given_up.add(1, "crowded")
            message = (
                f"too many requests are arriving at once: the limit MAX_ARRIVING_QUERIES is {self._at_once}"
            )
            raise OverloadedError(message, hint="retry later") from None
        except DecodeError as error:
            raise UsageError(f"the request cannot be read: {error}") from None
        finally:
            self._arriving.pop(arriving, None)


async def _respond(behavior: Any, request: Any, context: _Context) -> None:
    """Writes what a handler answers: some yield their responses, others write them themselves."""
    if inspect.isasyncgenfunction(behavior):
        async for response in behavior(request, context):
            await context.write(response)
    else:
        await behavior(request, context)
