"""Counts and times the calls of a gRPC server, by an interceptor: servicers know nothing of it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc

from coral.serve.instruments import Counter, Histogram


class CallMetrics(grpc.aio.ServerInterceptor):
    """Counts unary and server-streaming calls when they end; streams of requests are passed by."""

    def __init__(
        self,
        labels: Callable[[str], tuple[str, ...] | None],
        *,
        calls: Counter,
        seconds: Histogram,
    ) -> None:
        """Counts into the given instruments.

        Args:
            labels: The leading label values of a full method name, or None to pass its calls by.
            calls: Gets one per call, with `labels` and the outcome (`OK`, `NOT_FOUND`, ...).
            seconds: Gets the time of each call, with `labels`.
        """
        self._labels = labels
        self._calls = calls
        self._seconds = seconds

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Wraps the method's handler."""
        handler = await continuation(handler_call_details)
        labels = self._labels(handler_call_details.method)
        if handler is None or labels is None or handler.request_streaming:
            return handler
        options = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.response_streaming:
            stream = self._streaming(handler.unary_stream, labels)
            return grpc.unary_stream_rpc_method_handler(stream, **options)
        return grpc.unary_unary_rpc_method_handler(self._unary(handler.unary_unary, labels), **options)

    def _unary(self, behavior: Any, labels: tuple[str, ...]) -> Any:
        async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            start = time.perf_counter()
            outcome = grpc.StatusCode.UNKNOWN
            try:
                response = await behavior(request, context)
                outcome = _code(context, grpc.StatusCode.OK)
                return response
            except BaseException:
                outcome = _code(context, grpc.StatusCode.CANCELLED)
                raise
            finally:
                self._count(labels, outcome, start)

        return call

    def _streaming(self, behavior: Any, labels: tuple[str, ...]) -> Any:
        async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
            start = time.perf_counter()
            outcome = grpc.StatusCode.UNKNOWN
            try:
                async for response in behavior(request, context):
                    yield response
                outcome = _code(context, grpc.StatusCode.OK)
            except BaseException:
                outcome = _code(context, grpc.StatusCode.CANCELLED)
                raise
            finally:
                self._count(labels, outcome, start)

        return call

    def _count(self, labels: tuple[str, ...], outcome: grpc.StatusCode, start: float) -> None:
        self._calls.add(1, *labels, outcome.name)
        self._seconds.observe(time.perf_counter() - start, *labels)


def _code(context: grpc.aio.ServicerContext[Any, Any], otherwise: grpc.StatusCode) -> grpc.StatusCode:
    """The status that was set, if any; grpc keeps it as a number before the call ends."""
    code: Any = context.code()
    for status in grpc.StatusCode:
        if code is status or (code == status.value[0] and code != 0):
            return status
    return otherwise
