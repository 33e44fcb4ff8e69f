"""Whatever happens to a channel, in whatever order, however much is heard: we end with what Telegram has."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlmodel import col, func, select, update
from telethon import events

from ingest import comparison, history_pages, missing, positions, update_state
from ingest.client import new_client
from ingest.context import AccountContext
from ingest.live_updates import UPDATES, Hints
from ingest.watchlist import Watchlist
from sandbox.control import Sandbox
from tests import followed
from tests.ingest.reading import Side, fill
from tests.sandbox.conftest import log_in
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import backfill, following
from tg_assistant.core.channels.following import Found
from tg_assistant.core.posts import ingestion
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, Channel, Post

_numbers = count(1)
SETTLED = 8.0  # seconds, far below Telethon's own 15 minutes

# What happens at Telegram, what of it gets lost, and what we do meanwhile; numbers choose a post
happening = st.one_of(
    st.tuples(st.sampled_from(["publish", "edit", "delete", "react"]), st.integers(0, 40)),
    st.tuples(st.just("lose"), st.integers(1, 4)),
    st.tuples(st.sampled_from(["look", "empty", "rename", "ask", "hear"]), st.integers(0, 40)),
    st.tuples(st.sampled_from(["too_long", "clear", "mistake"]), st.integers(0, 40)),
)
happenings = st.lists(happening, min_size=1, max_size=25)


@pytest.fixture
async def ctx(
    ingest_rt: Runtime, ingest_settings: Any, sandbox: Sandbox, anna: Actor
) -> AsyncIterator[AccountContext]:
    """Anna's account, connected by the product's client; nobody else works for it."""
    async with ingest_rt.db.transaction(anna.tenant) as db:
        account = await followed.account(db, anna)
        await db.exec(update(Account).values(lease_until=func.now() + timedelta(hours=9)))
    client = new_client(ingest_settings, None, left=lambda: 3600.0)
    await client.connect()
    await log_in(sandbox, client, "anna")
    yield AccountContext(ingest_rt, account.id, account.tenant_id, account.user_id, client, 0)
    await client.close()


@dataclass
class Story:
    """One channel's story, told by `happen`; `settle` waits until ours is Telegram's."""

    ctx: AccountContext
    side: Side
    channel: Channel
    watchlist: Watchlist
    exact: bool = True  # all that changed can be heard of, without a look at the history
    seen: missing.Missing = field(default_factory=missing.Missing)

    @property
    def live(self) -> list[int]:
        return self.side.sandbox.channels.live[self.side.telegram.id]

    async def happen(self, what: str, number: int) -> None:
        sandbox, telegram = self.side.sandbox, self.side.telegram
        post_id = self.live[number % len(self.live)] if self.live else 0
        if what == "publish":
            self.side.publish(f"Published {number}")
        elif what in ("edit", "delete", "react") and post_id:
            act = {
                "edit": lambda: self.side.edit(post_id, f"Edited {next(_numbers)}"),
                "delete": lambda: self.side.delete(post_id),
                "react": lambda: sandbox.channels.react(telegram, post_id),
            }
            act[what]()
        elif what == "lose":
            sandbox.lose_pushes(number)
        elif what == "empty":
            sandbox.cut("messages.getHistory", keep=number % 3, times=number % 2 + 1)
        elif what == "rename":
            telegram.title = f"Renamed {next(_numbers)}"
        elif what == "too_long":
            self.exact = False
            sandbox.too_long(telegram.id)
        elif what == "clear":
            sandbox.channels.clear(telegram)
        else:
            await self._do(what, post_id)

    async def _do(self, what: str, post_id: int) -> None:
        """Our own part."""
        if what == "look":
            await self._look(post_id)
        elif what == "ask":
            await positions.ask(self.ctx, self.watchlist)
        elif what == "hear":
            await asyncio.sleep(0.03)
        elif what == "mistake" and post_id:
            self.exact = False
            async with self.ctx.transaction() as db:
                await ingestion.mark_deleted(db, self.channel.id, [post_id])

    async def _look(self, below: int) -> int:
        async with self.ctx.transaction() as db:
            channel = await backfill.followed(db, self.channel.id)
        assert channel is not None
        return (await comparison.compare(self.ctx, channel, self.seen, below=below)).low

    async def read(self) -> None:
        """Fill all gaps, as the history tasks do."""
        while True:
            async with self.ctx.transaction() as db:
                channel = await db.get_one(Channel, self.channel.id, populate_existing=True)
                hole = await backfill.wanted(db, channel)
            if hole is None:
                return
            peer = await history_pages.peer_of(self.ctx, channel)
            page = await history_pages.read_wanted(self.ctx, peer, hole)
            async with self.ctx.transaction() as db:
                await history_pages.save_wanted(db, channel, hole, page)

    async def settle(self, *, look: bool) -> None:
        """Let what can be heard be heard, with `look` compare everything, until both sides are the same."""
        deadline = asyncio.get_running_loop().time() + SETTLED
        while not await self.side.same():
            assert asyncio.get_running_loop().time() < deadline, (await self.side.ours(), self.side.served())
            await positions.ask(self.ctx, self.watchlist)
            await asyncio.sleep(0.05)
            below = await self._look(0) if look else 0
            while below:
                below = await self._look(below)
            if self.seen.due():
                await comparison.confirm(self.ctx, self.channel, self.seen)
            await self.read()


@asynccontextmanager
async def a_story(ctx: AccountContext, sandbox: Sandbox) -> AsyncIterator[Story]:
    """A new channel of 30 posts, read whole, whose updates are heard."""
    number, anna = next(_numbers), sandbox.world.people.get("anna")
    telegram = sandbox.channels.create(f"Story {number}", username=f"story_{number}", members=[anna.id])
    fill(sandbox, telegram, 30)
    key = sandbox.world.access_hash(anna.id, "channel", telegram.id)
    async with ctx.transaction() as db:
        account = await db.get_one(Account, ctx.account_id)
        found = Found(telegram.id, telegram.title, telegram.username, access_hash=key)
        channel = await following.follow(db, account, found)
    watchlist = Watchlist(ctx)
    hints = Hints(ctx, watchlist)
    await watchlist.refresh()
    update_state.watch(ctx.client, watchlist.look_soon)
    ctx.client.add_event_handler(hints.on_update, events.Raw(UPDATES))
    hearing = asyncio.create_task(hints.take())
    story = Story(ctx, Side(ctx.rt, sandbox, telegram), channel, watchlist)
    try:
        await story.read()
        await story._look(0)
        yield story
        assert not hearing.done()
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        ctx.client.remove_event_handler(hints.on_update)
        sandbox.faults.clear()
        async with ctx.transaction() as db:
            await db.delete(await db.get_one(Channel, channel.id))


async def check(story: Story) -> None:
    """The rest of the truth: names, and who was edited in readers' eyes."""
    await story._look(0)
    async with story.ctx.transaction() as db:
        channel = await db.get_one(Channel, story.channel.id, populate_existing=True)
        query = select(Post).where(Post.channel_id == channel.id, col(Post.deleted_at).is_(None))
        edited = {post.message_id for post in await db.exec(query) if post.edited_at}
    theirs = story.side.sandbox.channels.posts[story.side.telegram.id]
    shown = {id_ for id_ in story.live if theirs[id_].edit_date and not theirs[id_].edit_hidden}
    assert edited == shown
    assert channel.title == story.side.telegram.title
    assert await story.side.gaps() == []


async def told(ctx: AccountContext, sandbox: Sandbox, story_told: list[tuple[str, int]]) -> None:
    async with a_story(ctx, sandbox) as story:
        for what, number in story_told:
            await story.happen(what, number)
        sandbox.faults.clear()
        if story.exact:
            await story.settle(look=False)
        await story.settle(look=True)
        await check(story)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Second looks and returns need no time here: all clocks of this test are one."""
    monkeypatch.setattr(missing, "CONFIRM_SECONDS", 0.0)
    monkeypatch.setattr(ingestion, "REVIVE_AFTER", timedelta())


QUICKLY = {"deadline": None, "suppress_health_check": list(HealthCheck)}
NO_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]


@settings(max_examples=12, phases=NO_SHRINKING, **QUICKLY)
@given(story_told=happenings)
async def test_any_order_ends_as_telegram_shows_it(ctx, sandbox, at_once, story_told):
    """Posts, edits, deletions, reactions, losses, "too long", empty pages, names, mistakes: in any order."""
    await told(ctx, sandbox, story_told)
    assert not sandbox.faults.cuts


@pytest.mark.slow
@pytest.mark.timeout(6 * 3600)
@settings(max_examples=20_000, phases=NO_SHRINKING, **QUICKLY)
@given(story_told=happenings)
async def test_twenty_thousand_orders_end_as_telegram_shows_it(ctx, sandbox, at_once, story_told):
    """At length; the short form is the test above."""
    await told(ctx, sandbox, story_told)
    assert not sandbox.faults.cuts
