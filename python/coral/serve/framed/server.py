"""Sockets of runs: each in a directory of its own that only we can enter, with a token of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from coral.errors import ListenError
from coral.framed_limits import MAX_SOCKET_PATH_BYTES
from coral.serve.framed.connection import Connection, FramedBounds

_SOCKET: Final = "sdk.sock"
_CLOSE_SECONDS: Final = 1.0


@dataclass(frozen=True)
class FramedStatistics:
    """What a server has done since its start, and does now.

    Attributes:
        endpoints: Sockets that are open.
        connections: Connections that are open.
        calls: Calls under way.
        refused_connections: Connections beyond `MAX_FRAMED_CONNECTIONS`.
        ended: Calls, and connections that were refused for what they sent, by their gRPC code.
    """

    endpoints: int
    connections: int
    calls: int
    refused_connections: int
    ended: Mapping[str, int]


@dataclass
class _Totals:
    refused_connections: int = 0
    ended: Counter[str] = field(default_factory=Counter)


class Endpoint:
    """One run's socket. An asynchronous context manager; made by `FramedServer.open`.

    Attributes:
        path: Of the socket; its directory has mode 0700 and is removed by `close`.
        token: What the run's calls must bring.
    """

    def __init__(
        self,
        server: FramedServer,
        directory: Path,
        *,
        caller: str,
        methods: Mapping[str, Any],
        takes_time: bool,
        bounds: FramedBounds,
        totals: _Totals,
    ) -> None:
        self.path = directory / _SOCKET
        self.token = secrets.token_urlsafe(32)
        self._server = server
        self._directory = directory
        self._caller = caller
        self._methods = methods
        self._takes_time = takes_time
        self._bounds = bounds
        self._totals = totals
        self._calls: set[asyncio.Task[None]] = set()
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._listening: asyncio.Server | None = None

    async def start(self) -> None:
        """Listens."""
        try:
            self._listening = await asyncio.start_unix_server(self._accept, self.path, backlog=64)
            self.path.chmod(0o600)
        except OSError as error:
            raise ListenError(f"the socket {self.path} cannot be opened: {error.strerror}") from error

    async def close(self) -> None:
        """Ends the run's connections and calls, and removes the socket and its directory. Idempotent."""
        self._server.forget(self)
        if self._listening is not None:
            self._listening.close()
        serving = list(self._connections)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        shutil.rmtree(
            self._directory, ignore_errors=True
        )  # the run may have been started by another user's hand

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def counts(self) -> tuple[int, int]:
        """Connections that are open, and calls under way."""
        return len(self._connections), len(self._calls)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= self._bounds.connections:
            self._totals.refused_connections += 1
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        connection = Connection(
            reader,
            writer,
            methods=self._methods,
            token=self.token,
            peer=f"unix:{self._caller}",
            takes_time=self._takes_time,
            bounds=self._bounds,
            calls_of_run=self._calls,
            count=self._count,
        )
        try:
            await connection.serve()
        except asyncio.CancelledError:
            pass  # the endpoint closes; a task of asyncio's own would log this
        finally:
            del self._connections[task]
            await close_writer(writer)

    def _count(self, code: str) -> None:
        self._totals.ended[code] += 1


class FramedServer:
    """Serves gRPC's servicers over Unix sockets, one for each run. Used from one event loop.

    Servicers are added as to a gRPC server: `add_QueryServiceServicer_to_server(servicer, server.registry)`.
    """

    def __init__(self, *, takes_time: bool = False, bounds: FramedBounds | None = None) -> None:
        """Makes a server without services.

        Args:
            takes_time: Whether calls may say what time it is, see `coral.clock.AskedClock`.
            bounds: What one run may take; default the limits.
        """
        self._takes_time = takes_time
        self._bounds = bounds or FramedBounds()
        self._methods: dict[str, Any] = {}
        self._endpoints: set[Endpoint] = set()
        self._totals = _Totals()

    @property
    def registry(self) -> Any:
        """This server, as generated functions want it, whose types know gRPC's servers only."""
        return self

    def add_generic_rpc_handlers(self, handlers: Sequence[object]) -> None:
        """Does nothing: generated code calls `add_registered_method_handlers` as well."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Takes the methods of a service; generated code calls it."""
        self._methods.update({f"{service}/{name}": handler for name, handler in handlers.items()})

    async def open(self, parent: Path, *, caller: str) -> Endpoint:
        """Opens a socket for one run.

        Args:
            parent: Where its directory is made; as short a path as can be.
            caller: The run's name: what is handed out fairly is between these.

        Raises:
            ListenError: It cannot be opened.
        """
        try:
            parent.mkdir(parents=True, exist_ok=True)
            directory = Path(tempfile.mkdtemp(prefix="run-", dir=parent))  # 0700
        except OSError as error:
            raise ListenError(
                f"no directory for a socket can be made in {parent}: {error.strerror}"
            ) from error
        path = os.fsencode(directory / _SOCKET)
        if len(path) > MAX_SOCKET_PATH_BYTES:
            directory.rmdir()
            raise ListenError(
                f"the socket in {parent} would have a path of {len(path)} bytes, more than"
                f" {MAX_SOCKET_PATH_BYTES}",
                hint="choose a directory with a shorter path",
            )
        endpoint = Endpoint(
            self,
            directory,
            caller=caller,
            methods=self._methods,
            takes_time=self._takes_time,
            bounds=self._bounds,
            totals=self._totals,
        )
        try:
            await endpoint.start()
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        self._endpoints.add(endpoint)
        return endpoint

    def forget(self, endpoint: Endpoint) -> None:
        """Drops an endpoint that closes; endpoints call it."""
        self._endpoints.discard(endpoint)

    async def close(self) -> None:
        """Closes all sockets."""
        for endpoint in list(self._endpoints):
            await endpoint.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def statistics(self) -> FramedStatistics:
        """Figures as of now."""
        counts = [endpoint.counts() for endpoint in self._endpoints]
        return FramedStatistics(
            len(self._endpoints),
            sum(connections for connections, _ in counts),
            sum(calls for _, calls in counts),
            self._totals.refused_connections,
            dict(self._totals.ended),
        )


async def close_writer(writer: asyncio.StreamWriter) -> None:
    """Sends what is left for a moment, then ends the connection whatever the other side does."""
    writer.close()
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await writer.wait_closed()
    writer.transport.abort()
