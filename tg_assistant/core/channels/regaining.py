"""Access that was lost and may have come back: when Telegram is asked about it again.

It is asked once a day, and at once when the account's list or an update names the channel, when the channel
becomes public again (a trigger of migration 0018), and when its person adds it again.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, text, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.infra import clock
from tg_assistant.infra.postgres.db import run_text
from tg_assistant.models import Channel, ChannelAccess, Subscription

EVERY = timedelta(days=1)


async def ask(db: AsyncSession, account_id: UUID, channel_id: UUID) -> None:
    """Add a task that looks at the channel with this account, unless one is open or it is not connected."""
    statement = text("SELECT ask_to_look(:account, :channel)")
    await run_text(db, statement, account=account_id, channel=channel_id)


async def ask_about(db: AsyncSession, account_id: UUID, telegram_id: int) -> None:
    """Ask about the channel with this Telegram id if the account has lost it and its person follows it."""
    query = _lost(account_id).where(Channel.telegram_id == telegram_id)
    for channel_id in (await db.exec(query)).all():
        await ask(db, account_id, channel_id)


async def ask_daily(db: AsyncSession, account_id: UUID) -> None:
    """Ask about each lost channel of the account that nothing was asked about for a day."""
    before = clock.now(db) - EVERY
    looked_at = func.coalesce(col(ChannelAccess.looked_at), col(ChannelAccess.lost_at))
    # dated in the future: a clock was set back
    due = or_(looked_at < before, looked_at > clock.now(db) + EVERY)
    for channel_id in (await db.exec(_lost(account_id).where(due))).all():
        await ask(db, account_id, channel_id)


async def still_lost(db: AsyncSession, account_id: UUID, channel_id: UUID) -> None:
    """Record that Telegram has just refused the lost channel again."""
    row = col(ChannelAccess.account_id) == account_id, col(ChannelAccess.channel_id) == channel_id
    await db.exec(update(ChannelAccess).where(*row).values(looked_at=clock.now(db)))


async def is_lost(db: AsyncSession, account_id: UUID, channel_id: UUID) -> bool:
    """Return whether Telegram refused the channel to the account."""
    access = await db.get(ChannelAccess, (account_id, channel_id))
    return access is not None and access.lost_at is not None


def _lost(account_id: UUID) -> Any:
    return (
        select(ChannelAccess.channel_id)
        .join(Channel, col(Channel.id) == col(ChannelAccess.channel_id))
        .join(
            Subscription,
            (col(Subscription.channel_id) == col(Channel.id))
            & (col(Subscription.user_id) == col(ChannelAccess.user_id)),
        )
        .where(ChannelAccess.account_id == account_id, col(ChannelAccess.lost_at).is_not(None))
    )
