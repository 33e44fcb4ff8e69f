"""A person's own questions, read in pages; `answers` asks them."""

from uuid import UUID

from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import listing
from tg_assistant.core.access import Actor, scoped
from tg_assistant.core.listing import Order, Page
from tg_assistant.errors import NotFound
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


async def get(db: AsyncSession, actor: Actor, question_id: UUID) -> Question:
    """One of the actor's own. Raises NotFound for another's as for one that does not exist."""
    actor.require()
    mine = scoped(Question, actor).where(Question.id == question_id, Question.user_id == actor.user_id)
    asked = (await db.exec(mine.execution_options(populate_existing=True))).first()
    if asked is None:
        raise NotFound("questions.not_found")
    return asked


def cursor_of(asked: Question) -> str:
    """What continues the list behind this question."""
    return listing.cursor_of(_NEWEST.of(asked))
