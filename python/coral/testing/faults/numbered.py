"""A service that numbers its spans and sends each one until it is acknowledged.

The spans come from the OpenTelemetry SDK, the requests from its exporters with their own retries. When
an exporter gives up, the same batch is exported again, so the request has the same bytes: this is what
an application with a persistent queue, or a collector, does.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, StatusCode

NUMBER: Final = "test.number"
"""The attribute that numbers a service's spans, from 0."""

_ERROR_EVERY: Final = 10
_EXPORT_SECONDS: Final = 2


@dataclass(frozen=True)
class Sent:
    """What a client has done.

    Attributes:
        spans: Spans acknowledged; they have the numbers from 0 on.
        errors: How many of these failed.
        again: Batches exported again because the exporter gave up.
    """

    spans: int
    errors: int
    again: int


class NumberedClient:
    """Sends batches in a thread until it is told to stop; then it finishes the batch that it has."""

    def __init__(
        self,
        service: str,
        *,
        endpoint: Callable[[], str],
        protocol: Literal["grpc", "http"],
        batch: int = 50,
        pause_seconds: float = 0.02,
    ) -> None:
        """Prepares a client.

        Args:
            service: The service's name.
            endpoint: HOST:PORT of the agent for this protocol.
            protocol: How to send; http compresses with gzip.
            batch: Spans of a request.
            pause_seconds: Rest between two batches.
        """
        self.service = service
        self._endpoint = endpoint
        self._protocol = protocol
        self._batch = batch
        self._pause = pause_seconds
        self._finished: list[ReadableSpan] = []
        resource = Resource.create({"service.name": service, "service.instance.id": f"{service}-1"})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(_Collect(self._finished))
        self._tracer = self._provider.get_tracer("faults")
        self._stopping = threading.Event()
        self._sent = Sent(0, 0, 0)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"client-{service}", daemon=True)

    def start(self) -> None:
        """Begins to send."""
        self._thread.start()

    def sent(self) -> Sent:
        """What is acknowledged by now."""
        return self._sent

    def stop(self, timeout_seconds: float) -> Sent:
        """Sends the batch under way until it is acknowledged, and ends.

        Raises:
            AssertionError: The agent does not acknowledge it in time.
        """
        self._stopping.set()
        self._thread.join(timeout_seconds)
        assert not self._thread.is_alive(), (
            f"the agent acknowledges nothing of {self.service} any more; its client is at\n{self._place()}"
        )
        if self._failure is not None:
            raise self._failure
        return self._sent

    def _place(self) -> str:
        """Where the client's thread is, to tell a client that hangs from an agent that refuses."""
        frame = sys._current_frames().get(self._thread.ident or 0)
        return "".join(traceback.format_stack(frame)) if frame is not None else "its end"

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._send(self._spans(self._sent.spans))
                self._stopping.wait(self._pause)
        except BaseException as error:
            self._failure = error

    def _spans(self, first: int) -> list[ReadableSpan]:
        self._finished.clear()
        for number in range(first, first + self._batch):
            with self._tracer.start_as_current_span(
                f"operation {number % 7}", kind=SpanKind.SERVER, attributes={NUMBER: number}
            ) as span:
                if number % _ERROR_EVERY == 0:
                    span.set_status(StatusCode.ERROR, "asked to fail")
        return list(self._finished)

    def _send(self, spans: list[ReadableSpan]) -> None:
        again = 0
        exporter = self._exporter()
        try:
            while exporter.export(spans) is not SpanExportResult.SUCCESS:
                again += 1
                self._stopping.wait(0.05)
        finally:
            exporter.shutdown()
        before = self._sent
        failed = sum(1 for span in spans if span.status.status_code is StatusCode.ERROR)
        self._sent = Sent(before.spans + len(spans), before.errors + failed, before.again + again)

    def _exporter(self) -> SpanExporter:
        if self._protocol == "grpc":
            return GrpcSpanExporter(
                endpoint=f"http://{self._endpoint()}", insecure=True, timeout=_EXPORT_SECONDS
            )
        return HttpSpanExporter(
            endpoint=f"http://{self._endpoint()}/v1/traces",
            compression=Compression.Gzip,
            timeout=_EXPORT_SECONDS,
        )


class _Collect(SpanProcessor):
    """Keeps ended spans in a list."""

    def __init__(self, finished: list[ReadableSpan]) -> None:
        self._finished = finished

    def on_end(self, span: ReadableSpan) -> None:
        self._finished.append(span)

    def on_start(self, span: Span, parent_context: object = None) -> None:
        """Nothing to do."""
