"""One process at a time: the turn passes on when its holder dies or loses PostgreSQL."""

import asyncio
from contextlib import suppress

import pytest
from sqlalchemy import text

from tg_assistant.infra.postgres import advisory_locks
from tg_assistant.infra.postgres.advisory_locks import take_turns


async def cut(rt):
    """End the connection that holds the turn."""
    async with rt.db.transaction() as db:
        holders = (
            "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
            "WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database()"
        )
        await db.exec(text(holders))


async def test_one_at_a_time_and_again_after_the_connection_is_lost(rt, database, monkeypatch):
    """Two take turns; the holder whose connection is cut stops at once, and one of both goes on."""
    monkeypatch.setattr(advisory_locks, "_LOOK_SECONDS", 60)  # a cut connection says so itself
    held: list[str] = []
    ever = 0
    begun = asyncio.Event()

    def worker(name):
        async def work():
            nonlocal ever
            held.append(name)
            ever += 1
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                held.remove(name)

        return asyncio.create_task(take_turns(rt.db.url, "test.turn", work))

    both = [worker("a"), worker("b")]
    async with asyncio.timeout(60):
        await begun.wait()
        begun.clear()
        assert held in (["a"], ["b"])
        await cut(rt)
        async with asyncio.timeout(20):
            await begun.wait()
            while len(held) > 1:  # noqa: ASYNC110 - the end of the first one sets no event
                await asyncio.sleep(0.01)
    assert (len(held), ever) == (1, 2)
    for task in both:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert held == []


async def test_a_holder_alone_comes_back_after_each_lost_connection(rt, database):
    """PostgreSQL restarts now and then: who lost the turn to it takes it again, each time."""
    begun = asyncio.Event()

    async def work():
        begun.set()
        await asyncio.Event().wait()

    holder = asyncio.create_task(take_turns(rt.db.url, "test.alone", work))
    async with asyncio.timeout(60):
        for _ in range(4):
            await begun.wait()
            begun.clear()
            await cut(rt)
        await begun.wait()
    holder.cancel()
    await cut(rt)
    with pytest.raises(asyncio.CancelledError):
        await holder
