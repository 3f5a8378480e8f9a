"""Questions over agents' streams, and what a colony makes of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from coral._proto.colony.v1 import fleet_pb2
from coral._proto.colony.v1 import query_pb2 as pb
from coral.client.colony import ColonyClient
from coral.colony.questions import Questions
from coral.colony.streams import AgentStream
from coral.errors import CoralError, LimitError, NotFoundError, UnreachableError, UnsupportedError
from coral.limits import MAX_QUESTIONS_IN_FLIGHT
from coral.testing.processes import Colony, start_colony
from coral.wire.times import to_timestamp
from tests.colony.fleet_client import FleetStream, resource_chunk

T = TypeVar("T")
NOW = datetime.now(UTC).replace(tzinfo=None)


class Sent:
    """The agent's end of a stream: what the colony has written."""

    def __init__(self) -> None:
        self.responses: asyncio.Queue[fleet_pb2.ConnectResponse] = asyncio.Queue()

    async def write(self, response: fleet_pb2.ConnectResponse) -> None:
        self.responses.put_nowait(response)


class Streams:
    """Open streams by agent, with their writers running."""

    def __init__(self, *agent_ids: str) -> None:
        self.sent = {agent_id: Sent() for agent_id in agent_ids}
        self.open = {
            agent_id: AgentStream(fleet_pb2.AgentHello(agent_id=agent_id), sent)  # type: ignore[arg-type]
            for agent_id, sent in self.sent.items()
        }
        self.questions = Questions(self.open.get)

    async def __aenter__(self) -> Streams:
        self._writers = [asyncio.create_task(stream.run()) for stream in self.open.values()]
        return self

    async def __aexit__(self, *_: object) -> None:
        for writer in self._writers:
            writer.cancel()
        await asyncio.gather(*self._writers, return_exceptions=True)

    async def question(self, agent_id: str) -> fleet_pb2.AgentQuestion:
        return (await self.sent[agent_id].responses.get()).question

    def answer(self, agent_id: str, answer: fleet_pb2.AgentAnswer) -> None:
        self.questions.answered(self.open[agent_id], answer)


LOGS = fleet_pb2.AgentQuestion(query_logs=pb.QueryLogsRequest(service="s"))


async def collect(streams: Streams, *agent_ids: str, seconds: float = 30.0) -> dict[str, Any]:
    replies = streams.questions.ask(agent_ids, LOGS, seconds=seconds)
    return {agent_id: reply async for agent_id, reply in replies}


def test_answers_find_their_questions_in_any_order() -> None:
    async def scenario() -> None:
        async with Streams("a", "b") as streams:
            both = [asyncio.create_task(collect(streams, "a", "b")) for _ in range(2)]
            asked = [(agent, await streams.question(agent)) for agent in ("a", "b", "a", "b")]
            assert len({question.id for _, question in asked}) == 4
            assert all(0 < question.timeout.ToNanoseconds() <= 30 * 10**9 for _, question in asked)
            for agent, question in reversed(asked):
                found = pb.QueryLogsResponse(records=[pb.LogRecord(body=f"{agent} {question.id}")])
                streams.answer(agent, fleet_pb2.AgentAnswer(id=question.id, query_logs=found))
            first, second = await asyncio.gather(*both)
            texts = [
                reply[agent].query_logs.records[0].body for reply in (first, second) for agent in ("a", "b")
            ]
            assert texts == [f"{agent} {question.id}" for agent, question in asked]
            assert streams.questions._waiting == {}

    asyncio.run(scenario())


def test_each_agent_that_does_not_answer_has_its_reason() -> None:
    async def scenario() -> None:
        async with Streams("silent", "refuses", "leaves", "strange") as streams:
            asking = asyncio.create_task(
                collect(streams, "silent", "refuses", "leaves", "strange", "away", seconds=0.5)
            )
            questions = {agent: await streams.question(agent) for agent in streams.open}
            failure = fleet_pb2.AgentFailure(reason="UNIMPLEMENTED", message="no", hint="later")
            streams.answer("refuses", fleet_pb2.AgentAnswer(id=questions["refuses"].id, failure=failure))
            # An id of another agent's stream is nobody's business of this one.
            streams.answer("strange", fleet_pb2.AgentAnswer(id=questions["silent"].id, failure=failure))
            streams.answer(
                "strange",
                fleet_pb2.AgentAnswer(id=questions["strange"].id, get_function=pb.GetFunctionResponse()),
            )
            streams.questions.ended(streams.open["leaves"])
            replies = await asking

            assert isinstance(replies["silent"], LimitError)
            assert isinstance(replies["refuses"], UnsupportedError)
            assert (replies["refuses"].message, replies["refuses"].hint) == ("no", "later")
            assert isinstance(replies["leaves"], UnreachableError)
            assert "get_function, which was not the question" in replies["strange"].message
            assert "not connected" in replies["away"].message
            # What comes too late is dropped.
            streams.answer("silent", fleet_pb2.AgentAnswer(id=questions["silent"].id, failure=failure))
            assert streams.questions._waiting == {}

    asyncio.run(scenario())


def test_only_so_many_questions_are_open_at_once() -> None:
    async def scenario() -> None:
        agents = [f"a{number}" for number in range(MAX_QUESTIONS_IN_FLIGHT + 10)]
        async with Streams(*agents) as streams:
            asking = asyncio.create_task(collect(streams, *agents))
            for agent in agents[:MAX_QUESTIONS_IN_FLIGHT]:
                await streams.sent[agent].responses.get()
            await asyncio.sleep(0)
            assert all(streams.sent[agent].responses.empty() for agent in agents[MAX_QUESTIONS_IN_FLIGHT:])
            for agent in agents:
                streams.questions.ended(streams.open[agent])
                if agent in agents[MAX_QUESTIONS_IN_FLIGHT:]:
                    await streams.sent[agent].responses.get()
                    streams.questions.ended(streams.open[agent])
            assert len(await asking) == len(agents)

    asyncio.run(scenario())


class Fleet:
    """A real colony and agents spoken by hand."""

    def __init__(self, colony: Colony, threads: ThreadPoolExecutor, stack: ExitStack) -> None:
        self.client = stack.enter_context(ColonyClient(colony.grpc))
        self._address = colony.fleet
        self._threads = threads
        self._stack = stack

    def agent(self, agent_id: str, *services: str) -> FleetStream:
        stream = self._stack.enter_context(FleetStream(self._address, agent_id=agent_id))
        stream.welcome()
        if services:
            stream.deliver(1, *(resource_chunk(service, at=NOW) for service in services))
        return stream

    def asking(self, call: Any, *arguments: Any, **named: Any) -> Future[Any]:
        return self._threads.submit(call, *arguments, **named)


@contextmanager
def open_fleet(folder: Path) -> Iterator[Fleet]:
    with start_colony(folder) as colony, ThreadPoolExecutor() as threads, ExitStack() as stack:
        yield Fleet(colony, threads, stack)


def logs_answer(question: fleet_pb2.AgentQuestion, *records: tuple[int, str]) -> fleet_pb2.AgentAnswer:
    found = [
        pb.LogRecord(time=to_timestamp(NOW - timedelta(seconds=ago)), body=body, agent_id="a lie")
        for ago, body in records
    ]
    return fleet_pb2.AgentAnswer(id=question.id, query_logs=pb.QueryLogsResponse(records=found))


def test_logs_of_several_agents_are_one_list_and_who_is_missing_is_named(tmp_path: Path) -> None:
    with open_fleet(tmp_path) as fleet:
        one, two = fleet.agent("one", "pay"), fleet.agent("two", "pay")
        three = fleet.agent("three", "other")
        request = pb.QueryLogsRequest(service="pay", contains="x")
        answer = fleet.asking(fleet.client.logs, request, limit=3)
        first, second = one.question(), two.question()
        assert (first.query_logs.service, first.query_logs.contains) == ("pay", "x")
        one.answer(logs_answer(first, (1, "x1"), (4, "x4")))
        two.answer(logs_answer(second, (2, "x2"), (3, "x3")))
        found = answer.result()
        assert [(record.body, record.agent_id) for record in found.records] == [
            ("x1", "one"),
            ("x2", "two"),
            ("x3", "two"),
        ]
        assert found.completeness.rows_cut
        assert list(found.completeness.missing_agents) == []

        answer = fleet.asking(fleet.client.logs, request, limit=3)
        one.answer(logs_answer(one.question(), (1, "x1")))
        failure = fleet_pb2.AgentFailure(reason="STORAGE", message="its disk is broken")
        two.answer(fleet_pb2.AgentAnswer(id=two.question().id, failure=failure))
        found = answer.result()
        assert [record.body for record in found.records] == ["x1"]
        assert list(found.completeness.missing_agents) == ["two"]
        assert list(found.completeness.notes) == ["two: its disk is broken"]

        # Nobody has seen this service yet: perhaps it has just begun, so all are asked.
        answer = fleet.asking(fleet.client.logs, pb.QueryLogsRequest(service="new"), limit=3)
        for stream in (one, two, three):
            stream.answer(logs_answer(stream.question()))
        assert list(answer.result().records) == []

        answer = fleet.asking(fleet.client.logs, request, limit=3)
        for stream in (one, two):
            stream.answer(fleet_pb2.AgentAnswer(id=stream.question().id, failure=failure))
        with pytest.raises(
            CoralError, match=r"log records: one: its disk is broken \(and 1 other agent failed"
        ):
            answer.result()


def function(name: str, line: int = 1) -> pb.Function:
    return pb.Function(
        service_name="pay", name=name, file=f"{name}.c", line=line, binary="/pay", offset_bytes=line
    )


def test_functions_of_several_agents_are_one_list_without_doubles(tmp_path: Path) -> None:
    with open_fleet(tmp_path) as fleet:
        one, two = fleet.agent("one", "pay"), fleet.agent("two", "pay")
        answer = fleet.asking(fleet.client.functions, "pay", match="*")
        for stream, names in ((one, "ab"), (two, "bc")):
            question = stream.question()
            assert question.list_functions.match == "*"
            page = pb.ListFunctionsResponse(functions=[function(name) for name in names])
            page.completeness.notes.append("the binary is stripped")
            stream.answer(fleet_pb2.AgentAnswer(id=question.id, list_functions=page))
        found = answer.result()
        assert [item.name for item in found.functions] == ["a", "b", "c"]
        assert list(found.completeness.notes) == ["the binary is stripped"]

        not_here = fleet_pb2.AgentFailure(
            reason="NOT_FOUND", message="pay has no function", hint="similar: a"
        )
        java = fleet_pb2.AgentFailure(reason="UNIMPLEMENTED", message="Java cannot be read")

        answer = fleet.asking(fleet.client.function, "pay", "a")
        one.answer(
            fleet_pb2.AgentAnswer(
                id=one.question().id, get_function=pb.GetFunctionResponse(function=function("a", 7))
            )
        )
        two.answer(fleet_pb2.AgentAnswer(id=two.question().id, failure=not_here))
        assert answer.result().line == 7

        answer = fleet.asking(fleet.client.function, "pay", "z")
        for stream in (one, two):
            stream.answer(fleet_pb2.AgentAnswer(id=stream.question().id, failure=not_here))
        with pytest.raises(NotFoundError) as none:
            answer.result()
        assert (none.value.message, none.value.hint) == ("pay has no function", "similar: a")

        answer = fleet.asking(fleet.client.functions, "pay")
        one.answer(fleet_pb2.AgentAnswer(id=one.question().id, failure=not_here))
        two.answer(fleet_pb2.AgentAnswer(id=two.question().id, failure=java))
        with pytest.raises(UnsupportedError, match="functions of pay: two: Java cannot be read"):
            answer.result()

        with pytest.raises(NotFoundError, match="no agent has seen the service nobody"):
            fleet.client.functions("nobody")


def test_an_agent_that_leaves_while_it_is_asked_does_not_hold_the_answer(tmp_path: Path) -> None:
    with open_fleet(tmp_path) as fleet:
        leaving = fleet.agent("leaving", "pay")
        answer = fleet.asking(fleet.client.functions, "pay")
        leaving.question()
        leaving.__exit__(None, None, None)
        with pytest.raises(UnreachableError, match="connection ended before it answered"):
            answer.result()
        with pytest.raises(UnreachableError, match="leaving: the agent is not connected"):
            fleet.client.functions("pay")


def test_pages_of_functions_go_over_all_agents(tmp_path: Path) -> None:
    """Real agents page by the same keys: here two lists of 1500 functions, half of them in both."""
    from coral.query.functions import asked, next_token

    class Named:
        def __init__(self, wire: pb.Function) -> None:
            self.wire, self.name, self.file, self.line = wire, wire.name, wire.file, wire.line
            self.binary, self.offset = wire.binary, wire.offset_bytes

    held = {
        "one": [Named(function(f"f{n:04}")) for n in range(1500)],
        "two": [Named(function(f"f{n:04}")) for n in range(750, 2250)],
    }
    with open_fleet(tmp_path) as fleet:
        streams = {name: fleet.agent(name, "pay") for name in held}
        answer = fleet.asking(fleet.client.functions, "pay")
        for _ in range(3):
            for name, stream in streams.items():
                question = stream.question()
                wanted = asked(question.list_functions)
                rest = list(wanted.beyond(held[name]))
                page = pb.ListFunctionsResponse(functions=[item.wire for item in rest[: wanted.size]])
                if len(rest) > wanted.size:
                    page.next_page_token = next_token(rest[wanted.size - 1])
                stream.answer(fleet_pb2.AgentAnswer(id=question.id, list_functions=page))
        assert [item.name for item in answer.result().functions] == [f"f{n:04}" for n in range(2250)]
