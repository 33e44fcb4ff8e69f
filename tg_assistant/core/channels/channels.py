"""Channels a person follows: adding, pausing and removing them, and which ones the person may read."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, tuple_, update
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit, pagination
from tg_assistant.core.accounts import tasks
from tg_assistant.core.actor import Actor, scoped
from tg_assistant.core.channels import dialogs, following, readable
from tg_assistant.core.channels.following import Found
from tg_assistant.core.channels.progress import Progress, measure
from tg_assistant.core.channels.references import Reference, parse_reference
from tg_assistant.core.messaging import outbox
from tg_assistant.core.names import Job, TaskKind, Topic
from tg_assistant.core.pagination import Page
from tg_assistant.errors import Invalid, NotFound
from tg_assistant.infra import clock
from tg_assistant.infra.postgres import events, jobs
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, Channel, ChannelAccess, Subscription

_TITLE = func.coalesce(col(Subscription.shown_title), col(Channel.title))  # as its follower knows it
_WATCH_SECONDS = 0.5
_POLL_SECONDS = 2.0


@dataclass(frozen=True)
class Followed:
    channel: Channel
    subscription: Subscription
    progress: Progress


@dataclass(frozen=True)
class Added:
    """The result of `add`. `channel` is None while the look-up at Telegram, `task_id`, is still open."""

    channel: Channel | None
    task_id: UUID | None = None


# ── Reading ──────────────────────────────────────────────────────────────────


async def readable_ids(
    db: AsyncSession, actor: Actor, among: Sequence[UUID] | None = None, *, switched_off: bool = False
) -> list[UUID]:
    """Return the ids of the channels (of `among`, if given) whose posts the actor may see.

    All reading of posts uses it. Channels an admin has paused for the group are left out: nothing is loaded
    from them, and lost access is no longer noticed. With `switched_off` they are included, for callers that
    show only that they exist.
    """
    actor.require()
    query = scoped(Channel, actor).where(readable.by(actor.user_id))
    if not switched_off:
        query = query.where(~col(Channel.paused))
    if among is not None:
        query = query.where(col(Channel.id).in_(among))
    return [channel.id for channel in await db.exec(query)]


async def readable_titles(db: AsyncSession, actor: Actor) -> dict[UUID, str]:
    """Return the titles of the channels whose posts the actor may see."""
    readable = await readable_ids(db, actor)
    named = scoped(Channel, actor).where(col(Channel.id).in_(readable))
    return {channel.id: channel.title for channel in await db.exec(named)}


async def list_(db: AsyncSession, actor: Actor) -> list[Followed]:
    """Return what the actor follows, by title; lost access is reported in the progress's `last_error`."""
    actor.require()
    return await _followed(db, actor)


async def page(db: AsyncSession, actor: Actor, *, limit: int, cursor: str | None = None) -> Page[Followed]:
    """Return one page of the list of `list_`. Raises Invalid for a cursor that was never issued."""
    actor.require()
    after = pagination.decode(cursor, str, UUID)
    beyond = tuple_(_TITLE, col(Channel.id)) > tuple_(*after) if after else None
    rows = await _followed(db, actor, beyond, limit + 1)
    last = rows[limit - 1].channel if len(rows) > limit else None
    return Page(rows[:limit], pagination.encode(last.title, last.id) if last else None)


async def get(db: AsyncSession, actor: Actor, channel_id: UUID) -> Followed:
    """Return a followed channel. Raises NotFound for one that the actor does not follow."""
    actor.require()
    found = await _followed(db, actor, col(Channel.id) == channel_id)
    if not found:
        raise NotFound("channels.not_found")
    return found[0]


async def telegram_ids(db: AsyncSession, actor: Actor) -> list[int]:
    """Return the Telegram ids of the channels the actor follows; for pages that show no progress."""
    actor.require()
    return [channel.telegram_id for channel, _ in await db.exec(_subscribed(actor))]


async def count(db: AsyncSession, actor: Actor) -> int:
    """Return how many channels the actor follows."""
    actor.require()
    query = select(func.count()).select_from(_subscribed(actor).subquery())
    return (await db.exec(query)).one()


async def progress(db: AsyncSession, actor: Actor, channel_id: UUID) -> Progress:
    """Return how far the channel's history has been read. Raises NotFound."""
    return (await get(db, actor, channel_id)).progress


def _subscribed(actor: Actor) -> Any:
    return (
        select(Channel, Subscription)
        .join(Subscription, col(Subscription.channel_id) == col(Channel.id))
        .where(Subscription.user_id == actor.user_id, Channel.tenant_id == actor.tenant)
    )


async def _followed(
    db: AsyncSession,
    actor: Actor,
    condition: ColumnElement[bool] | None = None,
    limit: int | None = None,
) -> list[Followed]:
    query = _subscribed(actor).order_by(_TITLE, col(Channel.id))
    if condition is not None:
        query = query.where(condition)
    rows = (await db.exec(query.limit(limit))).all()
    measured = await measure(db, [channel for channel, _ in rows], actor.user_id)
    return [
        Followed(_as_known(channel, subscription), subscription, measured[channel.id])
        for channel, subscription in rows
    ]


def _as_known(channel: Channel, subscription: Subscription) -> Channel:
    """Return the channel with the title its follower knows, as a copy that is never written back.

    What others are shown of a channel after this person lost it is none of their business.
    """
    if subscription.shown_title is None:
        return channel
    facts: dict[str, Any] = {**channel.model_dump(), "title": subscription.shown_title}
    return Channel(**facts)


# ── Following ────────────────────────────────────────────────────────────────


async def add(
    rt: Runtime,
    actor: Actor,
    *,
    username: str | None = None,
    link: str | None = None,
    telegram_id: int | None = None,
) -> Added:
    """Follow a channel given by username, link or Telegram id, and start to read its history.

    A channel given by its id is followed at once from the account's own list, or if the tenant knows it as
    public. What an @name means is asked at Telegram, except right after the list was read, because names
    change hands; so is whether a channel that was lost is open again. That is awaited for up to 5 s. A
    private channel can only be followed from the account's own list.

    Raises Invalid (not a channel), NotFound, AlreadyExists, NotAllowed (no account; no access; plan limit,
    with `max` and `current`).
    """
    actor.require()
    named = link if link is not None else username or ""
    reference = parse_reference(named if telegram_id is None else str(telegram_id))
    async with rt.db.transaction(actor.tenant) as db:
        account = await following.own_account(db, actor)
        if found := await _known(db, actor, account, reference):
            return Added(await following.follow(db, account, found))
        if not await _following(db, actor, reference):
            await following.check_limit(db, actor.user_id, actor.plan)
            if reference.username is None and reference.telegram_id in account.group_ids:
                raise Invalid("channels.private_group")
            if reference.username is None:
                raise NotFound("channels.not_in_your_list")
        which = {"username": reference.username, "telegram_id": reference.telegram_id}
        task = await tasks.add(db, account.id, TaskKind.resolve, which, priority=10)
    return await _resolved(rt, actor, task.id)


async def _known(db: AsyncSession, actor: Actor, account: Account, reference: Reference) -> Found | None:
    """Return the channel if Telegram need not be asked: it is on the account's list, or public by its id."""
    listed = await dialogs.find(db, account, reference)
    if listed is not None or reference.username:
        return listed
    query = scoped(Channel, actor).where(
        Channel.telegram_id == reference.telegram_id,
        ~col(Channel.private) & ~readable.lost(actor.user_id),
    )
    channel = (await db.exec(query)).first()
    return following.as_found(channel) if channel else None


async def _following(db: AsyncSession, actor: Actor, reference: Reference) -> bool:
    """Return whether the actor follows the channel, though it may be lost or have another name by now."""
    same = (
        following.same_name(reference.username)
        if reference.username
        else col(Channel.telegram_id) == reference.telegram_id
    )
    return (await db.exec(_subscribed(actor).where(same))).first() is not None


async def _resolved(rt: Runtime, actor: Actor, task_id: UUID) -> Added:
    task = await tasks.wait(rt, actor, task_id)
    if task is None:
        return Added(None, task_id)
    channel_id = UUID(tasks.outcome(task)["channel_id"])
    async with rt.db.transaction(actor.tenant) as db:
        return Added((await get(db, actor, channel_id)).channel)


async def pause(db: AsyncSession, actor: Actor, channel_id: UUID, paused: bool) -> Followed:
    """Pause or resume loading new posts for this person; stored ones stay readable. Raises NotFound."""
    followed = await get(db, actor, channel_id)
    followed.subscription.paused = paused
    db.add(followed.subscription)
    await db.flush()
    await following.announce(db, followed.channel)
    return followed


async def remove(db: AsyncSession, actor: Actor, channel_id: UUID) -> None:
    """Stop following. A job purges a channel without other followers in the tenant. Raises NotFound."""
    followed = await get(db, actor, channel_id)
    await db.exec(
        delete(Subscription).where(
            col(Subscription.user_id) == actor.user_id, col(Subscription.channel_id) == channel_id
        )
    )
    others = select(Subscription.user_id).where(Subscription.channel_id == channel_id)
    if (await db.exec(others)).first() is None:
        await jobs.ask(db, Job.purge_channel, actor.tenant, channel_id)
    await audit.record(db, actor, "channel.remove", channel_id)
    await events.notify(db, Topic.subscriptions, str(followed.channel.tenant_id))
    await events.notify(db, Topic.channel, str(channel_id))


async def watch(rt: Runtime, actor: Actor, channel_id: UUID) -> AsyncIterator[Progress]:
    """Yield the progress now and on each change, until all history is read and indexed. Raises NotFound."""
    seen: Progress | None = None
    async with rt.events.listening(Topic.channel, str(channel_id)) as event:
        while True:
            event.clear()
            async with rt.db.transaction(actor.tenant) as db:
                now = await progress(db, actor, channel_id)
            if now != seen:
                seen = now
                yield now
            if now.finished and now.indexed + now.held >= now.done:
                return
            await asyncio.sleep(_WATCH_SECONDS)  # a busy channel sends a notification per page
            await event.within(_POLL_SECONDS)


async def access_lost(
    db: AsyncSession, account_id: UUID, channel_id: UUID, *, asked_at: datetime | None = None
) -> None:
    """Store that Telegram refused the channel to the account; hide it from the person, notify them once.

    The refusal of a request sent at `asked_at` is out of date if access was seen since then, such as on the
    list that is read right after the account was connected again.
    """
    query = (
        update(ChannelAccess)
        .where(
            col(ChannelAccess.account_id) == account_id,
            col(ChannelAccess.channel_id) == channel_id,
            col(ChannelAccess.lost_at).is_(None),
            *([] if asked_at is None else [col(ChannelAccess.checked_at) <= asked_at]),
        )
        .values(lost_at=clock.now(db), looked_at=None)
        .returning(col(ChannelAccess.user_id), col(ChannelAccess.tenant_id))
    )
    lost = (await db.exec(query)).first()
    channel = await db.get(Channel, channel_id)
    if lost is None or channel is None:
        return
    await dialogs.forget(db, account_id, channel.telegram_id)
    await outbox.add(db, lost.user_id, "channels.access_lost", tenant_id=lost.tenant_id, title=channel.title)
    await audit.record(
        db, None, "channel.access_lost", channel_id, tenant_id=lost.tenant_id, user_id=lost.user_id
    )
    await events.notify(db, Topic.channel, str(channel_id))
