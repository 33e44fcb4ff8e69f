"""Making a person follow a channel: channel, access, subscription and first task in one transaction."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit, plans
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import backfill, readable
from tg_assistant.core.messaging import outbox
from tg_assistant.core.names import Topic
from tg_assistant.errors import AlreadyExists, NotAllowed
from tg_assistant.infra import clock
from tg_assistant.infra.postgres import events
from tg_assistant.models import (
    UNCHECKED,
    Account,
    AccountStatus,
    Channel,
    ChannelAccess,
    Dialog,
    Membership,
    Subscription,
    User,
)


@dataclass(frozen=True)
class Found:
    """A channel as Telegram describes it. `access_hash` is the finding account's own, None if unknown.

    `listed`: it is in the account's own list, from which PostgreSQL copies the hash, which no door may read.
    `vouched` False: access is known from an old list only and does not count before Telegram confirms it.
    """

    telegram_id: int
    title: str
    username: str | None = None
    private: bool = False
    members: int | None = None
    access_hash: int | None = None
    vouched: bool = True
    listed: bool = False


def as_found(channel: Channel) -> Found:
    """Convert a channel the tenant already has, so that another person can follow it."""
    return Found(channel.telegram_id, channel.title, channel.username, channel.private, channel.members)


def same_name(username: str) -> ColumnElement[bool]:
    """Return the condition that a channel has this username; Telegram ignores case in them."""
    return func.lower(col(Channel.username)) == username.lower()


def describe(channel: Channel, title: str, username: str | None) -> None:
    """Update title, username and privacy from Telegram; without a username the channel is private."""
    channel.title, channel.username, channel.private = title, username, username is None


async def own_account(db: AsyncSession, actor: Actor) -> Account:
    """Return the person's connected account. Raises NotAllowed when there is none."""
    query = select(Account).where(
        Account.user_id == actor.user_id,
        Account.tenant_id == actor.tenant,
        Account.status == AccountStatus.connected,
    )
    account = (await db.exec(query)).first()
    if account is None:
        raise NotAllowed("accounts.not_connected")
    return account


async def check_limit(db: AsyncSession, user_id: UUID, plan: str) -> None:
    """Raise NotAllowed with `max` and `current` when one more channel would exceed the plan."""
    # concurrent requests must not both find room, so a lock on the user's row serialises them
    await db.exec(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
    query = select(func.count()).select_from(Subscription).where(Subscription.user_id == user_id)
    current = (await db.exec(query)).one()
    limit = plans.of(plan).channels_limit
    if current >= limit:
        raise NotAllowed("channels.limit", max=limit, current=current)


async def follow(db: AsyncSession, account: Account, found: Found) -> Channel:
    """Follow `found` for the account's person in the caller's transaction; return the channel.

    Raises AlreadyExists, unless it was followed without being readable, and NotAllowed at the plan's limit.
    """
    open_before = await _followed(db, account, found.telegram_id)
    if open_before is None:
        query = select(Membership).where(Membership.user_id == account.user_id)
        plan = plans.of_member((await db.exec(query)).one(), clock.now(db))
        await check_limit(db, account.user_id, plan.name)
    channel = await _channel(db, account.tenant_id, found)
    if found.access_hash is not None or found.listed:
        await grant(db, account, channel.id, found.access_hash, vouched=found.vouched)
    values = {
        "user_id": account.user_id,
        "channel_id": channel.id,
        "tenant_id": account.tenant_id,
        "paused": False,
    }
    statement = insert(Subscription).values(values).on_conflict_do_nothing()
    added = await db.exec(statement.returning(col(Subscription.channel_id)))
    if added.first() is None:
        if open_before is not False:
            raise AlreadyExists("channels.already_followed", channel=channel.title)
        if not await _followed(db, account, found.telegram_id, readable.being_checked(account.user_id)):
            raise NotAllowed("channels.access_lost")
    else:
        await audit.record(
            db, None, "channel.follow", channel.id, tenant_id=account.tenant_id, user_id=account.user_id
        )
    await announce(db, channel)
    return channel


async def _followed(
    db: AsyncSession, account: Account, telegram_id: int, *otherwise: ColumnElement[bool]
) -> bool | None:
    """Return whether the account's person may read the channel, or is `otherwise` a case in which they may
    come to; None if they do not follow it.
    """
    query = select(or_(readable.by(account.user_id), *otherwise)).where(
        col(Channel.tenant_id) == account.tenant_id,
        col(Channel.telegram_id) == telegram_id,
        readable.followed_by(account.user_id),
    )
    return (await db.exec(query)).first()


async def announce(db: AsyncSession, channel: Channel) -> None:
    """Plan what there is to read, and notify ingest and the pages that subscriptions have changed."""
    await backfill.plan(db, channel)
    await events.notify(db, Topic.subscriptions, str(channel.tenant_id))
    await events.notify(db, Topic.channel, str(channel.id))


async def _channel(db: AsyncSession, tenant_id: UUID, found: Found) -> Channel:
    described: dict[str, Any] = {
        "title": found.title,
        "username": found.username,
        "private": found.private,
        "members": found.members,
    }
    first = {
        "id": Channel(telegram_id=0, title="").id,
        "tenant_id": tenant_id,
        "telegram_id": found.telegram_id,
        "about": "",
        "top_message_id": 0,
    }
    statement = insert(Channel).values(**first, **described)
    statement = statement.on_conflict_do_update(
        index_elements=["tenant_id", "telegram_id"], set_={**described, "last_error": None}
    ).returning(col(Channel.id))
    channel_id = (await db.exec(statement)).scalar_one()
    return await db.get_one(Channel, channel_id, populate_existing=True)


async def grant(
    db: AsyncSession, account: Account, channel_id: UUID, access_hash: int | None, *, vouched: bool = True
) -> None:
    """Store that the account has access to the channel, with its access hash.

    With `access_hash` None PostgreSQL copies it from the account's list (migration 0012), because a door may
    not read it. `vouched` as in `Found`. Access that was lost is back, which is announced to its person.
    """
    checked_at = clock.now(db) if vouched else UNCHECKED
    row = await db.get(ChannelAccess, (account.id, channel_id), populate_existing=True)
    was_lost = row is not None and row.lost_at is not None
    seen: dict[str, Any] = {"checked_at": checked_at, "lost_at": None}
    if access_hash is not None:
        seen["access_hash"] = access_hash
    keys = {
        "account_id": account.id,
        "channel_id": channel_id,
        "tenant_id": account.tenant_id,
        "user_id": account.user_id,
    }
    statement = insert(ChannelAccess).values(**keys, **seen)
    statement = statement.on_conflict_do_update(index_elements=["account_id", "channel_id"], set_=seen)
    await db.exec(statement)
    if was_lost:
        await _is_back(db, account, channel_id)


async def _is_back(db: AsyncSession, account: Account, channel_id: UUID) -> None:
    """Have what was missed read, if the channel is still followed; tell the person and write it down."""
    channel = await db.get_one(Channel, channel_id)
    if await _followed(db, account, channel.telegram_id) is None:
        return
    await announce(db, channel)
    who = {"tenant_id": account.tenant_id, "user_id": account.user_id}
    await audit.record(db, None, "channel.access_back", channel_id, **who)
    await outbox.add(
        db, account.user_id, "channels.access_back", tenant_id=account.tenant_id, title=channel.title
    )


async def confirm(db: AsyncSession, account_id: UUID, channel_id: UUID) -> None:
    """Mark an unchecked access as checked: Telegram has just returned the channel to the account.

    From now on its person may read the channel here.
    """
    statement = (
        update(ChannelAccess)
        .where(
            col(ChannelAccess.account_id) == account_id,
            col(ChannelAccess.channel_id) == channel_id,
            col(ChannelAccess.lost_at).is_(None),
            col(ChannelAccess.checked_at) == UNCHECKED,
        )
        .values(checked_at=clock.now(db))
    )
    if (await db.exec(statement)).rowcount:
        await events.notify(db, Topic.channel, str(channel_id))


async def grant_missing(db: AsyncSession, account: Account, channel_id: UUID) -> None:
    """Add an access row if the account has none, so that the loss of access can be stored in it."""
    if await db.get(ChannelAccess, (account.id, channel_id)) is None:
        await grant(db, account, channel_id, 0, vouched=False)


async def access_hash(
    db: AsyncSession, account_id: UUID, channel_id: UUID, *, lost: bool = False
) -> int | None:
    """Return the account's access hash of the channel; None if it has none.

    That of lost access is returned only on `lost`: to ask whether it has come back.
    """
    query = select(ChannelAccess.access_hash).where(
        ChannelAccess.account_id == account_id,
        ChannelAccess.channel_id == channel_id,
        lost or col(ChannelAccess.lost_at).is_(None),
    )
    return (await db.exec(query)).first() or None  # 0: it went with a session that was logged out


async def seen_as(db: AsyncSession, account_id: UUID, name: str) -> tuple[int, int] | None:
    """Return Telegram id and access hash of a channel this account has seen under this @name, or None."""
    listed = select(Dialog.telegram_id, Dialog.access_hash).where(
        Dialog.account_id == account_id, func.lower(col(Dialog.username)) == name.lower()
    )
    followed = (
        select(Channel.telegram_id, ChannelAccess.access_hash)
        .join(ChannelAccess, col(ChannelAccess.channel_id) == col(Channel.id))
        .where(ChannelAccess.account_id == account_id, same_name(name), ChannelAccess.access_hash != 0)
    )
    return (await db.exec(listed)).first() or (await db.exec(followed)).first()


async def with_telegram_id(db: AsyncSession, tenant_id: UUID, telegram_id: int) -> Channel | None:
    """Return the tenant's channel with this Telegram id, or None."""
    query = select(Channel).where(Channel.tenant_id == tenant_id, Channel.telegram_id == telegram_id)
    return (await db.exec(query)).first()


async def access_hashes(db: AsyncSession, account_id: UUID) -> dict[int, int]:
    """Return the access hashes of all the account's channels, by Telegram id."""
    query = (
        select(Channel.telegram_id, ChannelAccess.access_hash)
        .join(ChannelAccess, col(ChannelAccess.channel_id) == col(Channel.id))
        .where(ChannelAccess.account_id == account_id, col(ChannelAccess.lost_at).is_(None))
    )
    return dict((await db.exec(query)).all())
