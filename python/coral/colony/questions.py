"""Questions to agents, over the streams that they keep open."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Sequence

from coral._proto.colony.v1 import fleet_pb2
from coral.colony.streams import AgentStream
from coral.errors import CoralError, LimitError, UnreachableError
from coral.limits import MAX_QUESTIONS_IN_FLIGHT
from coral.wire.failures import from_failure
from coral.wire.times import to_duration

Reply = fleet_pb2.AgentAnswer | CoralError
"""An answer that fits the question, or why there is none."""


class Questions:
    """Asks agents and waits for their answers. Used from one event loop."""

    def __init__(self, stream: Callable[[str], AgentStream | None]) -> None:
        """Binds it to the open streams.

        Args:
            stream: The open stream of an agent, or None.
        """
        self._stream = stream
        self._ids = itertools.count(1)
        self._waiting: dict[AgentStream, dict[int, asyncio.Future[fleet_pb2.AgentAnswer]]] = {}
        self._slots = asyncio.Semaphore(MAX_QUESTIONS_IN_FLIGHT)

    async def ask(
        self, agent_ids: Sequence[str], question: fleet_pb2.AgentQuestion, *, seconds: float
    ) -> AsyncGenerator[tuple[str, Reply], None]:
        """Asks several agents the same, `MAX_QUESTIONS_IN_FLIGHT` at once.

        Args:
            agent_ids: Whom to ask.
            question: What; `id` and `timeout` are filled in.
            seconds: How long to wait for all of them together.

        Yields:
            Each agent once, as they answer. An agent that is not connected or did not answer in time
            comes with an `UnreachableError` or a `LimitError`, one that refused with its own error.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        tasks = {
            asyncio.create_task(self._ask(agent_id, question, deadline), name=agent_id)
            for agent_id in agent_ids
        }
        pending = tasks
        try:
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield task.get_name(), task.result()
        finally:
            for task in tasks:
                task.cancel()

    def answered(self, stream: AgentStream, answer: fleet_pb2.AgentAnswer) -> None:
        """Takes an answer that came on a stream; one that nobody waits for any more is dropped."""
        waiting = self._waiting.get(stream, {}).get(answer.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def ended(self, stream: AgentStream) -> None:
        """Notes that a stream is closed: nothing more is answered on it."""
        for waiting in self._waiting.pop(stream, {}).values():
            if not waiting.done():
                waiting.set_exception(UnreachableError("the agent's connection ended before it answered"))

    async def _ask(self, agent_id: str, question: fleet_pb2.AgentQuestion, deadline: float) -> Reply:
        try:
            async with asyncio.timeout_at(deadline), self._slots:
                return await self._exchange(agent_id, question, deadline)
        except TimeoutError:
            return LimitError("the agent did not answer in time")
        except CoralError as error:
            return error

    async def _exchange(
        self, agent_id: str, question: fleet_pb2.AgentQuestion, deadline: float
    ) -> fleet_pb2.AgentAnswer:
        loop = asyncio.get_running_loop()
        stream = self._stream(agent_id)
        if stream is None:
            raise UnreachableError("the agent is not connected")
        asked = fleet_pb2.AgentQuestion()
        asked.CopyFrom(question)
        asked.id = next(self._ids)
        asked.timeout.CopyFrom(to_duration(max(round((deadline - loop.time()) * 1e9), 1)))
        future: asyncio.Future[fleet_pb2.AgentAnswer] = loop.create_future()
        waiting = self._waiting.setdefault(stream, {})
        waiting[asked.id] = future
        try:
            stream.send(fleet_pb2.ConnectResponse(question=asked))
            answer = await future
        finally:
            waiting.pop(asked.id, None)
            if not waiting and self._waiting.get(stream) is waiting:
                del self._waiting[stream]
        kind = answer.WhichOneof("answer")
        if kind == "failure":
            raise from_failure(answer.failure)
        if kind != question.WhichOneof("question"):
            raise CoralError(f"the agent answered {kind or 'nothing'}, which was not the question")
        return answer
