"""QueryLogs, ListFunctions and GetFunction of a fleet: asked of the agents that have the service."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from coral._proto.colony.v1 import fleet_pb2
from coral._proto.colony.v1 import query_pb2 as pb
from coral.clock import Clock
from coral.colony.fleet import FleetServicer
from coral.errors import CoralError, LimitError, NotFoundError, UnreachableError
from coral.limits import FUNCTIONS_QUESTION_SECONDS, LOGS_QUESTION_SECONDS, MAX_FUNCTION_AGENTS
from coral.query.functions import Key, asked, encode_key
from coral.query.logs import LogPage, log_filter
from coral.query.redactor import Redactor, redact_logs
from coral.store.api import Store

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_AGENTS: Final = """
    SELECT agent_id, max(last_seen) AS seen FROM resources
    WHERE service_name = $service AND last_seen >= $start
    GROUP BY agent_id ORDER BY seen DESC, agent_id
"""


class FleetRecords:
    """`coral.query.records.Records` over the agents of a fleet. Used from one event loop."""

    def __init__(
        self, fleet: FleetServicer, store: Store, *, clock: Clock, redactor: Redactor | None = None
    ) -> None:
        self._fleet = fleet
        self._store = store
        self._clock = clock
        self._redactor = redactor or Redactor()

    async def query_logs(self, request: pb.QueryLogsRequest) -> pb.QueryLogsResponse:
        """See the RPC."""
        wanted = log_filter(request, self._clock)
        page = LogPage(wanted)
        agents = await self._agents_with_logs(wanted.service, wanted.start)
        redaction = self._redactor.current()
        question = fleet_pb2.AgentQuestion(
            query_logs=page.inner_request(request), redact=redaction.names if redaction else ()
        )
        completeness = pb.Completeness()
        problems: dict[str, CoralError] = {}
        async for agent_id, reply in self._fleet.questions.ask(
            agents, question, seconds=LOGS_QUESTION_SECONDS
        ):
            if isinstance(reply, CoralError):
                problems[agent_id] = reply
            else:
                answer = reply.query_logs
                await asyncio.to_thread(redact_logs, answer, redaction, request.contains)
                page.add(agent_id, answer)
        if problems and len(problems) == len(agents):
            raise _of_all("log records", problems)
        _add_missing(completeness, problems)
        return page.response(completeness)

    async def list_functions(self, request: pb.ListFunctionsRequest) -> pb.ListFunctionsResponse:
        """See the RPC."""
        wanted = asked(request)
        question = fleet_pb2.AgentQuestion(list_functions=request)
        found: dict[Key, pb.Function] = {}
        completeness = pb.Completeness()
        notes: set[str] = set()
        more = False
        answers = await self._ask_about_functions(wanted.service, question, completeness)
        for answer in answers:
            page = answer.list_functions
            more |= page.next_page_token != ""
            completeness.rows_cut |= page.completeness.rows_cut
            notes.update(page.completeness.notes)
            found.update({_key(function): function for function in page.functions})
        # Each agent's page begins after the same function, so the first ones of all are complete.
        keys = sorted(found)
        token = encode_key(keys[wanted.size - 1]) if len(keys) > wanted.size else ""
        if more and not token and keys:
            token = encode_key(keys[-1])
        completeness.notes.extend(sorted(notes))
        return pb.ListFunctionsResponse(
            functions=[found[key] for key in keys[: wanted.size]],
            next_page_token=token,
            completeness=completeness,
        )

    async def get_function(self, request: pb.GetFunctionRequest) -> pb.GetFunctionResponse:
        """See the RPC."""
        question = fleet_pb2.AgentQuestion(get_function=request)
        answers = await self._ask_about_functions(request.service, question, pb.Completeness())
        functions = [answer.get_function.function for answer in answers]
        exact = [function for function in functions if function.name == request.name]
        return pb.GetFunctionResponse(function=min(exact or functions, key=_key))

    async def _ask_about_functions(
        self, service: str, question: fleet_pb2.AgentQuestion, completeness: pb.Completeness
    ) -> list[fleet_pb2.AgentAnswer]:
        """The answers, at least one; `completeness` is told who is missing.

        Raises:
            NotFoundError: No agent has seen the service, or none found what was asked.
            CoralError: No agent could answer, for the reason of one of them.
        """
        agents = await self._agents_of(service, _DAY)
        if not agents:
            raise NotFoundError(
                f"no agent has seen the service {service} within a day",
                hint="check the name with `coral services`",
                fields={"service": service},
            )
        connected = [agent_id for agent_id in agents if self._fleet.stream(agent_id) is not None]
        answers: list[fleet_pb2.AgentAnswer] = []
        problems: dict[str, CoralError] = {}
        for agent_id in agents:
            if agent_id not in connected:
                problems[agent_id] = UnreachableError("the agent is not connected")
        ask = self._fleet.questions.ask(
            connected[:MAX_FUNCTION_AGENTS], question, seconds=FUNCTIONS_QUESTION_SECONDS
        )
        async for agent_id, reply in ask:
            if isinstance(reply, CoralError):
                problems[agent_id] = reply
            else:
                answers.append(reply)
        if not answers:
            raise _of_all(f"functions of {service}", problems)
        if len(connected) > MAX_FUNCTION_AGENTS:
            completeness.notes.append(
                f"{MAX_FUNCTION_AGENTS} of the {len(connected)} agents with the service were asked,"
                " the limit MAX_FUNCTION_AGENTS"
            )
        # One that does not have the function, or runs no process of the service, has nothing to add.
        _add_missing(
            completeness,
            {agent: error for agent, error in problems.items() if not isinstance(error, NotFoundError)},
        )
        return answers

    async def _agents_with_logs(self, service: str, start: datetime) -> list[str]:
        """Agents that may have log records of a service, or of any."""
        length = max(self._clock.now() - start, _HOUR)
        known = [
            agent.agent_id for agent in self._fleet.registry.agents() if self._is_current(agent.last_seen)
        ]
        if not service:
            return known
        # A service that has just begun is not known here yet: then all of them are asked.
        return await self._agents_of(service, length) or known

    async def _agents_of(self, service: str, length: timedelta) -> list[str]:
        """Agents that saw a service within some time, those that saw it last first."""
        start = self._clock.now() - length
        values = {"service": service, "start": start}
        rows = await asyncio.to_thread(self._store.query, _AGENTS, values, since={"resources": start})
        return [agent_id for agent_id, _ in rows]

    def _is_current(self, last_seen: datetime) -> bool:
        return last_seen >= self._clock.now() - _DAY


def _key(function: pb.Function) -> Key:
    return function.name, function.file, function.line, function.binary, function.offset_bytes


def _add_missing(completeness: pb.Completeness, problems: dict[str, CoralError]) -> None:
    for agent_id, error in sorted(problems.items()):
        completeness.missing_agents.append(agent_id)
        completeness.notes.append(f"{agent_id}: {error.message}")


def _of_all(what: str, problems: dict[str, CoralError]) -> CoralError:
    """The error when no agent could answer: the most telling one, with its agent named."""

    def rank(item: tuple[str, CoralError]) -> tuple[int, str]:
        error = item[1]
        if isinstance(error, NotFoundError):
            return 1, item[0]
        return (2 if isinstance(error, LimitError | UnreachableError) else 0), item[0]

    agent_id, first = min(problems.items(), key=rank)
    others: Sequence[str] = sorted(set(problems) - {agent_id})
    more = (
        f" (and {len(others)} other agent{'' if len(others) == 1 else 's'} failed as well)" if others else ""
    )
    if isinstance(first, NotFoundError):
        return first
    return type(first)(
        f"{what}: {agent_id}: {first.message}{more}", hint=first.hint, fields={"agents": ",".join(problems)}
    )
