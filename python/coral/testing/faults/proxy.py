"""A network link that can be cut: a TCP proxy that stalls, resets, or lets through one direction only."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from enum import Enum
from types import TracebackType
from typing import Final

_CHUNK: Final = 64 * 1024


class Link(Enum):
    """The state of the link."""

    OPEN = "open"
    STALLED = "stalled"
    """Connections stay, new ones are accepted, no byte passes: a black hole."""
    DEAF = "deaf"
    """What the client sends gets lost in the queue, what the server sends arrives."""
    MUTE = "mute"
    """What the client sends arrives, what the server answers does not: acknowledgements are held up."""
    REFUSED = "refused"
    """Connections are reset, new ones at once."""


class CutProxy:
    """Forwards TCP connections to a fixed target, in a thread of its own; a context manager.

    Bytes that are held up pass when the link opens again, as after a pause of the network, unless the
    connection has gone meanwhile: then they are lost, as in a network.
    """

    def __init__(self, target: str) -> None:
        """Opens a port.

        Args:
            target: Where to connect to, HOST:PORT; it need not listen yet.
        """
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._loop = asyncio.new_event_loop()
        self._link = Link.OPEN
        self._changed = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="cut-proxy", daemon=True)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        """HOST:PORT to connect to."""

    def __enter__(self) -> CutProxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def switch(self, link: Link) -> None:
        """Cuts or heals the link; from any thread."""
        asyncio.run_coroutine_threadsafe(self._switch(link), self._loop).result()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, sock=self._socket))
        try:
            self._loop.run_forever()
        finally:
            server.close()
            self._reset_all()
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0.01))
            self._loop.close()

    async def _switch(self, link: Link) -> None:
        self._link = link
        if link is Link.REFUSED:
            self._reset_all()
        self._changed.set()
        self._changed = asyncio.Event()

    def _reset_all(self) -> None:
        for writer in list(self._writers):
            _reset(writer)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        if self._link is Link.REFUSED:
            self._close(writer)
            return
        try:
            there_reader, there_writer = await asyncio.open_connection(*self._target)
        except OSError:
            self._close(writer)
            return
        self._writers.add(there_writer)
        up = asyncio.create_task(self._pump(reader, there_writer, {Link.STALLED, Link.DEAF}))
        down = asyncio.create_task(self._pump(there_reader, writer, {Link.STALLED, Link.MUTE}))
        try:
            await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (up, down):
                task.cancel()
            self._close(writer)
            self._close(there_writer)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, held: set[Link]
    ) -> None:
        try:
            while data := await reader.read(_CHUNK):
                while self._link in held:
                    await self._changed.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            return  # one side has gone; the other is closed by the caller

    def _close(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Ends a connection with a RST, as a machine that has forgotten it does."""
    opened: socket.socket | None = writer.get_extra_info("socket")
    if opened is not None and not writer.transport.is_closing():
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
