"""A person's own questions, read in pages; `answers` asks them."""

from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import listing
from tg_assistant.core.access import Actor, scoped
from tg_assistant.core.listing import Order, Page
from tg_assistant.models import Question

_NEWEST = Order[Question](
    col(Question.created_at), col(Question.id), lambda asked: (asked.created_at, asked.id)
)


async def page(
    db: AsyncSession, actor: Actor, *, limit: int = 20, cursor: str | None = None
) -> Page[Question]:
    """The newest first, 1…100 of them. Raises Invalid for a made-up cursor."""
    actor.require()
    mine = scoped(Question, actor).where(Question.user_id == actor.user_id)
    return await listing.page(db, mine, _NEWEST, limit=limit, cursor=cursor)


def cursor_of(asked: Question) -> str:
    """What continues the list behind this question."""
    return listing.cursor_of(_NEWEST.of(asked))
