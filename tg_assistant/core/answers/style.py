"""How a person's answer is made, by flags and experiments: with the language model or not, and its length."""

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core.actor import Actor, scoped
from tg_assistant.core.answers.extractive import Extract
from tg_assistant.core.rollout import experiments, flags
from tg_assistant.infra import clock
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Question

SHORT = 2  # sentences
_AGAIN = timedelta(minutes=10)


@dataclass(frozen=True)
class Style:
    """Whether to use the language model, and the experiment's variant, None for those not in it."""

    model: bool
    variant: str | None

    def extract(self, found: Extract) -> Extract:
        """Return the extract cut to as many sentences as the variant shows."""
        return replace(found, sentences=found.sentences[:SHORT]) if self.variant == "short" else found


async def of(rt: Runtime, actor: Actor) -> Style:
    """Return the style that the group's flags and the experiment assign to this person now."""
    async with rt.db.transaction(actor.tenant) as db:
        model = await flags.enabled(db, actor.tenant, flags.MODEL)
        return Style(model, await experiments.variant(db, actor, experiments.LENGTH))


async def given(rt: Runtime, actor: Actor, question_id: UUID, style: Style) -> None:
    """Record the variant used for an extractive answer, once per question; nothing outside the experiment."""
    if style.variant is None:
        return
    async with rt.db.transaction(actor.tenant) as db:
        asked = (await db.exec(scoped(Question, actor).where(Question.id == question_id))).first()
        if asked is not None and asked.variant is None:
            asked.variant = style.variant
            await experiments.record_exposure(db, actor, experiments.LENGTH, style.variant)


async def asked_again(db: AsyncSession, actor: Actor) -> None:
    """Record the experiment's outcome if the previous question with a variant is under ten minutes old.

    Call before the new question is saved.
    """
    mine = scoped(Question, actor).where(Question.user_id == actor.user_id)
    last = (await db.exec(mine.order_by(col(Question.created_at).desc()).limit(1))).first()
    if last is not None and last.variant and last.created_at > clock.now(db) - _AGAIN:
        await experiments.record_outcome(db, actor, experiments.LENGTH, last.variant)
