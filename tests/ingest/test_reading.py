"""Channels are read from a local Telegram by real Telethon: nothing missing, nothing twice, nothing stale."""

import asyncio
import random

import pytest
from sqlmodel import select

from ingest import convert, history_pages, job_worker
from sandbox.control import Sandbox
from sandbox.faults import flood_wait
from tests.followed import open_tasks
from tests.ingest.conftest import Ingest, member
from tests.ingest.reading import Side, connect, eventually, fill, follow, listed, make_channel
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import backfill, channels, dialogs
from tg_assistant.errors import Invalid, NotFound
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Notification, Post, Tenant
from tg_assistant.settings.groups import Settings


@pytest.fixture
def ingest_settings(ingest_settings: Settings) -> Settings:
    """No pause between pages: the local Telegram is patient."""
    telegram = ingest_settings.telegram.model_copy(update={"history_pause": 0.0})
    return ingest_settings.model_copy(update={"telegram": telegram})


@pytest.fixture
async def connected(ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor) -> Actor:
    """Anna with her account connected; the ingest that did it has stopped again."""
    async with ingest.running():
        await connect(ingest_rt, sandbox, anna, "anna")
    return anna


async def test_a_channel_of_the_own_list_arrives_whole(ingest_rt, sandbox, ingest, connected, monkeypatch):
    """Chosen from the account's list: all posts, links, albums and forwards; progress ends finished."""
    monkeypatch.setattr(dialogs, "REFRESH_SECONDS", 0)
    side = make_channel(ingest_rt, sandbox, "City Life", ["anna"], posts=230)
    source = make_channel(ingest_rt, sandbox, "The Source", [], posts=3)
    album = [sandbox.channels.publish(side.telegram, t, album="a", photo=True) for t in ("One", "Two")]
    forward = {"channel_id": source.telegram.id, "post_id": 2, "date": 1}
    told = sandbox.channels.publish(side.telegram, "See https://example.org/x too", forward=forward)
    sandbox.world.commit()
    async with ingest.running():
        mine = await listed(ingest_rt, connected)
        assert mine[side.telegram.id].title == "City Life"
        assert source.telegram.id not in mine
        added = await channels.add(ingest_rt, connected, telegram_id=side.telegram.id)
        await side.arrives()

        async def finished() -> bool:
            async with ingest_rt.db.transaction(connected.tenant) as db:
                return (await channels.list_(db, connected))[0].progress.finished

        await eventually(finished, "the progress says finished")
    assert added.channel is not None
    async with ingest_rt.db.transaction(connected.tenant) as db:
        query = select(Post).where(Post.channel_id == added.channel.id)
        rows = {row.message_id: row for row in await db.exec(query)}
        progress = await channels.progress(db, connected, added.channel.id)
    assert (progress.known_low, progress.gaps, progress.last_error) == (1, 0, None)
    assert rows[told.id].forward_title == "The Source"
    assert (rows[told.id].forward_channel, rows[told.id].forward_message) == (source.telegram.id, 2)
    assert rows[told.id].links == ["https://example.org/x"]
    pair = [rows[post.id] for post in album]
    assert pair[0].album_id == pair[1].album_id is not None
    assert [row.media for row in pair] == ["photo", "photo"]


async def test_an_index_far_behind_slows_old_history_and_nothing_else(
    ingest_rt, sandbox, ingest, connected, monkeypatch
):
    """Nothing is indexed here: history stops, while live posts and a new channel's newest page arrive."""
    monkeypatch.setattr(backfill, "INDEX_BEHIND", 150)
    monkeypatch.setattr(job_worker, "SWEEP_SECONDS", 1.0)
    old = make_channel(ingest_rt, sandbox, "Long History", ["anna"], posts=500)
    new = make_channel(ingest_rt, sandbox, "Followed Later", ["anna"], posts=300)
    newest = set(sorted(new.served())[-100:])
    async with ingest.running():
        await follow(ingest_rt, connected, old)

        async def stopped() -> bool:
            return len(await old.ours()) > 150 and not await open_history(ingest_rt, connected)

        await eventually(stopped, "history waits")
        assert 150 < len(await old.ours()) < 500
        await follow(ingest_rt, connected, new)
        [live] = old.publish("Live, however far the index is behind")

        async def arrived() -> bool:
            return live.id in await old.ours() and newest <= set(await new.ours())

        await eventually(arrived, "what is new arrives")
        assert len(await old.ours()) < 500 and len(await new.ours()) < 300
        monkeypatch.setattr(backfill, "INDEX_BEHIND", 10_000)  # as if the index had caught up
        await old.arrives()
        await new.arrives()


async def open_history(rt: Runtime, actor: Actor) -> int:
    """How many pages of history are still to be read."""
    async with rt.db.transaction(actor.tenant) as db:
        return len(await open_tasks(db, await db.get_one(Tenant, actor.tenant)))


async def test_names_are_resolved_and_all_but_channels_refused(ingest_rt, sandbox, ingest, connected):
    """A public channel by its name; a group, a person, a bot and an unknown name in words."""
    side = make_channel(ingest_rt, sandbox, "Far Away", [], posts=30)
    sandbox.channels.create("A Group", username="some_group", megagroup=True)
    person = next(p.username for p in sandbox.world.people.by_id.values() if p.username)
    sandbox.world.commit()
    async with ingest.running():
        await follow(ingest_rt, connected, side)
        await side.arrives()
        for name, code in (
            ("some_group", "channels.group"),
            (person, "channels.user"),
            (sandbox.install["bot_username"], "channels.bot"),
        ):
            with pytest.raises(Invalid) as refused:
                await channels.add(ingest_rt, connected, username=name)
            assert refused.value.code == code
        with pytest.raises(NotFound, match=r"channels\.unknown"):
            await channels.add(ingest_rt, connected, username="nobody_has_this_name")


async def test_a_private_group_is_refused_by_what_it_is(ingest_rt, sandbox, ingest, connected, monkeypatch):
    """Its link looks like a private channel's; the account's list of chats knows it for a group."""
    monkeypatch.setattr(dialogs, "REFRESH_SECONDS", 0)
    anna = sandbox.world.people.get("anna").id
    group = sandbox.channels.create("Our Group", private=True, megagroup=True, members=[anna])
    post = sandbox.channels.publish(group, "Between us")
    sandbox.world.commit()
    async with ingest.running():
        await listed(ingest_rt, connected)
        for link in (f"https://t.me/c/{group.id}/{post.id}", f"-100{group.id}"):
            with pytest.raises(Invalid, match=r"channels\.private_group"):
                await channels.add(ingest_rt, connected, link=link)
        with pytest.raises(NotFound, match=r"channels\.not_in_your_list"):
            await channels.add(ingest_rt, connected, link="https://t.me/c/424242424242/1")


async def test_live_posts_edits_and_deletions_arrive(ingest_rt, sandbox, ingest, connected):
    """What happens while we listen is here within seconds."""
    side = make_channel(ingest_rt, sandbox, "Live", ["anna"], posts=20)
    async with ingest.running():
        await follow(ingest_rt, connected, side)
        await side.arrives()
        await asyncio.sleep(2)  # until the reader has looked
        first, second, third = side.publish("Breaking", "News", "Rumour")
        await side.arrives()
        side.edit(second.id, "News, corrected")
        side.delete(third.id, 3)
        await side.arrives()
        side.publish("One more")
        await side.arrives()
    assert (await side.ours())[first.id] == "Breaking"
    assert await side.gaps() == []


async def test_what_happened_while_offline_is_put_right(ingest_rt, sandbox, ingest, connected):
    """New, edited and deleted while nothing ran, near the top and far from it."""
    side = make_channel(ingest_rt, sandbox, "Offline", ["anna"], posts=400)
    async with ingest.running():
        await follow(ingest_rt, connected, side)
        await side.arrives()
    side.publish(*(f"Meanwhile {n}" for n in range(150)))
    side.edit(399, "Edited meanwhile")
    side.delete(396, 397)
    async with ingest.running():
        await side.arrives()
    assert await side.gaps() == []


async def test_a_channel_that_lost_its_name_is_private_from_then_on(ingest_rt, sandbox, ingest, connected):
    """History itself tells that a public channel was made private: strangers read no more of it."""
    side = make_channel(ingest_rt, sandbox, "Open House", ["anna"], posts=5)
    async with ingest.running():
        await follow(ingest_rt, connected, side)
        await side.arrives()
    sandbox.channels.set_private(side.telegram, True)
    sandbox.world.commit()

    async def private() -> bool:
        async with ingest_rt.db.transaction(connected.tenant) as db:
            return (await channels.list_(db, connected))[0].channel.private

    assert not await private()
    async with ingest.running():
        await eventually(private, "the channel known as private")


@pytest.mark.timeout(600)
async def test_a_gap_too_long_for_updates_is_filled_from_history(ingest_rt, sandbox, ingest, connected):
    """5,000 posts while the connection was away: Telethon delivers none of them, and none is missing."""
    side = make_channel(ingest_rt, sandbox, "Flood of News", ["anna"], posts=50)
    async with ingest.running():
        await follow(ingest_rt, connected, side)
        await side.arrives()
        await asyncio.sleep(2)
        side.publish("The last one before the gap")
        await side.arrives()
        await sandbox.unreachable()
        fill(sandbox, side.telegram, 5_000)
        sandbox.too_long(side.telegram.id)
        await sandbox.reachable()
        side.publish("The first one after the gap")
        await side.arrives(400)  # seconds a busy machine may take over 5,000 posts
    assert len(await side.ours()) > 4_500


async def test_ingest_killed_at_any_page_goes_on_where_it_was(ingest_rt, sandbox, ingest, connected):
    """Cancelled again and again in the middle of a backfill: each start goes on, no post missing or twice."""
    side = make_channel(ingest_rt, sandbox, "Long Story", ["anna"], posts=2_500)
    chance = random.Random(7)
    async with ingest.running():
        await follow(ingest_rt, connected, side)
    seen = []
    for _ in range(5):
        async with ingest.running():
            await asyncio.sleep(chance.uniform(0.3, 1.5))
        seen.append(len(await side.ours()))
    async with ingest.running():
        await side.arrives()
    assert seen == sorted(seen)
    assert await side.gaps() == []


async def test_a_flood_wait_is_waited_out(ingest_rt, sandbox, ingest, connected):
    """No call comes early (the sandbox would record it), and the backfill goes on afterwards."""
    side = make_channel(ingest_rt, sandbox, "Patience", ["anna"], posts=150)
    sandbox.fail("messages.getHistory", flood_wait(8), times=1)
    async with ingest.running():
        await follow(ingest_rt, connected, side)
        await asyncio.sleep(1)
        assert await side.ours() == {}
        await side.arrives()


async def test_a_channel_made_private_is_hidden_from_who_is_not_in_it(
    ingest_rt: Runtime,
    sandbox: Sandbox,
    ingest: Ingest,
    tenant: Tenant,
    connected: Actor,
    monkeypatch: pytest.MonkeyPatch,
):
    """Anna is thrown out: nothing of it is hers to read any more, and she is told; Max reads on."""
    monkeypatch.setattr(dialogs, "REFRESH_SECONDS", 0)
    max_ = await member(ingest_rt, sandbox, tenant, "max")
    side = make_channel(ingest_rt, sandbox, "Inner Circle", ["anna", "max"], posts=30, private=True)
    async with ingest.running():
        await connect(ingest_rt, sandbox, max_, "max")
        for actor in (connected, max_):
            await listed(ingest_rt, actor)
            await follow(ingest_rt, actor, side)
        await side.arrives()
        await asyncio.sleep(2)
        sandbox.channels.leave(side.telegram, sandbox.world.people.get("anna"))
        sandbox.world.commit()

        async def hidden() -> bool:
            async with ingest_rt.db.transaction(tenant.id) as db:
                return await channels.readable_ids(db, connected) == []

        await eventually(hidden, "hidden from Anna")
        side.publish("For members only")
        await side.arrives()
    async with ingest_rt.db.transaction(tenant.id) as db:
        assert len(await channels.readable_ids(db, max_)) == 1
        told = (await db.exec(select(Notification).where(Notification.code == "channels.access_lost"))).all()
    assert [note.user_id for note in told] == [connected.user_id]


async def test_who_paused_a_private_channel_is_found_out_of_it(
    ingest_rt, sandbox, ingest, connected, tenant, monkeypatch
):
    """Anna has paused it when she is thrown out: what Max's account goes on reading is hidden from her.

    Before that nothing new is read by her account, though it asks whether it may.
    """
    monkeypatch.setattr(dialogs, "REFRESH_SECONDS", 0)
    max_ = await member(ingest_rt, sandbox, tenant, "max")
    side = make_channel(ingest_rt, sandbox, "Quiet Circle", ["anna", "max"], posts=5, private=True)
    async with ingest.running():
        await connect(ingest_rt, sandbox, max_, "max")
        for actor in (connected, max_):
            await listed(ingest_rt, actor)
            await follow(ingest_rt, actor, side)
        await side.arrives()
        async with ingest_rt.db.transaction(tenant.id) as db:
            own = (await channels.list_(db, connected))[-1].channel
            await channels.pause(db, connected, own.id, True)

        async def hidden() -> bool:
            async with ingest_rt.db.transaction(tenant.id) as db:
                return own.id not in await channels.readable_ids(db, connected)

        assert not await hidden()
        sandbox.channels.leave(side.telegram, sandbox.world.people.get("anna"))
        sandbox.world.commit()
        await eventually(hidden, "hidden from Anna, though she has paused it")
        side.publish("For members only")
        await side.arrives()
    async with ingest_rt.db.transaction(tenant.id) as db:
        assert own.id in await channels.readable_ids(db, max_)


async def test_one_strange_message_stops_nothing(ingest_rt, sandbox, ingest, connected, monkeypatch):
    """A message that breaks the conversion is kept with its text; the hundred around it arrive."""
    side: Side = make_channel(ingest_rt, sandbox, "Strange", ["anna"], posts=120)
    understood = convert.post

    def picky(message, titles):
        if message.id == 77:
            raise ValueError("what is this")
        return understood(message, titles)

    monkeypatch.setattr(history_pages.convert, "post", picky)
    async with ingest.running():
        await follow(ingest_rt, connected, side)

        await side.arrives()
    assert (await side.ours())[77] == side.served()[77]


async def test_a_nul_stops_no_channel(ingest_rt, sandbox, ingest, connected):
    """In a title, in its history, in a live post and in an edit: what comes after it arrives, too."""
    side = make_channel(ingest_rt, sandbox, "Zero", ["anna"], posts=5)
    side.telegram.title = "Ze\0ro"
    [old] = side.publish("old \0 post")

    async def like_theirs() -> bool:
        return await side.ours() == {id_: text.replace("\0", "\ufffd") for id_, text in side.served().items()}

    async with ingest.running():
        channel = await follow(ingest_rt, connected, side)
        await eventually(like_theirs, "the history")
        side.edit(old.id, "edited \0 post")
        side.publish("live \0 post", "after it")
        await eventually(like_theirs, "live posts")
    assert channel.title == "Ze\ufffdro"
