"""The agent's control socket: `control.sock` in its data directory, for commands on the same machine.

Whoever may write into the data directory may use it. One JSON object a line each way; the answer has
`error` and perhaps `hint` where a request was refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from coral.errors import CoralError, NotFoundError, UnreachableError, UsageError

_NAME: Final = "control.sock"
_LONGEST_LINE: Final = 4096
_ANSWER_SECONDS: Final = 5.0

Action = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Does what a request asks for; answers the fields of the reply, or raises a `CoralError`."""


class ControlServer:
    """Answers requests until `close`. Used from one event loop."""

    def __init__(self, data: Path, actions: Mapping[str, Action]) -> None:
        """Binds nothing yet.

        Args:
            data: The data directory.
            actions: By the word in a request's `do`.
        """
        self._data = data
        self._actions = actions
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listens; a socket that a killed agent left is replaced (the store's lock says that it is ours).

        Raises:
            OSError: The directory cannot hold a socket.
        """
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._data / _NAME)
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _short_path(self._data) as path:
            opened.bind(path)
        os.chmod(self._data / _NAME, 0o600)
        self._server = await asyncio.start_unix_server(self._serve, sock=opened, limit=_LONGEST_LINE)

    async def close(self) -> None:
        """Stops listening. Idempotent."""
        if self._server is not None:
            self._server.close()
            self._server = None
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._data / _NAME)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                line = await reader.readline()
                writer.write(json.dumps(self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (TimeoutError, ValueError, ConnectionError):
            pass  # a client that says nothing, too much, or is gone gets no answer
        finally:
            writer.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            action = self._actions.get(request["do"])
        except (ValueError, KeyError, TypeError):
            return {"error": "the request is no JSON object with `do`"}
        if action is None:
            return {"error": f"there is no action {request['do']!r}, expected {', '.join(self._actions)}"}
        try:
            return action(request)
        except CoralError as error:
            return {"error": error.message, "hint": error.hint}


def ask_agent(data: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    """Asks the running agent of a data directory.

    Raises:
        NotFoundError: No agent runs there.
        UnreachableError: It does not answer.
        UsageError: It refuses the request.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_ANSWER_SECONDS)
        try:
            with _short_path(data) as path:
                connection.connect(path)
            connection.sendall(json.dumps(request).encode() + b"\n")
            answer: dict[str, Any] = json.loads(connection.makefile("rb").readline())
        except (FileNotFoundError, ConnectionRefusedError):
            raise NotFoundError(
                f"no agent runs with the data directory {data}",
                hint="pass the --data that `coral agent start` was given",
            ) from None
        except (OSError, ValueError) as error:
            raise UnreachableError(f"the agent of {data} does not answer: {error}") from error
    if "error" in answer:
        raise UsageError(answer["error"], hint=answer.get("hint"))
    return answer


@contextlib.contextmanager
def _short_path(data: Path) -> Iterator[str]:
    """A path of the socket that fits: the system's limit is about 100 bytes, whatever the folder's is."""
    plain = str(data / _NAME)
    if sys.platform != "linux":
        yield plain
        return
    folder = os.open(data, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{_NAME}"
    finally:
        os.close(folder)
