from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable

import pytest
from google.protobuf.duration_pb2 import Duration

from coral._proto.colony.v1 import fleet_pb2, query_pb2
from coral.agent.answering import Answerer, Answering
from coral.errors import NotFoundError, UnreachableError
from coral.limits import MAX_FLEET_MESSAGE_BYTES, MAX_QUESTIONS_AT_ONCE

Ask = Callable[[Answering], Awaitable[None]]


def question(number: int, *, timeout: Duration | None = None) -> fleet_pb2.AgentQuestion:
    return fleet_pb2.AgentQuestion(id=number, timeout=timeout, query_logs=query_pb2.QueryLogsRequest())


def answers(answerer: Answerer | None, ask: Ask) -> dict[int, fleet_pb2.AgentAnswer]:
    """What is sent, by question."""
    sent: dict[int, fleet_pb2.AgentAnswer] = {}

    async def send(answer: fleet_pb2.AgentAnswer) -> None:
        assert answer.id not in sent
        sent[answer.id] = answer

    async def run() -> None:
        answering = Answering(answerer, send)
        await ask(answering)
        await answering.close()

    asyncio.run(run())
    return sent


async def _settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def _ask_one(answering: Answering) -> None:
    answering.ask(question(7))
    await _settle()


def test_an_answer_carries_its_questions_id() -> None:
    async def answerer(asked: fleet_pb2.AgentQuestion) -> fleet_pb2.AgentAnswer:
        assert asked.id == 7
        return fleet_pb2.AgentAnswer(query_logs=query_pb2.QueryLogsResponse())

    sent = answers(answerer, _ask_one)
    assert sent[7].HasField("query_logs")


def test_an_error_becomes_a_failure_with_its_reason() -> None:
    async def answerer(asked: fleet_pb2.AgentQuestion) -> fleet_pb2.AgentAnswer:
        raise NotFoundError("no such function", hint="list them")

    failure = answers(answerer, _ask_one)[7].failure
    assert (failure.reason, failure.message, failure.hint) == ("NOT_FOUND", "no such function", "list them")


def test_a_defect_becomes_a_failure_and_does_not_end_the_stream(caplog: pytest.LogCaptureFixture) -> None:
    async def answerer(asked: fleet_pb2.AgentQuestion) -> fleet_pb2.AgentAnswer:
        raise ZeroDivisionError

    failure = answers(answerer, _ask_one)[7].failure
    assert (failure.reason, "ZeroDivisionError" in failure.message) == ("INTERNAL", True)
    assert "answering query_logs failed" in caplog.text


@pytest.mark.parametrize("asked", [question(1), fleet_pb2.AgentQuestion(id=1)])
def test_an_agent_that_knows_no_answer_says_so(asked: fleet_pb2.AgentQuestion) -> None:
    async def ask(answering: Answering) -> None:
        answering.ask(asked)
        await _settle()

    assert answers(None, ask)[1].failure.reason == "UNIMPLEMENTED"


def test_an_answer_that_takes_too_long_is_given_up() -> None:
    async def answerer(asked: fleet_pb2.AgentQuestion) -> fleet_pb2.AgentAnswer:
        await asyncio.Event().wait()
        raise AssertionError

    async def ask(answering: Answering) -> None:
        answering.ask(question(1, timeout=Duration(nanos=1_000_000)))
        while answering._under_way:
            await asyncio.wait(answering._under_way)

    failure = answers(answerer, ask)[1].failure
    assert (failure.reason, "0.001 s" in failure.message) == ("QUERY_TIMEOUT", True)


def test_an_answer_too_large_for_a_message_is_a_failure() -> None:
    async def answerer(asked: fleet_pb2.AgentQuestion) -> fleet_pb2.AgentAnswer:
        failure = fleet_pb2.AgentFailure(message="x" * MAX_FLEET_MESSAGE_BYTES)
        return fleet_pb2.AgentAnswer(failure=failure)

    failure = answers(answerer, _ask_one)[7].failure
    assert (failure.reason, str(MAX_FLEET_MESSAGE_BYTES) in failure.message) == ("QUERY_TIMEOUT", True)


def test_a_few_are_answered_at_once_and_more_are_refused() -> None:
    release = asyncio.Event()

    async def answerer(asked: fleet_pb2.AgentQuestion) -> fleet_pb2.AgentAnswer:
        await release.wait()
        return fleet_pb2.AgentAnswer(query_logs=query_pb2.QueryLogsResponse())

    async def ask(answering: Answering) -> None:
        for number in range(MAX_QUESTIONS_AT_ONCE + 2):
            answering.ask(question(number))
        await _settle()
        release.set()
        await _settle()
        answering.ask(question(100))
        await _settle()

    sent = answers(answerer, ask)
    refused = {number for number, answer in sent.items() if answer.failure.reason == "OVERLOADED"}
    assert refused == {MAX_QUESTIONS_AT_ONCE, MAX_QUESTIONS_AT_ONCE + 1}
    assert sent[100].HasField("query_logs")


def test_the_end_of_the_stream_ends_what_is_under_way() -> None:
    ended = []

    async def answerer(asked: fleet_pb2.AgentQuestion) -> fleet_pb2.AgentAnswer:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(asked.id)
        raise AssertionError

    assert answers(answerer, _ask_one) == {}
    assert ended == [7]


def test_a_stream_that_has_ended_is_no_error_of_the_one_who_answers() -> None:
    async def send(answer: fleet_pb2.AgentAnswer) -> None:
        raise UnreachableError("the stream has ended")

    async def run() -> list[str]:
        unhandled: list[str] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: unhandled.append(context["message"]))
        answering = Answering(None, send)
        answering.ask(question(7))
        await _settle()
        await answering.close()
        gc.collect()
        return unhandled

    assert asyncio.run(run()) == []
