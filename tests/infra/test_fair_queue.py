"""Whose turn it is: so many at once, each person as often as any other, and none is lost."""

import asyncio
from uuid import UUID, uuid4

import pytest

from tg_assistant.errors import LimitReached, Unavailable
from tg_assistant.infra.fair_queue import FairQueue

ANNA, MAX = UUID(int=1), UUID(int=2)


async def served(queue: FairQueue, person: UUID, order: list[UUID]) -> None:
    async with queue.turn(person):
        order.append(person)
        await asyncio.sleep(0)


async def test_one_persons_many_wait_behind_another():
    """Max asks once while Anna asks six times: he is second, not seventh."""
    queue, order = FairQueue(1), list[UUID]()
    await asyncio.gather(*(served(queue, person, order) for person in [ANNA] * 6 + [MAX]))
    assert len(order) == 7 and order.index(MAX) <= 2


async def test_no_more_than_so_many_at_once():
    """Two are at work, the others wait, all come to an end."""
    queue, now, most = FairQueue(2), 0, 0

    async def work() -> None:
        nonlocal now, most
        async with queue.turn(uuid4()):
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.001)
            now -= 1

    await asyncio.gather(*(work() for _ in range(50)))
    assert (most, now) == (2, 0)


async def test_who_gives_up_or_fails_takes_no_turn_along():
    """Cancelled while waiting, cancelled as the turn comes, failed at work: the next one is served."""
    queue, order = FairQueue(1), list[UUID]()
    async with queue.turn(ANNA):
        waiting = [asyncio.create_task(served(queue, person, order)) for person in (ANNA, MAX, MAX)]
        await asyncio.sleep(0)
        waiting[0].cancel()
    waiting[1].cancel()  # its turn has just been given to it
    await asyncio.gather(*waiting, return_exceptions=True)
    with pytest.raises(ZeroDivisionError):
        async with queue.turn(ANNA):
            raise ZeroDivisionError
    await served(queue, ANNA, order)
    assert order == [MAX, ANNA]


async def test_there_is_room_for_so_many():
    """A person's ninth is refused as theirs; when all is full, everybody's, in other words."""
    queue = FairQueue(1, per_person=2, in_all=3)
    async with queue.turn(ANNA), asyncio.TaskGroup() as group:
        waiting = group.create_task(served(queue, ANNA, []))
        await asyncio.sleep(0)
        with pytest.raises(LimitReached, match="at_once"):
            queue.check_room(ANNA)
        queue.check_room(MAX)
        other = group.create_task(served(queue, MAX, []))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="busy"):
            queue.check_room(uuid4())
        waiting.cancel()
        other.cancel()
    queue.check_room(ANNA)
    assert not queue._here
