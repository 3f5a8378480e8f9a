"""Writes finished SERVER spans to a file, so that a test can compare what Coral computed with what was."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from types import TracebackType

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanKind


class TruthFile:
    """One JSON object per line: service, trace_id, name, start_ns, end_ns, status.

    Shared by the services of the process; writes are serialized.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._file = path.open("a", encoding="utf-8")

    def write(self, span: ReadableSpan) -> None:
        """Appends one finished span."""
        context = span.get_span_context()
        line = json.dumps(
            {
                "service": span.resource.attributes["service.name"],
                "trace_id": format(context.trace_id, "032x") if context is not None else "",
                "name": span.name,
                "start_ns": span.start_time,
                "end_ns": span.end_time,
                "status": span.status.status_code.name,
            }
        )
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._file.close()

    def __enter__(self) -> TruthFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class TruthProcessor(SpanProcessor):
    """Hands every finished SERVER span to a TruthFile, beside the exporter and independent of it."""

    def __init__(self, truth: TruthFile) -> None:
        self._truth = truth

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Does nothing: only finished spans count."""

    def on_end(self, span: ReadableSpan) -> None:
        """Writes the span when it answered a request."""
        if span.kind is SpanKind.SERVER:
            self._truth.write(span)
