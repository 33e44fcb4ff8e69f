"""What a question takes from the one before it: «А когда?», "and its battery?"."""

import re
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core.actor import Actor, scoped
from tg_assistant.core.answers import intents, question
from tg_assistant.core.answers.intents import Intent
from tg_assistant.core.answers.question import Understood
from tg_assistant.core.understanding.words import content_words
from tg_assistant.models import Question

LASTS = timedelta(minutes=30)
_LEADS_ON = re.compile(r"^(а|и|но|ну|ну и|and|but|what about|how about)\b[,\s]*", re.IGNORECASE)
_POINTS_BACK = re.compile(
    r"\b(он|она|оно|они|его|её|ее|их|ему|ей|им|ним|ней|них|нём|нем|это|этого|этой|этому|этим|этот|эта|эти|туда|"
    r"тогда|it|its|they|their|them|he|she|his|her|him|those)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"\b(кто|что|чем|чего|где|когда|куда|откуда|почему|зачем|как|какой|какая|какое|какие|сколько|почём|почем|"
    r"who|what|where|when|why|how|which|is|are|was|were|did|does|do|will|can)\b",
    re.IGNORECASE,
)


async def resolve(db: AsyncSession, actor: Actor, asked: Question, now: datetime) -> Understood:
    """Return how a question was understood, with what it takes from the person's question before it.

    Looks back half an hour, in the same door; a question with a subject of its own takes nothing. `now` is in
    the person's time zone.
    """
    understood = question.understand(asked.question, now)
    if not _follows(asked.question, understood):
        return understood
    before = await _before(db, actor, asked.created_at, asked.door, asked.id)
    if before is None:
        return understood
    told = question.understand(before.resolved or before.question, now)
    if not told.subject:
        return understood
    return question.understand(_joined(asked.question, understood, told), now)


def _follows(text: str, understood: Understood) -> bool:
    if understood.intent in (Intent.small_talk, Intent.assistant):
        return False
    if not understood.subject:
        return understood.intent is Intent.incomplete or _LEADS_ON.match(text.strip()) is not None
    words = content_words(understood.subject)
    return bool(_POINTS_BACK.search(text)) or (_LEADS_ON.match(text.strip()) is not None and len(words) <= 1)


async def _before(
    db: AsyncSession, actor: Actor, created_at: datetime, door: str, question_id: UUID
) -> Question | None:
    mine = scoped(Question, actor).where(Question.user_id == actor.user_id, Question.door == door)
    near = mine.where(
        col(Question.created_at) <= created_at,
        col(Question.created_at) > created_at - LASTS,
        Question.id != question_id,
    )
    before = (await db.exec(near.order_by(col(Question.created_at).desc()).limit(1))).first()
    return None if before is None or intents.begins_afresh(before.question) else before


def _joined(text: str, understood: Understood, told: Understood) -> str:
    """The question with the subject of the one before; one that asks nothing itself repeats that question."""
    rest = _LEADS_ON.sub("", text.strip()).strip(" ?!.")
    if not _ASKS.search(rest) and (understood.span or understood.subject):
        kept = told.asks if understood.span else told.text
        return f"{kept.strip(' ?!.')} {rest}?"
    return f"{told.subject}: {_POINTS_BACK.sub(' ', rest).strip()}?"
