"""Places for queries go round between callers."""

from __future__ import annotations

import asyncio

import pytest

from coral.errors import OverloadedError
from coral.limits import MAX_CONCURRENT_QUERIES, MAX_QUEUED_QUERIES
from coral.query_limits import MAX_QUERIES_PER_CALLER, MAX_QUEUED_PER_CALLER
from coral.store.guard.slots import FairSlots


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_caller_with_many_does_not_keep_others_out() -> None:
    async def run() -> None:
        slots = FairSlots()
        greedy = [asyncio.create_task(slots.acquire("greedy")) for _ in range(40)]
        await settle()
        assert slots.running == MAX_QUERIES_PER_CALLER
        await asyncio.wait_for(slots.acquire("modest"), 1)  # a place is kept for others
        others = [asyncio.create_task(slots.acquire(f"other {n}")) for n in range(3)]
        await settle()
        assert [task.done() for task in others] == [True, False, False]
        assert slots.running == MAX_CONCURRENT_QUERIES
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
        slots = FairSlots()
        tasks = [
            asyncio.create_task(slots.acquire("a"))
            for _ in range(MAX_QUERIES_PER_CALLER + MAX_QUEUED_PER_CALLER)
        ]
        await settle()
        with pytest.raises(OverloadedError, match="MAX_QUEUED_PER_CALLER"):
            await slots.acquire("a")
        await slots.acquire("b")
        await slots.acquire("b")
        tasks += [
            asyncio.create_task(slots.acquire(f"c{n}")) for n in range(MAX_QUEUED_QUERIES - slots.waiting)
        ]
        await settle()
        with pytest.raises(OverloadedError, match="MAX_QUEUED_QUERIES"):
            await slots.acquire("d")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())


def test_a_place_that_comes_as_its_waiter_gives_up_is_not_lost() -> None:
    async def run() -> None:
        slots = FairSlots()
        for _ in range(MAX_QUERIES_PER_CALLER):
            await slots.acquire("a")
        waiting = asyncio.create_task(slots.acquire("a"))
        await settle()
        slots.release("a")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert (slots.running, slots.waiting) == (MAX_QUERIES_PER_CALLER - 1, 0)

    asyncio.run(run())
