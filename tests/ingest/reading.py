"""A channel at the local Telegram and what we have of it, side by side."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

from sqlmodel import col, select

from sandbox.control import Sandbox
from sandbox.world.model import Channel as TelegramChannel
from sandbox.world.model import Post as TelegramPost
from tg_assistant.core.accounts import logins, tasks
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import channels, dialogs, known_ranges
from tg_assistant.errors import Unavailable
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Channel, Dialog, Post

SECONDS = 120.0


async def connect(rt: Runtime, sandbox: Sandbox, actor: Actor, who: str) -> None:
    """The person connects their account; an ingest has to be running."""
    async with rt.db.transaction(actor.tenant) as db:
        started = await logins.start(db, actor, device="test")
    async with asyncio.timeout(90), aclosing(logins.watch(rt, actor, started.login.id)) as steps:
        scanned = False
        async for login in steps:
            if login.qr_url and not scanned:
                sandbox.phone(who).scan(login.qr_url)
                scanned = True
            if login.status == "authorized":
                return
    raise AssertionError("the account was not connected")


async def eventually(right: Callable[[], Awaitable[bool]], what: str, seconds: float = SECONDS) -> None:
    """Look until `right`; names `what` it waited for in vain."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await right():
        assert asyncio.get_running_loop().time() < deadline, f"waited in vain: {what}"
        await asyncio.sleep(0.25)


@dataclass
class Side:
    """One channel, on Telegram's side and on ours."""

    rt: Runtime
    sandbox: Sandbox
    telegram: TelegramChannel

    def publish(self, *texts: str) -> list[TelegramPost]:
        made = [self.sandbox.channels.publish(self.telegram, text) for text in texts]
        self.sandbox.world.commit()
        return made

    def edit(self, post_id: int, text: str) -> None:
        self.sandbox.channels.edit(self.telegram, post_id, text)
        self.sandbox.world.commit()

    def delete(self, *post_ids: int) -> None:
        self.sandbox.channels.delete(self.telegram, list(post_ids))
        self.sandbox.world.commit()

    def served(self) -> dict[int, str]:
        """Text by id of what Telegram shows now."""
        posts = self.sandbox.channels.posts[self.telegram.id]
        return {id_: posts[id_].text for id_ in self.sandbox.channels.live[self.telegram.id]}

    async def ours(self) -> dict[int, str]:
        query = (
            select(Post.message_id, Post.text)
            .join(Channel, col(Channel.id) == col(Post.channel_id))
            .where(Channel.telegram_id == self.telegram.id, col(Post.deleted_at).is_(None))
        )
        async with self.rt.db.transaction() as db:
            rows = (await db.exec(query)).all()
        assert len(dict(rows)) == len(rows)
        return dict(rows)

    async def same(self) -> bool:
        return await self.ours() == self.served()

    async def arrives(self, seconds: float = SECONDS) -> None:
        """Wait for the invariant: our ids and texts are those served."""
        try:
            await eventually(self.same, "both sides are the same", seconds)
        except AssertionError:
            ours, served = await self.ours(), self.served()
            missing, extra = served.items() - ours.items(), ours.items() - served.items()
            raise AssertionError(f"missing {sorted(missing)[:5]}, not served {sorted(extra)[:5]}") from None

    async def gaps(self) -> list[known_ranges.Range]:
        async with self.rt.db.transaction() as db:
            channel = (await db.exec(select(Channel).where(Channel.telegram_id == self.telegram.id))).one()
            return known_ranges.inner_gaps(await known_ranges.of(db, channel.id), channel.top_message_id)


def make_channel(
    rt: Runtime, sandbox: Sandbox, title: str, members: list[str], *, posts: int = 0, private: bool = False
) -> Side:
    """A new channel with a history, followed at Telegram by `members`."""
    people = [sandbox.world.people.get(name).id for name in members]
    username = None if private else title.lower().replace(" ", "_")
    channel = sandbox.channels.create(title, username=username, members=people, private=private)
    fill(sandbox, channel, posts)
    return Side(rt, sandbox, channel)


def fill(sandbox: Sandbox, channel: TelegramChannel, count: int) -> None:
    """Posts from before anybody listened; every tenth id belongs to nothing."""
    start, now = channel.top_id, sandbox.world.clock.unix()
    ids = [id_ for id_ in range(start + 1, start + count + 1) if id_ % 10]
    history = [TelegramPost(channel.id, id_, f"Post {id_}", now - 10**6 + id_) for id_ in ids]
    sandbox.channels.load_history(channel, history)
    sandbox.world.commit()


async def listed(rt: Runtime, actor: Actor) -> dict[int, Dialog]:
    """The account's own list by Telegram id, read anew; looks again while Telegram still answers."""
    for _ in range(6):
        try:
            return {row.telegram_id: row for row in await dialogs.available(rt, actor, refresh=True)}
        except Unavailable:
            continue
    raise AssertionError("the list did not come")


async def follow(rt: Runtime, actor: Actor, side: Side) -> Channel:
    """The actor adds the channel; waits for Telegram where it has to be asked."""
    added = await channels.add(rt, actor, username=side.telegram.username, telegram_id=_id_of(side))
    if added.task_id:
        task = None
        while task is None:
            task = await tasks.wait(rt, actor, added.task_id)
        tasks.outcome(task)

    async def followed() -> list[Channel]:
        async with rt.db.transaction(actor.tenant) as db:
            found = [row.channel for row in await channels.list_(db, actor)]
        return [channel for channel in found if channel.telegram_id == side.telegram.id]

    (channel,) = await followed()
    return channel


def _id_of(side: Side) -> int | None:
    return None if side.telegram.username else side.telegram.id
