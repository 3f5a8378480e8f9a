"""Frames for the scripts of this machine, beside the gRPC port: they start 60 ms sooner (docs/adr/0013)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from coral.colony.telemetry import CALL_SECONDS, CALLS, call_labels
from coral.config.access import is_loopback
from coral.config.address import parse_address
from coral.config.frames_file import FramesFile, wanted
from coral.errors import CoralError
from coral.serve.authorize import admit_by
from coral.serve.framed import LoopbackFrames
from coral.serve.tokens import Tokens

_log = logging.getLogger(__name__)


class LocalFrames:
    """The port for frames of a colony that listens on loopback in clear; of others nothing."""

    def __init__(
        self, query_address: str, *, secured: bool, tokens: Tokens | None, used: Callable[[], None]
    ) -> None:
        """Opens nothing yet.

        Args:
            query_address: Where the colony serves gRPC, `HOST:PORT`.
            secured: Whether it does so by TLS: then nothing else is served.
            tokens: The colony's tokens, or None.
            used: Called at each call.
        """
        host, self._port = parse_address(query_address)
        self._wanted = wanted() and is_loopback(host) and not secured
        self._file: FramesFile | None = None
        admit = admit_by(tokens)

        def let_in(token: str, method: str) -> None:
            used()
            admit(token, method)

        self._server = LoopbackFrames(admit=let_in, observe=_observe)

    @property
    def registry(self) -> Any:
        """Where servicers are added, as to a gRPC server."""
        return self._server.registry

    async def start(self) -> None:
        """Listens, and tells where. Without it scripts take gRPC: what fails is logged."""
        if not self._wanted:
            return
        try:
            self._file = FramesFile(self._port)
            self._file.write(await self._server.start(self._file.last_port()))
        except (OSError, CoralError) as error:
            _log.info("frames are not served, scripts take gRPC: %s", error)

    async def close(self) -> None:
        """Ends connections and calls."""
        if self._file is not None:
            self._file.close()
        await self._server.close()


def _observe(method: str, code: str, seconds: float) -> None:
    labels = call_labels(f"/{method}")
    if labels is not None:
        CALLS.add(1, *labels, code)
        CALL_SECONDS.observe(seconds, *labels)
