"""Progress costs the same number of statements however many channels there are, and is that of each one."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import event
from sqlmodel import select

from tests.corpus import a_channel, a_reader, a_tenant, incoming_post
from tests.followed import account, follow, found
from tg_assistant.core.channels import channels
from tg_assistant.core.posts import ingestion
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import MAX_INDEX_ATTEMPTS, Channel, ChannelRange, Membership, Post


@contextmanager
def statements(rt: Runtime) -> Iterator[list[str]]:
    """What PostgreSQL was asked meanwhile."""
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        seen.append(statement)

    engine = rt.db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def reads(seen: list[str]) -> list[str]:
    """Of tables of ours: not the roles and settings around them."""
    return [statement for statement in seen if "FROM channels" in statement]


async def test_twenty_channels_cost_no_more_statements_than_one(rt):
    """One statement reads the list, one the progress of all; a page that only counts asks nothing else."""
    where = await a_tenant(rt)
    follows = [(await a_channel(rt, where, ["One post"], number=n)).id for n in range(1, 21)]
    one = await a_reader(rt, where, 7601, follows[:1])
    many = await a_reader(rt, where, 7602, follows)
    counts = []
    for reader, expected in ((one, 1), (many, 20)):
        async with rt.db.transaction(where.id) as db:
            with statements(rt) as seen:
                followed = await channels.list_(db, reader)
            assert [each.progress.done for each in followed] == [1] * expected
            counts.append(len(reads(seen)))
            with statements(rt) as seen:
                assert await channels.count(db, reader) == expected
                assert len(await channels.telegram_ids(db, reader)) == expected
            assert len(reads(seen)) == 2
    assert counts == [2, 2]


async def membership_of(db, actor):
    return (await db.exec(select(Membership).where(Membership.user_id == actor.user_id))).one()


async def test_each_channel_has_its_own_ranges_gaps_and_depth(rt):
    """What was read of one channel, and the plans of its followers, are not told of another."""
    where = await a_tenant(rt)
    near = await a_channel(rt, where, ["One", "Two"], number=31)
    far = await a_channel(rt, where, {900: "Nine hundred"}, number=32)
    anna = await a_reader(rt, where, 7603, [near.id, far.id])
    max_ = await a_reader(rt, where, 7604, [far.id])
    async with rt.db.transaction(where.id) as db:
        for channel, spans, top in ((near, [(1, 2)], 2), (far, [(100, 200), (900, 900)], 100_000)):
            stored = await db.get_one(Channel, channel.id)
            stored.top_message_id = top
            db.add(stored)
            for low, high in spans:
                db.add(ChannelRange(channel_id=channel.id, tenant_id=where.id, low=low, high=high))
        ends = rt.clock.now() + timedelta(days=1)
        for actor, plan, until in ((anna, "unlimited", ends - timedelta(days=2)), (max_, "plus", ends)):
            membership = await membership_of(db, actor)
            membership.plan, membership.plan_expires_at = plan, until
            db.add(membership)
    async with rt.db.transaction(where.id) as db:
        told = {each.channel.id: each.progress for each in await channels.list_(db, anna)}
    assert (told[near.id].known_low, told[near.id].known_high, told[near.id].gaps) == (1, 2, 0)
    assert (told[far.id].known_low, told[far.id].known_high, told[far.id].gaps) == (100, 900, 2)
    assert (told[near.id].done, told[far.id].done) == (2, 1)
    assert told[far.id].total_estimate == 980  # 100,000 ids at one post in 102


async def test_the_depth_is_that_of_the_best_plan_that_still_holds(rt):
    """An expired plan counts as the free one; with nobody's plan there is none."""
    where = await a_tenant(rt)
    channel = await a_channel(rt, where, {n: f"Post {n}" for n in range(1, 4)}, number=41)
    anna = await a_reader(rt, where, 7605, [channel.id])
    async with rt.db.transaction(where.id) as db:
        stored = await db.get_one(Channel, channel.id)
        stored.top_message_id = 90_000
        db.add_all([stored, ChannelRange(channel_id=channel.id, tenant_id=where.id, low=1, high=3)])
    for plan, days, depth in (("free", None, 10_000), ("plus", 1, 50_000), ("plus", -1, 10_000)):
        async with rt.db.transaction(where.id) as db:
            membership = await membership_of(db, anna)
            ends = None if days is None else rt.clock.now() + timedelta(days=days)
            membership.plan, membership.plan_expires_at = plan, ends
            db.add(membership)
        async with rt.db.transaction(where.id) as db:
            assert (await channels.progress(db, anna, channel.id)).total_estimate == depth


async def test_a_private_channel_being_checked_is_not_lost(rt):
    """An old list vouches for it: no error yet; what was switched off for the group says so."""
    where = await a_tenant(rt)
    anna = await a_reader(rt, where, 7606)
    async with rt.db.transaction(where.id) as db:
        await account(db, anna)
        checked = await follow(db, anna, found(private=True, username=None, vouched=False))
        off = await follow(db, anna, found())
        off.paused = True
        db.add(off)
    async with rt.db.transaction(where.id) as db:
        assert (await channels.progress(db, anna, checked.id)).last_error is None
        assert (await channels.progress(db, anna, off.id)).last_error == "channels.switched_off"
        assert await channels.readable_ids(db, anna) == []


async def test_of_a_lost_channel_nothing_is_counted(rt):
    """What is posted there after the loss is told to its readers; who lost it is told of the loss."""
    where = await a_tenant(rt)
    anna, max_ = [await a_reader(rt, where, number) for number in (7607, 7608)]
    async with rt.db.transaction(where.id) as db:
        accounts = [await account(db, reader) for reader in (anna, max_)]
        what = found(private=True, username=None)
        channel, _ = [await follow(db, reader, what) for reader in (anna, max_)]
        await channels.access_lost(db, accounts[0].id, channel.id)
        await ingestion.save_page(db, channel.id, [incoming_post(9, "Only for members.")], [], via="live")
    async with rt.db.transaction(where.id) as db:
        lost, kept = [await channels.progress(db, reader, channel.id) for reader in (anna, max_)]
    assert (kept.done, kept.last_error) == (1, None)
    told = replace(kept, known_low=None, known_high=None, done=0, total_estimate=0, gaps=0, rate=0.0)
    assert lost == replace(told, eta_seconds=None, last_error="channels.access_lost", finished=True)


async def test_a_held_post_does_not_keep_anybody_waiting(rt):
    """It will not be indexed: whoever watches the channel is told so, and the stream ends."""
    where = await a_tenant(rt)
    channel = await a_channel(rt, where, ["One post.", "Another one."])
    anna = await a_reader(rt, where, 7609, [channel.id])
    async with rt.db.transaction(where.id) as db:
        row = await db.get_one(Channel, channel.id)
        row.backfill_done_at, row.top_message_id = rt.clock.now(), 2
        db.add_all([row, ChannelRange(tenant_id=where.id, channel_id=channel.id, low=1, high=2)])
        first, second = await db.exec(select(Post).where(Post.channel_id == channel.id))
        first.index_attempts, second.indexed_generation = MAX_INDEX_ATTEMPTS, 1
        db.add_all([first, second])
    async with asyncio.timeout(20):
        told = [each async for each in channels.watch(rt, anna, channel.id)]
    assert (told[-1].done, told[-1].indexed, told[-1].held) == (2, 1, 1)
