"""Which account reads a channel, and which channels an account watches."""

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
    """Return an account to read the channel with, or None.

    Its person follows the channel, has not paused it and is not disabled, and its access is not lost. For a
    public channel an account without an access row may be used, after those that have one. None while an
    admin has paused the channel for the whole group.
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
    """A channel an account watches. `joined`: it receives Telegram's updates for it.

    Without `reads` the account only checks whether it still has access.
    """

    channel: Channel
    joined: bool
    reads: bool


async def looked_after(db: AsyncSession, account_id: UUID) -> list[LookedAfter]:
    """Return the channels this account reads or checks its access to.

    A public channel is read by one account among its followers'. A private one is also checked by each other
    follower's account, even if its person has paused it, because lost access is not noticed otherwise.
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
            # one without a name can only be addressed once the account's list has been read
            or_(col(ChannelAccess.account_id).is_not(None), col(Channel.username).is_not(None)),
        )
    )
    found = []
    for channel, listed, paused in (await db.exec(query)).all():
        reader = await of(db, channel)
        if channel.private or (reader is not None and reader.id == account_id):
            found.append(LookedAfter(channel, listed, not paused))
    return found
