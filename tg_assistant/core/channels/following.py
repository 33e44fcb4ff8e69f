"""Writing down that a person follows a channel: channel, access, subscription and first task at once."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit, plans
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import backfill
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
    Membership,
    Subscription,
    User,
)


@dataclass(frozen=True)
class Found:
    """A channel as Telegram describes it. `access_hash` is the finding account's own, None if unknown.

    `listed`: it stands in the account's own list, from which PostgreSQL takes the hash no door may read.
    `vouched` False: an old list says that the account has access; Telegram is to be asked before it counts.
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
    """A channel the tenant knows, for another of its people to follow."""
    return Found(channel.telegram_id, channel.title, channel.username, channel.private, channel.members)


def same_name(username: str) -> ColumnElement[bool]:
    """Telegram's names ignore case."""
    return func.lower(col(Channel.username)) == username.lower()


def describe(channel: Channel, title: str, username: str | None) -> None:
    """Take over how Telegram shows the channel now; without a @name only those with access may read it."""
    channel.title, channel.username, channel.private = title, username, username is None


async def own_account(db: AsyncSession, actor: Actor) -> Account:
    """The person's connected account. Raises NotAllowed when there is none."""
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
    """Raises NotAllowed with `max` and `current` when one more channel would exceed the plan."""
    # two requests at once must not both see room: the user's row serialises them
    await db.exec(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
    query = select(func.count()).select_from(Subscription).where(Subscription.user_id == user_id)
    current = (await db.exec(query)).one()
    limit = plans.of(plan).channels_limit
    if current >= limit:
        raise NotAllowed("channels.limit", max=limit, current=current)


async def follow(db: AsyncSession, account: Account, found: Found) -> Channel:
    """Follow `found` for the account's person, in the caller's transaction.

    Raises AlreadyExists, and NotAllowed at the plan's limit.
    """
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
        raise AlreadyExists("channels.already_followed", channel=channel.title)
    await audit.record(
        db, None, "channel.follow", channel.id, tenant_id=account.tenant_id, user_id=account.user_id
    )
    await announce(db, channel)
    return channel


async def announce(db: AsyncSession, channel: Channel) -> None:
    """Plan what there is to read, and tell the readers and the pages that who follows what has changed."""
    await backfill.plan(db, channel)
    await events.notify(db, Topic.subscriptions, str(channel.tenant_id))
    await events.notify(db, Topic.channel, str(channel.id))


async def _channel(db: AsyncSession, tenant_id: UUID, found: Found) -> Channel:
    described = {
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
    """The account was seen to have access: write down how it addresses the channel.

    None: as its own list says; PostgreSQL fills it in (migration 0012), for a door may not read it.
    """
    checked_at = clock.now(db) if vouched else UNCHECKED
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


async def confirm(db: AsyncSession, account_id: UUID, channel_id: UUID) -> None:
    """Telegram has just shown the account the channel: from now on its person may read it here."""
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
    """Have a row that can say the access was lost, also where the account never had any."""
    if await db.get(ChannelAccess, (account.id, channel_id)) is None:
        await grant(db, account, channel_id, 0)


async def access_hash(db: AsyncSession, account_id: UUID, channel_id: UUID) -> int | None:
    """How the account addresses the channel, if it ever met it and has not lost it."""
    query = select(ChannelAccess.access_hash).where(
        ChannelAccess.account_id == account_id,
        ChannelAccess.channel_id == channel_id,
        col(ChannelAccess.lost_at).is_(None),
    )
    return (await db.exec(query)).first()


async def access_hashes(db: AsyncSession, account_id: UUID) -> dict[int, int]:
    """The same of all its channels, by Telegram's id."""
    query = (
        select(Channel.telegram_id, ChannelAccess.access_hash)
        .join(ChannelAccess, col(ChannelAccess.channel_id) == col(Channel.id))
        .where(ChannelAccess.account_id == account_id, col(ChannelAccess.lost_at).is_(None))
    )
    return dict((await db.exec(query)).all())
