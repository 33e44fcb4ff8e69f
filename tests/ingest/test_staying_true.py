"""What we hold stays what Telegram shows: nothing stale, nothing erased by an answer that was a mistake."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlmodel import select, update

from ingest import live_updates, missing, positions, reconciler, watchlist
from sandbox.control import Sandbox
from sandbox.faults import flood_wait
from tests.corpus import a_channel
from tests.ingest.conftest import Ingest
from tests.ingest.reading import Side, connect, eventually, follow, make_channel
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import backfill, comparisons, known_ranges
from tg_assistant.core.posts import freshness, ingestion
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import AuditEvent, Channel, Comparison, Post, Subscription
from tg_assistant.settings.groups import Settings

SOON = 45.0  # seconds on a busy machine; the clocks of the history are much slower


@pytest.fixture
def ingest_settings(ingest_settings: Settings) -> Settings:
    """No pause between pages: the local Telegram is patient."""
    telegram = ingest_settings.telegram.model_copy(update={"history_pause": 0.0})
    return ingest_settings.model_copy(update={"telegram": telegram})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short pause between two pages."""
    monkeypatch.setattr(reconciler, "PAUSE", 0.05)
    monkeypatch.setattr(reconciler, "URGENT_PAUSE", 0.05)


@pytest.fixture
async def connected(ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor) -> Actor:
    async with ingest.running():
        await connect(ingest_rt, sandbox, anna, "anna")
    return anna


async def state_of(rt: Runtime, channel: Channel) -> Comparison | None:
    async with rt.db.transaction() as db:
        return (await comparisons.of(db, [channel.id])).get(channel.id)


async def newest_at(rt: Runtime, channel: Channel) -> datetime:
    state = await state_of(rt, channel)
    assert state is not None and state.newest_at is not None
    return state.newest_at


async def followed(rt: Runtime, actor: Actor, side: Side) -> Channel:
    """Followed, read whole and compared once, so that for minutes no clock asks for its history again."""
    channel = await follow(rt, actor, side)
    await side.arrives()

    async def compared() -> bool:
        state = await state_of(rt, channel)
        return state is not None and state.newest_at is not None

    await eventually(compared, "compared once")
    await asyncio.sleep(1)  # pages under way
    return channel


async def recorded(rt: Runtime, action: str) -> list[AuditEvent]:
    async with rt.db.transaction() as db:
        return list((await db.exec(select(AuditEvent).where(AuditEvent.action == action))).all())


async def row(rt: Runtime, channel: Channel, message_id: int) -> Post:
    query = select(Post).where(Post.channel_id == channel.id, Post.message_id == message_id)
    async with rt.db.transaction() as db:
        return (await db.exec(query)).one()


async def test_edits_and_deletions_of_a_difference_count(ingest_rt, sandbox, ingest, connected):
    """Lost as pushes, they come with the difference that the next post asks for, however deep they are."""
    side = make_channel(ingest_rt, sandbox, "Stumbling", ["anna"], posts=150)
    async with ingest.running():
        await followed(ingest_rt, connected, side)
        sandbox.lose_pushes(4)
        side.edit(12, "Edited in the gap")
        side.delete(13, 14)
        side.publish("Lost on its way")
        side.edit(15, "Edited in the gap, too")
        side.publish("It shows the gap")
        await side.arrives(SOON)


async def test_silence_is_noticed_without_another_update(ingest_rt, sandbox, ingest, connected, monkeypatch):
    """Nothing follows what was lost: Telegram is asked how far the channel has got."""
    monkeypatch.setattr(positions, "SECONDS", 2.0)
    side = make_channel(ingest_rt, sandbox, "Silence", ["anna"], posts=150)
    async with ingest.running():
        channel = await followed(ingest_rt, connected, side)
        before = await newest_at(ingest_rt, channel)
        sandbox.lose_pushes(2)
        side.edit(12, "Edited unheard")
        side.delete(13)
        await side.arrives(SOON)

        async def vouched() -> bool:
            return await newest_at(ingest_rt, channel) > before

        await eventually(vouched, "nothing changed since: as good as compared", SOON)


async def test_a_public_channel_nobody_joined_is_as_fresh(ingest_rt, sandbox, ingest, connected, monkeypatch):
    """Telegram pushes nothing of it at all; the same question finds its edits and deletions."""
    monkeypatch.setattr(positions, "SECONDS", 2.0)
    side = make_channel(ingest_rt, sandbox, "From Afar", [], posts=150)
    async with ingest.running():
        await followed(ingest_rt, connected, side)
        side.edit(12, "Edited afar")
        side.delete(13)
        side.publish("New afar")
        await side.arrives(SOON)


async def test_a_refused_difference_is_asked_for_again(ingest_rt, sandbox, ingest, connected):
    """FLOOD_WAIT: not early (the sandbox would record it), and nothing is lost when the wait has passed."""
    side = make_channel(ingest_rt, sandbox, "Refused", ["anna"], posts=150)
    async with ingest.running():
        await followed(ingest_rt, connected, side)
        sandbox.fail("updates.getChannelDifference", flood_wait(6))
        sandbox.lose_pushes(2)
        side.edit(12, "Edited in the gap")
        side.delete(13)
        side.publish("It shows the gap")
        await asyncio.sleep(3)
        assert not await side.same()
        await side.arrives(SOON)


async def test_what_could_not_be_saved_is_sent_again(ingest_rt, sandbox, ingest, connected, monkeypatch):
    """The database fails while an edit and a deletion are saved: Telegram is asked for both once more."""
    monkeypatch.setattr("ingest.reader.KEEP_SECONDS", 1.0)
    monkeypatch.setattr("ingest.update_state.RETRY_SECONDS", 1.0)
    side = make_channel(ingest_rt, sandbox, "Outage", ["anna"], posts=150)
    async with ingest.running():
        await followed(ingest_rt, connected, side)
        side.publish("Its position is known")
        await side.arrives()
        await asyncio.sleep(4)  # until it has been stored

        with pytest.MonkeyPatch.context() as outage:

            def fail(*args: object) -> None:
                raise OSError("no database")

            outage.setattr(live_updates.backfill, "followed", fail)
            side.edit(12, "Edited in the outage")
            side.delete(13)
            await asyncio.sleep(0.5)
        await side.arrives(SOON)


async def test_a_busy_channel_is_compared_all_the_same(ingest_rt, sandbox, ingest, connected, monkeypatch):
    """Updates put no look off: what changed without any sign is found while posts keep coming."""
    monkeypatch.setattr(watchlist, "NEWEST_SECONDS", 3.0)
    side = make_channel(ingest_rt, sandbox, "Ticker Tape", ["anna"], posts=150)
    async with ingest.running():
        channel = await followed(ingest_rt, connected, side)
        old = sandbox.channels.posts[side.telegram.id]
        old[12].text, side.telegram.title = "Changed without a sign", "Renamed"

        async def found() -> bool:
            side.publish("And another one")
            async with ingest_rt.db.transaction() as db:
                title = (await db.get_one(Channel, channel.id)).title
            return title == "Renamed" and (await side.ours())[12] == "Changed without a sign"

        await eventually(found, "the silent change found", SOON)


async def test_old_posts_are_compared_in_turn(ingest_rt, sandbox, ingest, connected, monkeypatch):
    """Below the newest posts a pass goes down page by page, and goes on after a restart."""
    monkeypatch.setattr(watchlist, "NEWEST_PAGES", 1)
    side = make_channel(ingest_rt, sandbox, "Deep", ["anna"], posts=500)
    async with ingest.running():
        channel = await followed(ingest_rt, connected, side)

        async def begun() -> bool:
            state = await state_of(ingest_rt, channel)
            return bool(state and state.older_below)

        await eventually(begun, "the first older page")
    before = await state_of(ingest_rt, channel)
    sandbox.channels.posts[side.telegram.id][12].text = "Changed without a sign"
    monkeypatch.setattr(watchlist, "OLDER_SECONDS", 6.0)
    monkeypatch.setattr(watchlist, "_OLDER_PAUSES", (0.2, 0.1))
    async with ingest.running():
        await side.arrives(SOON)

        async def ended() -> bool:
            state = await state_of(ingest_rt, channel)
            return state is not None and state.older_before is not None

        await eventually(ended, "the pass ended", SOON)
    after = await state_of(ingest_rt, channel)
    assert before and after and before.older_below
    assert after.older_before == before.older_since  # the pass that the first process began


async def test_a_reaction_is_no_edit_and_reads_no_history(ingest_rt, sandbox, ingest, connected, monkeypatch):
    """Neither an edited_at nor a new range, also for a post older than what the plan stores."""

    async def depth(*_: object) -> int:
        return 100

    monkeypatch.setattr(backfill, "depth", depth)
    monkeypatch.setattr(watchlist, "NEWEST_SECONDS", 3.0)
    side = make_channel(ingest_rt, sandbox, "Popular", ["anna"], posts=350)
    async with ingest.running():
        channel = await follow(ingest_rt, connected, side)

        async def compared() -> bool:
            return await state_of(ingest_rt, channel) is not None

        await eventually(compared, "compared once")
        held = min(await side.ours())
        sandbox.channels.react(side.telegram, 5)
        sandbox.channels.react(side.telegram, 331)
        side.edit(6, "Edited, and too old")
        side.edit(332, "Edited after them")

        async def edited() -> bool:
            return (await side.ours())[332] == "Edited after them"

        await eventually(edited, "the edit after the reactions", SOON)
        await asyncio.sleep(5)  # the newest are compared once more
    async with ingest_rt.db.transaction() as db:
        assert (await known_ranges.of(db, channel.id))[0].low == min(await side.ours()) == held > 200
    assert (await row(ingest_rt, channel, 331)).edited_at is None
    assert (await row(ingest_rt, channel, 332)).edited_at is not None


@pytest.mark.parametrize("keep", [0, 7])
async def test_an_empty_or_short_answer_erases_nothing(
    ingest_rt, sandbox, ingest, connected, monkeypatch, keep
):
    """Asked by id Telegram shows the posts: none is hidden, and nobody is alarmed."""
    monkeypatch.setattr(watchlist, "NEWEST_SECONDS", 2.0)
    side = make_channel(ingest_rt, sandbox, "Hiccup", ["anna"], posts=150)
    async with ingest.running():
        await followed(ingest_rt, connected, side)
        held = await side.ours()
        sandbox.cut("messages.getHistory", keep=keep, times=20)

        async def over() -> bool:
            assert await side.ours() == held
            return not sandbox.faults.cuts

        await eventually(over, "twenty such answers", SOON)
        assert await side.ours() == held
    assert await recorded(ingest_rt, "channel.posts_missing") == []


@pytest.mark.parametrize("keep", [0, 30])
async def test_backfill_believes_no_empty_or_short_answer(ingest_rt, sandbox, ingest, connected, keep):
    """The gap that it seems to close stays open until the posts are there."""
    side = make_channel(ingest_rt, sandbox, "Beginnings", ["anna"], posts=350)
    sandbox.cut("messages.getHistory", keep=keep, times=2)
    async with ingest.running():
        await follow(ingest_rt, connected, side)
        await side.arrives()
    assert await side.gaps() == []


async def test_many_missing_posts_need_a_second_look(ingest_rt, sandbox, ingest, connected, monkeypatch):
    """A channel cleared unheard: hidden after the second look, and admins read both times of it."""
    monkeypatch.setattr(watchlist, "NEWEST_SECONDS", 2.0)
    monkeypatch.setattr(missing, "CONFIRM_SECONDS", 8.0)
    side = make_channel(ingest_rt, sandbox, "Cleared", ["anna"], posts=350)
    async with ingest.running():
        await followed(ingest_rt, connected, side)
        held = await side.ours()
        _silently(sandbox, side, lambda: sandbox.channels.clear(side.telegram))

        async def noticed() -> bool:
            return bool(await recorded(ingest_rt, "channel.posts_missing"))

        await eventually(noticed, "the first look", SOON)
        assert await side.ours() == held
        await side.arrives(SOON)
    told = await recorded(ingest_rt, "channel.posts_deleted")
    assert sum(each.detail["posts"] for each in told) == len(held)


async def test_few_missing_posts_are_deleted_at_once(ingest_rt, sandbox, ingest, connected, monkeypatch):
    """An ordinary retraction that was missed waits for no second look."""
    monkeypatch.setattr(watchlist, "NEWEST_SECONDS", 2.0)
    side = make_channel(ingest_rt, sandbox, "Retraction", ["anna"], posts=150)
    async with ingest.running():
        await followed(ingest_rt, connected, side)
        _silently(sandbox, side, lambda: side.delete(12, 13))
        await side.arrives(SOON)
    assert await recorded(ingest_rt, "channel.posts_missing") == []


def _silently(sandbox: Sandbox, side: Side, change: Callable[[], object]) -> None:
    """It leaves no trace in updates and differences, as after "too long"."""
    sandbox.lose_pushes(1_000)
    pts, events = side.telegram.pts, len(sandbox.channels.events[side.telegram.id])
    change()
    sandbox.lose_pushes(0)
    side.telegram.pts = pts
    del sandbox.channels.events[side.telegram.id][events:]


async def test_what_was_hidden_by_mistake_comes_back(ingest_rt, sandbox, ingest, connected, monkeypatch):
    """Telegram shows it when it is compared: the deletion was none."""
    monkeypatch.setattr(watchlist, "NEWEST_SECONDS", 2.0)
    monkeypatch.setattr(ingestion, "REVIVE_AFTER", timedelta(seconds=1))
    side = make_channel(ingest_rt, sandbox, "Return", ["anna"], posts=150)
    async with ingest.running():
        channel = await followed(ingest_rt, connected, side)
        async with ingest_rt.db.transaction() as db:
            assert await ingestion.mark_deleted(db, channel.id, [12, 13]) == 2
        await side.arrives(SOON)
    assert await recorded(ingest_rt, "channel.posts_missing") == []


async def test_what_is_to_be_quoted_is_asked_for_when_it_is_too_old(ingest_rt, sandbox, ingest, connected):
    """Fresh posts cost no request; of stale ones the account asks, and what changed is known in time."""
    side = make_channel(ingest_rt, sandbox, "Quoted", ["anna"], posts=150)
    async with ingest.running():
        channel = await followed(ingest_rt, connected, side)
        ids = [(await row(ingest_rt, channel, id_)).id for id_ in (12, 13, 14)]
        fresh = await freshness.check(ingest_rt, connected, ids)
        assert (fresh.anew, fresh.changed) == (frozenset(), False)
        _silently(sandbox, side, lambda: (side.edit(12, "Corrected"), side.delete(13)))
        an_hour_ago = ingest_rt.clock.now() - timedelta(hours=1)
        async with ingest_rt.db.transaction() as db:
            await comparisons.keep(db, channel, newest_at=an_hour_ago)
            await db.exec(update(Post).values(saved_at=an_hour_ago))
        stale = await freshness.check(ingest_rt, connected, ids)
        ours = await side.ours()
        again = await freshness.check(ingest_rt, connected, ids)
    assert fresh.at.keys() == stale.at.keys() == set(ids)
    assert (stale.anew, stale.changed) == (frozenset(ids), True)
    assert ours[12] == "Corrected" and 13 not in ours
    assert again.at.keys() == {ids[0], ids[2]} and not again.changed


async def test_without_an_account_the_time_of_the_last_comparison_is_told(ingest_rt, anna, tenant):
    """Nobody to ask: no error, no wait, and a stranger's posts are left out."""
    public = await a_channel(ingest_rt, tenant, {1: "one"})
    hers = await a_channel(ingest_rt, tenant, {1: "two"}, number=2)
    old = ingest_rt.clock.now() - timedelta(days=2)
    async with ingest_rt.db.transaction(tenant.id) as db:
        db.add(Subscription(user_id=anna.user_id, channel_id=hers.id, tenant_id=tenant.id))
        await db.exec(update(Post).values(saved_at=old))
    ids = [(await row(ingest_rt, channel, 1)).id for channel in (public, hers)]
    checked = await freshness.check(ingest_rt, anna, ids)
    assert (checked.at, checked.anew) == ({ids[1]: old}, frozenset())
