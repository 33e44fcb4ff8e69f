"""Which channels a person may read: the one rule, as SQL, for whoever decides about reading.

A person reads what they follow, as long as one of their own accounts was seen to have access to it. A public
channel needs no account that saw it, but having lost access hides it too: it was made private, or the person
was banned. `user_id` is a value or a column of the enclosing statement, which also has the table `channels`.

Which account asks Telegram for a channel is another matter (`reader_accounts`).
"""

from typing import Any

from sqlalchemy import ColumnElement, or_
from sqlmodel import col, select

from tg_assistant.models import UNCHECKED, Channel, ChannelAccess, Membership, Subscription

_HELD = col(ChannelAccess.lost_at).is_(None)


def by(user_id: Any) -> ColumnElement[bool]:
    """Whether this person may read the channel, be it switched off for the group or not."""
    follows = select(Subscription.user_id).where(
        col(Subscription.channel_id) == col(Channel.id), col(Subscription.user_id) == user_id
    )
    return follows.exists() & _open_to(user_id)


def by_anybody() -> ColumnElement[bool]:
    """Whether some follower who is not switched off may read the channel."""
    reader = select(Subscription.user_id).where(
        col(Subscription.channel_id) == col(Channel.id),
        col(Membership.user_id) == col(Subscription.user_id),
        ~col(Membership.disabled),
        _open_to(col(Subscription.user_id)),
    )
    return reader.exists()


def being_checked(user_id: Any) -> ColumnElement[bool]:
    """A private channel from an old list, or of a session that has ended: not readable now, nor lost."""
    return _access(user_id, col(Channel.id), _HELD, col(ChannelAccess.checked_at) == UNCHECKED)


def lost(user_id: Any, channel_id: Any = None) -> ColumnElement[bool]:
    """Whether Telegram refused the channel to an account of this person that had access."""
    place = col(Channel.id) if channel_id is None else channel_id
    return _access(user_id, place, col(ChannelAccess.lost_at).is_not(None))


def closed_to_who_left() -> ColumnElement[bool]:
    """Whether the channel is hidden from everybody who does not read it now: private, or switched off."""
    return col(Channel.private) | col(Channel.paused)


def _open_to(user_id: Any) -> ColumnElement[bool]:
    """Whether Telegram lets the person read it, as far as we know."""
    seen = _access(user_id, col(Channel.id), _HELD, col(ChannelAccess.checked_at) > UNCHECKED)
    return or_(seen, ~col(Channel.private) & ~lost(user_id))


def _access(user_id: Any, channel_id: Any, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    # one column by name: the doors may not read them all, which EXISTS (SELECT *) would ask for
    seen = select(ChannelAccess.channel_id).where(
        col(ChannelAccess.user_id) == user_id, col(ChannelAccess.channel_id) == channel_id, *conditions
    )
    return seen.exists()
