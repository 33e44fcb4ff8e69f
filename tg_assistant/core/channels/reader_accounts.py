"""Which account reads a channel, and which channels an account looks after."""

from typing import NamedTuple
from uuid import UUID

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.models import (
    Account,
    AccountStatus,
    Channel,
    ChannelAccess,
    Dialog,
    Membership,
    Subscription,
)


async def of(db: AsyncSession, channel: Channel) -> Account | None:
    """An account that may read the channel: of a follower who is not switched off and has not
    paused it, access not lost.

    One never tried stands in for a public channel, after those seen to have access. None while an admin has
    paused the channel for the whole group.
    """
    access = col(ChannelAccess.account_id)
    if channel.paused:
        return None
    query = (
        select(Account)
        .join(Membership, col(Membership.user_id) == col(Account.user_id))
        .join(Subscription, col(Subscription.user_id) == col(Account.user_id))
        .join(
            ChannelAccess,
            (access == col(Account.id)) & (col(ChannelAccess.channel_id) == channel.id),
            isouter=True,
        )
        .where(
            Account.tenant_id == channel.tenant_id,
            Account.status == AccountStatus.connected,
            ~col(Membership.disabled),
            Subscription.channel_id == channel.id,
            col(Subscription.paused).is_(False),
            col(ChannelAccess.lost_at).is_(None),
            or_(access.is_not(None), channel.username is not None),
        )
        .order_by(access.is_(None), col(Account.connected_at))
        .limit(1)
    )
    return (await db.exec(query)).first()


class LookedAfter(NamedTuple):
    """`joined`: Telegram pushes what happens there. Without `reads` it is only asked whether it may read."""

    channel: Channel
    joined: bool
    reads: bool


async def looked_after(db: AsyncSession, account_id: UUID) -> list[LookedAfter]:
    """The channels this account keeps up to date, or has an eye on.

    Public ones have one reader among their followers; a private one is also looked at by each other
    follower's account, and while its person has paused it, for only so is it noticed that they lost access.
    """
    query = (
        select(Channel, col(Dialog.telegram_id).is_not(None), col(Subscription.paused))
        .join(Subscription, col(Subscription.channel_id) == col(Channel.id))
        .join(
            Account,
            (col(Account.user_id) == col(Subscription.user_id))
            & (col(Account.tenant_id) == col(Channel.tenant_id)),
        )
        .join(Membership, col(Membership.user_id) == col(Account.user_id))
        .join(
            ChannelAccess,
            (col(ChannelAccess.channel_id) == col(Channel.id))
            & (col(ChannelAccess.account_id) == col(Account.id)),
            isouter=True,
        )
        .join(
            Dialog,
            (col(Dialog.account_id) == col(Account.id))
            & (col(Dialog.telegram_id) == col(Channel.telegram_id)),
            isouter=True,
        )
        .where(
            Account.id == account_id,
            ~col(Membership.disabled),
            col(Channel.paused).is_(False),
            ~col(Subscription.paused) | col(Channel.private),
            col(ChannelAccess.lost_at).is_(None),
        )
    )
    found = []
    for channel, listed, paused in (await db.exec(query)).all():
        reader = await of(db, channel)
        if channel.private or (reader is not None and reader.id == account_id):
            found.append(LookedAfter(channel, listed, not paused))
    return found
