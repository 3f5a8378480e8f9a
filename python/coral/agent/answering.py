"""The colony's questions over the agent's stream: each is answered once, in time, a few at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from coral._proto.colony.v1 import fleet_pb2
from coral.errors import CoralError, LimitError, OverloadedError
from coral.limits import MAX_FLEET_MESSAGE_BYTES, MAX_QUESTIONS_AT_ONCE
from coral.wire.status import to_code

Answerer = Callable[[fleet_pb2.AgentQuestion], Awaitable[fleet_pb2.AgentAnswer]]
"""Answers a question; may raise `CoralError`, and may be cancelled. The id is filled in for it."""

_log = logging.getLogger(__name__)
_DEFAULT_SECONDS: Final = 10.0
_ROOM_FOR_HEADER: Final = 1024


class Answering:
    """Answers the questions of one stream; `close` ends those under way."""

    def __init__(
        self, answerer: Answerer | None, send: Callable[[fleet_pb2.AgentAnswer], Awaitable[None]]
    ) -> None:
        """Binds the stream.

        Args:
            answerer: Knows the answers; None answers every question with UNIMPLEMENTED.
            send: Writes an answer to the stream; fails only when the stream has ended.
        """
        self._answerer = answerer
        self._send = send
        self._under_way: set[asyncio.Task[None]] = set()
        self._answering = 0

    def ask(self, question: fleet_pb2.AgentQuestion) -> None:
        """Begins to answer."""
        has_room = self._answering < MAX_QUESTIONS_AT_ONCE
        if has_room:
            self._answering += 1
        task = asyncio.create_task(self._reply(question, has_room=has_room))
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Cancels what is under way."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The stream has ended: whoever asked sees that, and the uplink says why.
            _log.debug("an answer could not be sent: %s", error)

    async def _reply(self, question: fleet_pb2.AgentQuestion, *, has_room: bool) -> None:
        try:
            answer = await self._answer(question) if has_room else _failure(_no_room())
        finally:
            if has_room:
                self._answering -= 1
        answer.id = question.id
        await self._send(answer)

    async def _answer(self, question: fleet_pb2.AgentQuestion) -> fleet_pb2.AgentAnswer:
        kind = question.WhichOneof("question")
        if self._answerer is None or kind is None:
            return fleet_pb2.AgentAnswer(
                failure=fleet_pb2.AgentFailure(
                    reason="UNIMPLEMENTED",
                    message=f"this agent does not know the question {kind or 'of a newer colony'}",
                    hint="upgrade the agent",
                )
            )
        seconds = question.timeout.ToNanoseconds() / 1e9 or _DEFAULT_SECONDS
        try:
            answer = await asyncio.wait_for(self._answerer(question), seconds)
        except TimeoutError:
            return _failure(LimitError(f"the agent did not answer {kind} within {seconds:g} s"))
        except CoralError as error:
            return _failure(error)
        except Exception as error:  # one question must not end the stream that carries the data
            _log.exception("answering %s failed", kind)
            return _failure(CoralError(f"the agent failed to answer {kind}: {error!r}"))
        size = answer.ByteSize()
        if size > MAX_FLEET_MESSAGE_BYTES - _ROOM_FOR_HEADER:
            return _failure(
                LimitError(
                    f"the answer to {kind} has {size} bytes, a message holds {MAX_FLEET_MESSAGE_BYTES}",
                    hint="ask for fewer or narrower results",
                )
            )
        return answer


def _no_room() -> OverloadedError:
    return OverloadedError(
        f"the agent answers {MAX_QUESTIONS_AT_ONCE} questions already, its limit", hint="retry later"
    )


def _failure(error: CoralError) -> fleet_pb2.AgentAnswer:
    reason, _ = to_code(error)
    failure = fleet_pb2.AgentFailure(reason=reason, message=error.message, hint=error.hint or "")
    return fleet_pb2.AgentAnswer(failure=failure)
