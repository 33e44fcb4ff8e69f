"""A person's own questions, read in pages; `answers` asks them.

An answer repeats posts. What rests on a channel that the person may no longer read is withheld here, at the
one place where questions are read, and is back when access is.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import following, listing
from tg_assistant.core.access import Actor, scoped
from tg_assistant.core.listing import Order, Page
from tg_assistant.errors import NotFound
from tg_assistant.models import Channel, ChannelAccess, Question
from tg_assistant.texts import text

_PRIVATE = "t.me/c/"  # in the link of a private channel's post, also when nobody follows the channel any more
_NEWEST = Order[Question](
    col(Question.created_at), col(Question.id), lambda asked: (asked.created_at, asked.id)
)


async def page(
    db: AsyncSession, actor: Actor, *, limit: int = 20, cursor: str | None = None
) -> Page[Question]:
    """The newest first, 1…100 of them. Raises Invalid for a made-up cursor."""
    actor.require()
    mine = scoped(Question, actor).where(Question.user_id == actor.user_id)
    found = await listing.page(db, mine, _NEWEST, limit=limit, cursor=cursor)
    await withhold(db, actor, found.items)
    return found


async def get(db: AsyncSession, actor: Actor, question_id: UUID) -> Question:
    """One of the actor's own. Raises NotFound for another's as for one that does not exist."""
    actor.require()
    mine = scoped(Question, actor).where(Question.id == question_id, Question.user_id == actor.user_id)
    asked = (await db.exec(mine.execution_options(populate_existing=True))).first()
    if asked is None:
        raise NotFound("questions.not_found")
    await withhold(db, actor, [asked])
    return asked


async def withhold(db: AsyncSession, actor: Actor, asked: Sequence[Question]) -> None:
    """Take the answer and the sources out of what rests on channels lost since; nothing of it is written."""
    closed = await _closed(db, actor, [source for each in asked for source in each.sources])
    for each in asked:
        if any(source["channel_id"] in closed for source in each.sources):
            set_committed_value(each, "answer", text("ask.withheld", actor.language))
            set_committed_value(each, "sources", [])


async def _closed(db: AsyncSession, actor: Actor, sources: Sequence[Mapping[str, Any]]) -> set[str]:
    """The channels among these that the person's account has lost, and private ones it has no access to."""
    linked = {UUID(source["channel_id"]): _PRIVATE in source["url"] for source in sources}
    own = select(ChannelAccess.channel_id).where(
        ChannelAccess.user_id == actor.user_id, col(ChannelAccess.channel_id).in_(linked)
    )
    has_access = col(ChannelAccess.lost_at).is_(None) & (col(ChannelAccess.checked_at) > following.UNCHECKED)
    opened = set(await db.exec(own.where(has_access)))
    lost = set(await db.exec(own.where(col(ChannelAccess.lost_at).is_not(None))))
    private = select(Channel.id).where(col(Channel.id).in_(linked), col(Channel.private))
    lost |= set(await db.exec(private)) | {channel for channel, was_private in linked.items() if was_private}
    return {str(channel) for channel in lost - opened}


def cursor_of(asked: Question) -> str:
    """What continues the list behind this question."""
    return listing.cursor_of(_NEWEST.of(asked))
