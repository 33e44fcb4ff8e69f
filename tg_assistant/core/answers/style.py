"""How a person's answer is made, as flags and experiments say: with the language model or not, how long."""

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
    """`variant` is None outside of the experiment."""

    model: bool
    variant: str | None

    def extract(self, found: Extract) -> Extract:
        """As many of the sentences as the variant shows."""
        return replace(found, sentences=found.sentences[:SHORT]) if self.variant == "short" else found


async def of(rt: Runtime, actor: Actor) -> Style:
    """What the group's flags and the experiment say for this person now."""
    async with rt.db.transaction(actor.tenant) as db:
        model = await flags.enabled(db, actor.tenant, flags.MODEL)
        return Style(model, await experiments.variant(db, actor, experiments.LENGTH))


async def given(rt: Runtime, actor: Actor, question_id: UUID, style: Style) -> None:
    """The question is answered by sentences, in this style."""
    if style.variant is None:
        return
    async with rt.db.transaction(actor.tenant) as db:
        asked = (await db.exec(scoped(Question, actor).where(Question.id == question_id))).first()
        if asked is not None and asked.variant is None:
            asked.variant = style.variant
            await experiments.record_exposure(db, actor, experiments.LENGTH, style.variant)


async def asked_again(db: AsyncSession, actor: Actor) -> None:
    """Call before a new question is saved: tells the experiment if one was answered just now."""
    mine = scoped(Question, actor).where(Question.user_id == actor.user_id)
    last = (await db.exec(mine.order_by(col(Question.created_at).desc()).limit(1))).first()
    if last is not None and last.variant and last.created_at > clock.now(db) - _AGAIN:
        await experiments.record_outcome(db, actor, experiments.LENGTH, last.variant)
