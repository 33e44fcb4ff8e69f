"""Reading a person's own questions; `answers` creates them.

Answers based on a channel that the person may no longer read (`showing.closed`) are withheld here, where all
questions are read, and are shown again once access is restored.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import pagination
from tg_assistant.core.actor import Actor, scoped
from tg_assistant.core.answers import showing
from tg_assistant.core.answers.showing import Place
from tg_assistant.core.pagination import Order, Page
from tg_assistant.errors import NotFound
from tg_assistant.models import Question
from tg_assistant.texts import text

_NEWEST = Order[Question](
    col(Question.created_at), col(Question.id), lambda asked: (asked.created_at, asked.id)
)


async def page(
    db: AsyncSession, actor: Actor, *, limit: int = 20, cursor: str | None = None
) -> Page[Question]:
    """Return a page of 1…100 questions, the newest first. Raises Invalid for a cursor never issued."""
    actor.require()
    mine = scoped(Question, actor).where(Question.user_id == actor.user_id)
    found = await pagination.page(db, mine, _NEWEST, limit=limit, cursor=cursor)
    await withhold(db, actor, found.items)
    return found


async def get(db: AsyncSession, actor: Actor, question_id: UUID) -> Question:
    """Return one of the actor's own questions. Raises NotFound for an unknown one and another person's."""
    actor.require()
    mine = scoped(Question, actor).where(Question.id == question_id, Question.user_id == actor.user_id)
    asked = (await db.exec(mine.execution_options(populate_existing=True))).first()
    if asked is None:
        raise NotFound("questions.not_found")
    await withhold(db, actor, [asked])
    return asked


async def among(db: AsyncSession, actor: Actor, question_ids: Sequence[UUID]) -> list[Question]:
    """Return the actor's own of these questions, in no order; unknown ones and others' are left out."""
    actor.require()
    mine = scoped(Question, actor).where(Question.user_id == actor.user_id)
    found = list(await db.exec(mine.where(col(Question.id).in_(question_ids))))
    await withhold(db, actor, found)
    return found


async def withhold(db: AsyncSession, actor: Actor, asked: Sequence[Question]) -> None:
    """Replace answers that may not be shown now and clear their sources, without changing the database."""
    closed = await showing.closed(db, actor, {place for each in asked for place in places_of(each)})
    for each in asked:
        if any(channel_id in closed for channel_id, _ in places_of(each)):
            set_committed_value(each, "answer", text("ask.withheld", actor.language))
            set_committed_value(each, "sources", [])
            set_committed_value(each, "also_read", [])


def places_of(asked: Question) -> list[Place]:
    """Return the places the answer is based on: its sources, and further posts that the model was given."""
    named = [(source["channel_id"], source["url"]) for source in asked.sources]
    return [(UUID(channel_id), url) for channel_id, url in (*named, *asked.also_read)]


def cursor_of(asked: Question) -> str:
    """Return the cursor of the page that starts after this question."""
    return pagination.cursor_of(_NEWEST.of(asked))
