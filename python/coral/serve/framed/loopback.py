"""Frames on a loopback port, beside a colony's gRPC port: for the scripts of this machine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from coral.errors import ListenError
from coral.framed_limits import MAX_LOCAL_CONNECTIONS
from coral.limits import MAX_QUERY_CALLS
from coral.serve.framed.connection import Admit, Connection, FramedBounds, Observe
from coral.serve.framed.server import close_writer

_BOUNDS: Final = FramedBounds(
    connections=MAX_LOCAL_CONNECTIONS, calls=MAX_QUERY_CALLS, calls_limit="MAX_QUERY_CALLS"
)


class LoopbackFrames:
    """Serves gRPC's servicers by frames to all scripts of this machine. Used from one event loop.

    Servicers are added as to a gRPC server, with `registry`. What may be open and under way is bounded for
    all together: a connection too many is closed at once, and the SDK then speaks gRPC.
    """

    def __init__(
        self,
        *,
        admit: Admit,
        observe: Observe | None = None,
        host: str = "127.0.0.1",
        bounds: FramedBounds = _BOUNDS,
    ) -> None:
        """Makes a server without services.

        Args:
            admit: Asked before each call.
            observe: Told of each end of a call.
            host: Where it listens, this machine.
            bounds: What all together may take.
        """
        self._admit = admit
        self._observe = observe
        self._host = host
        self._bounds = bounds
        self._methods: dict[str, Any] = {}
        self._calls: set[asyncio.Task[None]] = set()
        self._connections: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Server | None = None

    @property
    def registry(self) -> Any:
        """This server, as generated functions want it, whose types know gRPC's servers only."""
        return self

    def add_generic_rpc_handlers(self, handlers: Sequence[object]) -> None:
        """Does nothing: generated code calls `add_registered_method_handlers` as well."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Takes the methods of a service; generated code calls it."""
        self._methods.update({f"{service}/{name}": handler for name, handler in handlers.items()})

    async def start(self, port: int = 0) -> int:
        """Listens.

        Args:
            port: Where, if it is free; else, or with 0, at a free one.

        Returns:
            The port.

        Raises:
            ListenError: None can be opened.
        """
        for wanted in (port, 0) if port else (0,):
            try:
                self._listening = await asyncio.start_server(self._accept, self._host, wanted, backlog=128)
            except OSError as error:
                failed = error
                continue
            found: int = self._listening.sockets[0].getsockname()[1]
            return found
        raise ListenError(f"no port for frames can be opened on {self._host}: {failed.strerror}")

    async def close(self) -> None:
        """Ends all connections and calls."""
        if self._listening is not None:
            self._listening.close()
        serving = list(self._connections)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= self._bounds.connections:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        host, port = writer.get_extra_info("peername")[:2]
        connection = Connection(
            reader,
            writer,
            methods=self._methods,
            token=None,
            peer=f"ipv4:{host}:{port}",
            takes_time=False,
            bounds=self._bounds,
            calls_of_run=self._calls,
            count=_uncounted,
            admit=self._admit,
            observe=self._observe,
        )
        try:
            with contextlib.suppress(asyncio.CancelledError):  # the server closes
                await connection.serve()
        finally:
            self._connections.discard(task)
            await close_writer(writer)


def _uncounted(code: str) -> None:
    """What was refused before it was a call is in no figure, as at a gRPC port."""
