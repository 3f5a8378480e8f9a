"""Places for queries go round between callers."""

from __future__ import annotations

import asyncio

import pytest

from coral.errors import OverloadedError
from coral.query_limits import DEFAULT_QUERY_LIMITS, QueryLimits
from coral.store.guard.slots import FairSlots

LIMITS = DEFAULT_QUERY_LIMITS


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_caller_with_many_does_not_keep_others_out() -> None:
    async def run() -> None:
        slots = FairSlots(LIMITS)
        greedy = [asyncio.create_task(slots.acquire("greedy")) for _ in range(40)]
        await settle()
        assert slots.running == LIMITS.at_once_per_caller
        await asyncio.wait_for(slots.acquire("modest"), 1)  # a place is kept for others
        others = [asyncio.create_task(slots.acquire(f"other {n}")) for n in range(3)]
        await settle()
        assert [task.done() for task in others] == [True, False, False]
        assert slots.running == LIMITS.at_once
        slots.release("greedy")
        slots.release("greedy")
        await settle()
        assert all(task.done() for task in others)  # before the 22 of the greedy one, who came first
        for task in greedy:
            task.cancel()
        await asyncio.gather(*greedy, return_exceptions=True)
        assert slots.waiting == 0

    asyncio.run(run())


def test_the_queue_is_bounded_and_one_caller_cannot_fill_it() -> None:
    async def run() -> None:
        slots = FairSlots(LIMITS)
        tasks = [
            asyncio.create_task(slots.acquire("a"))
            for _ in range(LIMITS.at_once_per_caller + LIMITS.queue_per_caller)
        ]
        await settle()
        with pytest.raises(OverloadedError, match=r"50 of your queries .* query\.queue \(100\)"):
            await slots.acquire("a")
        await slots.acquire("b")
        await slots.acquire("b")
        tasks += [asyncio.create_task(slots.acquire(f"c{n}")) for n in range(LIMITS.queue - slots.waiting)]
        await settle()
        with pytest.raises(OverloadedError, match=r"100 queries .* the limit query\.queue"):
            await slots.acquire("d")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())


def test_a_place_that_comes_as_its_waiter_gives_up_is_not_lost() -> None:
    async def run() -> None:
        slots = FairSlots(LIMITS)
        for _ in range(LIMITS.at_once_per_caller):
            await slots.acquire("a")
        waiting = asyncio.create_task(slots.acquire("a"))
        await settle()
        slots.release("a")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert (slots.running, slots.waiting) == (LIMITS.at_once_per_caller - 1, 0)

    asyncio.run(run())


def test_limits_are_those_that_were_set() -> None:
    limits = [QueryLimits(at_once=n, queue=n) for n in (1, 2, 20, 30)]
    assert [each.at_once_per_caller for each in limits] == [1, 1, 18, 27]
    assert [each.queue_per_caller for each in limits] == [1, 1, 10, 15]

    async def run() -> None:
        slots = FairSlots(QueryLimits(at_once=1, queue=1))
        await slots.acquire("a")
        waiting = asyncio.create_task(slots.acquire("b"))
        await settle()
        with pytest.raises(OverloadedError, match=r"1 queries .* the limit query\.queue") as caught:
            await slots.acquire("c")
        assert "query.queue raises it" in str(caught.value.hint)
        slots.release("a")
        await waiting
        assert (slots.running, slots.waiting) == (1, 0)

    asyncio.run(run())
