"""The address for operators: `/metrics` (Prometheus text), `/healthz` (it lives), `/readyz` (it works).

It runs on threads of its own, so it answers even when the event loop is held up.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import Any, Final

from coral.limits import MAX_METRICS_CONNECTIONS
from coral.serve.exposition import Metrics
from coral.serve.listen import listen_tcp, socket_address

_log = logging.getLogger(__name__)
_TEXT: Final = "text/plain; charset=utf-8"
_PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"
_READ_SECONDS: Final = 5.0


class MetricsServer:
    """Serves until `close`.

    Attributes:
        address: Where, as `HOST:PORT`.
    """

    def __init__(self, address: str, metrics: Metrics, *, problems: Callable[[], list[str]]) -> None:
        """Listens and serves at once.

        Args:
            address: `HOST:PORT`; port 0 picks a free one.
            metrics: What `/metrics` shows.
            problems: Sentences why `/readyz` should answer 503; empty when all is well. Called in threads
                of this server.

        Raises:
            UsageError: The address is malformed.
            ListenError: It cannot be opened.
        """
        opened = listen_tcp(address)
        self.address = socket_address(opened)
        self._http = _Http(("", 0), _handler(metrics, problems), bind_and_activate=False)
        self._http.socket.close()
        self._http.socket = opened
        self._thread = threading.Thread(
            target=self._http.serve_forever, name="coral-metrics", args=(0.2,), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stops listening."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Http(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._room = threading.BoundedSemaphore(MAX_METRICS_CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:
        # More than a few clients are no monitoring; they are let go without an answer.
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.debug("a client of the metrics address went away", exc_info=True)


def _handler(metrics: Metrics, problems: Callable[[], list[str]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _READ_SECONDS

        def do_GET(self) -> None:
            """Answers one request."""
            path = self.path.partition("?")[0]
            if path == "/metrics":
                try:
                    self._answer(200, _PROMETHEUS, metrics.text())
                except Exception as error:  # the page must not end the thread without an answer
                    _log.error("metrics could not be collected: %s", error)
                    self._answer(500, _TEXT, b"metrics could not be collected; the log says why\n")
            elif path == "/healthz":
                self._answer(200, _TEXT, b"ok\n")
            elif path == "/readyz":
                found = problems()
                text = "".join(f"{problem}\n" for problem in found) or "ok\n"
                self._answer(503 if found else 200, _TEXT, text.encode())
            else:
                self._answer(404, _TEXT, b"there are /metrics, /healthz and /readyz\n")

        def version_string(self) -> str:
            """What the header `Server` says."""
            return "coral"

        def _answer(self, status: int, media_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
            _log.debug(format, *args)

    return Handler
