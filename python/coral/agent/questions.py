"""Answers what the colony asks over the agent's stream: log records and functions of this host."""

from __future__ import annotations

from collections.abc import Mapping

from coral._proto.colony.v1 import fleet_pb2
from coral._proto.colony.v1 import query_pb2 as pb
from coral.agent.functions.catalogue import FunctionCatalogue
from coral.agent.functions.processes import ProcessFinder
from coral.agent.functions.reader import ProgramReader
from coral.clock import Clock
from coral.errors import UnsupportedError
from coral.limits import LOGS_QUESTION_SECONDS
from coral.model.redaction import Redaction
from coral.query.logs import LocalLogs
from coral.store.api import Store


class Answers:
    """The log records and functions of one agent. Used from one event loop.

    `answer` is for the colony; the other methods are `coral.query.records.Records` over the agent's
    own data.
    """

    def __init__(self, logs: LocalLogs, functions: FunctionCatalogue) -> None:
        self._logs = logs
        self._functions = functions

    async def answer(self, question: fleet_pb2.AgentQuestion) -> fleet_pb2.AgentAnswer:
        """Answers a question; the caller sets the time limit and the answer's id.

        Raises:
            CoralError: There is no answer, for the reason that it names.
        """
        kind = question.WhichOneof("question")
        if kind == "query_logs":
            redaction = Redaction(tuple(question.redact)) if question.redact else None
            found = await self._logs.find(question.query_logs, redaction)
            return fleet_pb2.AgentAnswer(query_logs=found)
        if kind == "list_functions":
            functions = await self.list_functions(question.list_functions)
            return fleet_pb2.AgentAnswer(list_functions=functions)
        if kind == "get_function":
            return fleet_pb2.AgentAnswer(get_function=await self.get_function(question.get_function))
        raise UnsupportedError(f"this agent does not know the question {kind}", hint="upgrade the agent")

    async def query_logs(self, request: pb.QueryLogsRequest) -> pb.QueryLogsResponse:
        """See the RPC."""
        return await self._logs.query_logs(request)

    async def list_functions(self, request: pb.ListFunctionsRequest) -> pb.ListFunctionsResponse:
        """See the RPC."""
        return await self._functions.list_functions(request)

    async def get_function(self, request: pb.GetFunctionRequest) -> pb.GetFunctionResponse:
        """See the RPC."""
        return await self._functions.get_function(request)


def answers_of(store: Store, *, agent_id: str, clock: Clock, configured: Mapping[str, str]) -> Answers:
    """The answers of an agent.

    Args:
        store: Its store.
        agent_id: Its id.
        clock: The time.
        configured: Where services' programs are; see `ProcessFinder`.
    """
    # A part of the answer in time is worth more than a whole one too late.
    logs = LocalLogs(store, agent_id=agent_id, clock=clock, seconds=LOGS_QUESTION_SECONDS * 0.6)
    finder = ProcessFinder(store, clock=clock, configured=configured)
    return Answers(logs, FunctionCatalogue(finder, ProgramReader()))
