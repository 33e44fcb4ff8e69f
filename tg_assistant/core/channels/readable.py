"""Which channels a person may read: the single rule, as SQL conditions.

A person may read a channel they follow while one of their own accounts is known to have access. A public
channel needs no such account, but lost access hides it, too: it was made private, or the person was banned.
`user_id` is a value or a column of the enclosing statement, which must include the table `channels`.

Which account reads a channel from Telegram is decided in `reader_accounts`.
"""

from typing import Any

from sqlalchemy import ColumnElement, or_
from sqlmodel import col, select

from tg_assistant.models import UNCHECKED, Channel, ChannelAccess, Membership, Subscription

_HELD = col(ChannelAccess.lost_at).is_(None)


def by(user_id: Any) -> ColumnElement[bool]:
    """Return the condition that this person may read the channel, whether or not the group has paused it."""
    return followed_by(user_id) & _open_to(user_id)


def followed_by(user_id: Any) -> ColumnElement[bool]:
    """Return the condition that this person follows the channel, whether or not they may read it."""
    follows = select(Subscription.user_id).where(
        col(Subscription.channel_id) == col(Channel.id), col(Subscription.user_id) == user_id
    )
    return follows.exists()


def by_anybody() -> ColumnElement[bool]:
    """Return the condition that at least one follower that is not disabled may read the channel."""
    reader = select(Subscription.user_id).where(
        col(Subscription.channel_id) == col(Channel.id),
        col(Membership.user_id) == col(Subscription.user_id),
        ~col(Membership.disabled),
        _open_to(col(Subscription.user_id)),
    )
    return reader.exists()


def being_checked(user_id: Any) -> ColumnElement[bool]:
    """Return the condition that access is neither confirmed nor lost.

    That is so after following a private channel from an old list, and after the account's session has ended.
    """
    return _access(user_id, col(Channel.id), _HELD, col(ChannelAccess.checked_at) == UNCHECKED)


def lost(user_id: Any, channel_id: Any = None) -> ColumnElement[bool]:
    """Return the condition that Telegram refused the channel to an account of this person.

    `channel_id` defaults to the enclosing statement's channel.
    """
    place = col(Channel.id) if channel_id is None else channel_id
    return _access(user_id, place, col(ChannelAccess.lost_at).is_not(None))


def closed_to_who_left() -> ColumnElement[bool]:
    """Return the condition that the channel is hidden from non-followers: it is private or paused."""
    return col(Channel.private) | col(Channel.paused)


def _open_to(user_id: Any) -> ColumnElement[bool]:
    """Return the condition that, as far as we know, Telegram lets the person read the channel."""
    seen = _access(user_id, col(Channel.id), _HELD, col(ChannelAccess.checked_at) > UNCHECKED)
    return or_(seen, ~col(Channel.private) & ~lost(user_id))


def _access(user_id: Any, channel_id: Any, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    # one column by name, because EXISTS (SELECT *) would need the right to read all, which the doors lack
    seen = select(ChannelAccess.channel_id).where(
        col(ChannelAccess.user_id) == user_id, col(ChannelAccess.channel_id) == channel_id, *conditions
    )
    return seen.exists()
