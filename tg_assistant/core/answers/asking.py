"""Storing a question before it is answered, and its answer afterwards."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, or_, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import plans
from tg_assistant.core.access.sign_in import hold_member
from tg_assistant.core.actor import Actor, scoped
from tg_assistant.core.answers import intents, style, tries
from tg_assistant.errors import AlreadyExists, Invalid, LimitReached
from tg_assistant.infra import fair_queue, metrics
from tg_assistant.infra.postgres.db import run_text
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Question

MAX_QUESTION = 4_000  # characters


def checked(question: str) -> str:
    """Return the question as it will be stored. Raises Invalid (empty, too long)."""
    # PostgreSQL text can store neither NUL nor a lone surrogate, which a client may leave of a cut emoji
    stripped = question.encode("utf-8", "ignore").decode().replace("\x00", "").strip()
    if not any(character.isalnum() for character in stripped):
        raise Invalid("answers.empty_question")
    if len(stripped) > MAX_QUESTION:
        raise Invalid("answers.question_too_long", max=MAX_QUESTION)
    return stripped


async def _allow_another(db: AsyncSession, user_id: UUID, allowed: int) -> None:
    """Raise LimitReached while `allowed` questions are less than a day old."""
    day = timedelta(days=1)
    # questions dated later were asked before PostgreSQL's clock was set back
    now = (await db.exec(select(func.now()))).one()
    today = col(Question.created_at).between(now - day, now + timedelta(minutes=1))
    counted = col(Question.intent).is_(None) | col(Question.intent).not_in(intents.WITHOUT_SEARCH)
    mine = select(col(Question.created_at)).where(Question.user_id == user_id, today, counted)
    newest_first = mine.order_by(col(Question.created_at).desc())
    in_the_way = (await db.exec(newest_first.offset(allowed - 1).limit(1))).first()
    if in_the_way is not None:
        metrics.rate_limit_exceeded_total.labels("questions").inc()
        policy, wait = ("questions", allowed, int(day.total_seconds())), in_the_way + day - now
        seconds = wait.total_seconds()
        raise LimitReached("answers.daily_limit", policy=policy, retry_after=seconds, max=allowed)


async def _under_way(db: AsyncSession, user_id: UUID) -> int:
    """Return how many questions of the person any process is answering, or about to answer."""
    open_ = col(Question.answer).is_(None), or_(tries.under_way(), tries.about_to_begin())
    return (await db.exec(select(func.count()).where(Question.user_id == user_id, *open_))).one()


async def begin(rt: Runtime, actor: Actor, question: str, question_id: UUID | None = None) -> Question:
    """Store the question if the plan allows another one within 24 hours. Raises what `answers.ask` does.

    For a door that must report a refusal before it starts to stream; `answers.finish` does the rest.
    """
    actor.require()
    rt.turns.check_room(actor.user_id)
    question, question_id = checked(question), question_id or uuid4()
    allowed = plans.of(actor.plan).questions_per_day
    async with rt.db.transaction(actor.tenant) as db:
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
        await run_text(db, lock, key=f"ask:{actor.user_id}")
        if await db.get(Question, question_id) is not None:
            raise AlreadyExists("answers.asked_before")
        fair_queue.check_count(await _under_way(db, actor.user_id))
        await _allow_another(db, actor.user_id, allowed)
        await style.asked_again(db, actor)
        asked = Question(
            id=question_id,
            tenant_id=actor.tenant,
            user_id=actor.user_id,
            door=actor.door,
            question=question,
        )
        db.add(asked)
        try:
            await db.flush()
        except IntegrityError:  # the id belongs to another group's question, which row-level security hides
            raise AlreadyExists("answers.asked_before") from None
    return asked


async def keep(rt: Runtime, actor: Actor, question_id: UUID, answer: dict[str, Any]) -> None:
    """Save the answer, given as column values. A question deleted meanwhile is ignored.

    Raises NotAllowed, and saves nothing, when the person was disabled or removed meanwhile.
    """
    async with rt.db.transaction(actor.tenant) as db:
        await hold_member(db, actor.tenant, actor.user_id)
        mine = scoped(Question, actor).where(Question.id == question_id, Question.user_id == actor.user_id)
        asked = (await db.exec(mine)).first()
        if asked is not None:
            asked.sqlmodel_update(answer)
            db.add(asked)
