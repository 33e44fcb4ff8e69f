"""One question, one answer with its sources: for the app, the bot and REST alike."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from time import monotonic
from typing import Unpack
from uuid import UUID, uuid4

from sqlalchemy import func, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import answer_style, citations, extracts, plans, questions, retrieval
from tg_assistant.core.access import Actor
from tg_assistant.core.extracts import Extract
from tg_assistant.core.retrieval import Found, Passage, Place, Wanted
from tg_assistant.errors import AlreadyExists, Invalid, LimitReached
from tg_assistant.infra import metrics
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Question
from tg_assistant.texts import text as say

MAX_QUESTION = 4_000  # characters
MAX_COPIES = 2  # places named beside a post that stands in several channels
QUOTE = 300  # characters
# Bullets, dashes and emoji in front of a post's line.
_LEADING = re.compile(r"^(?:[^\w«»„“”\"'(\[#@$€£₽+]|_)+")
_NO_WORD = re.compile(r"\W*")


@dataclass(frozen=True)
class Source:
    """A post an answer stands on, `n` being its number in the text."""

    n: int
    post_id: UUID
    channel_id: UUID
    channel_title: str
    posted_at: datetime
    url: str
    quote: str
    score: float


@dataclass(frozen=True)
class Sources:
    """The posts the answer will be written from."""

    sources: list[Source]


@dataclass(frozen=True)
class Delta:
    """The next piece of the answer's text."""

    text: str


@dataclass(frozen=True)
class Done:
    """The whole answer: what was streamed, unless the stream broke off; then this is what counts.

    `degraded` says what was missing: "meaning" (full text alone was searched), "model" (the language model
    did not answer, sentences of the posts stand in for it).
    """

    question_id: UUID
    answer: str
    sources: list[Source]
    abstained: bool
    confidence: float
    degraded: list[str] = field(default_factory=list)


Event = Sources | Delta | Done


async def ask(
    rt: Runtime, actor: Actor, question: str, *, question_id: UUID | None = None, **wanted: Unpack[Wanted]
) -> AsyncIterator[Event]:
    """`Sources`, any number of `Delta`, `Done`; an abstention is `Done` alone.

    A door that may send a question twice gives it an id: the second time raises AlreadyExists; see `resume`.
    Reads only channels the actor may read. Raises Invalid (empty, too long), LimitReached (questions of the
    day, by plan) and NotAllowed before anything is yielded.
    """
    asked = await begin(rt, actor, question, question_id)
    async for event in finish(rt, actor, asked, wanted):
        yield event


async def resume(rt: Runtime, actor: Actor, question_id: UUID) -> AsyncIterator[Event]:
    """The events of a question the actor asked before: `Done` as it was, or all, if nobody has answered it.

    For a door that was interrupted. Raises NotFound for a question that is gone, or somebody else's.
    """
    async with rt.db.transaction(actor.tenant) as db:
        asked = await questions.get(db, actor, question_id)
    if asked.answer is not None:
        yield as_it_was(asked)
        return
    async for event in finish(rt, actor, asked, {}):
        yield event


async def finish(rt: Runtime, actor: Actor, asked: Question, wanted: Wanted) -> AsyncIterator[Event]:
    """The events of a question that `begin` has let in; refuses nothing any more."""
    began = monotonic()
    found = await retrieval.search(rt, actor, asked.question, wanted)
    degraded = ["meaning"] if found.degraded else []
    done: Done | None = None
    async for event in _answered(rt, actor, asked, found, degraded):
        if isinstance(event, Done):
            done = event
        else:
            yield event
    assert done is not None
    seconds = monotonic() - began
    await _save(rt, actor, done, round(seconds * 1000))
    metrics.rag_queries_total.labels(actor.door, _outcome(done)).inc()
    metrics.rag_processing_duration_seconds.observe(seconds)
    yield done


def _outcome(done: Done) -> str:
    if done.abstained:
        return "abstained"
    return "degraded" if done.degraded else "answered"


def as_it_was(asked: Question) -> Done:
    """The end of an answer given before."""
    assert asked.answer is not None, "nobody has answered it"
    return Done(asked.id, asked.answer, sources_of(asked), bool(asked.abstained), asked.confidence or 0)


def sources_of(asked: Question) -> list[Source]:
    """The sources as they were given with the answer."""
    return [
        Source(
            **{
                **stored,
                "post_id": UUID(stored["post_id"]),
                "channel_id": UUID(stored["channel_id"]),
                "posted_at": datetime.fromisoformat(stored["posted_at"]),
            }
        )
        for stored in asked.sources
    ]


def _checked(question: str) -> str:
    # a half of an emoji, cut by whoever sent it, is no text to PostgreSQL; nor is NUL
    stripped = question.encode("utf-8", "ignore").decode().replace("\x00", "").strip()
    if not any(character.isalnum() for character in stripped):
        raise Invalid("answers.empty_question")
    if len(stripped) > MAX_QUESTION:
        raise Invalid("answers.question_too_long", max=MAX_QUESTION)
    return stripped


async def _allow_another(db: AsyncSession, user_id: UUID, allowed: int) -> None:
    """Raises LimitReached until the oldest question that stands in the way is a day old."""
    day = timedelta(days=1)
    now = (await db.exec(select(func.now()))).one()  # PostgreSQL's: later ones came before it was set back
    today = col(Question.created_at).between(now - day, now + timedelta(minutes=1))
    mine = select(col(Question.created_at)).where(Question.user_id == user_id, today)
    newest_first = mine.order_by(col(Question.created_at).desc())
    in_the_way = (await db.exec(newest_first.offset(allowed - 1).limit(1))).first()
    if in_the_way is not None:
        metrics.rate_limit_exceeded_total.labels("questions").inc()
        policy, wait = ("questions", allowed, int(day.total_seconds())), in_the_way + day - now
        seconds = wait.total_seconds()
        raise LimitReached("answers.daily_limit", policy=policy, retry_after=seconds, max=allowed)


async def begin(rt: Runtime, actor: Actor, question: str, question_id: UUID | None = None) -> Question:
    """Write the question down, if the plan still allows one today (any 24 hours). Raises what `ask` does.

    For a door that has to know of a refusal before its answer starts; `finish` does the rest.
    """
    actor.require()
    question, question_id = _checked(question), question_id or uuid4()
    allowed = plans.of(actor.plan).questions_per_day
    async with rt.db.transaction(actor.tenant) as db:
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
        await db.exec(lock.bindparams(key=f"ask:{actor.user_id}"))  # type: ignore[call-overload]
        if await db.get(Question, question_id) is not None:
            raise AlreadyExists("answers.asked_before")
        await _allow_another(db, actor.user_id, allowed)
        await answer_style.asked_again(db, actor)
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
        except IntegrityError:  # another group's question cannot be seen from here
            raise AlreadyExists("answers.asked_before") from None
    return asked


async def _answered(
    rt: Runtime, actor: Actor, asked: Question, found: Found, degraded: list[str]
) -> AsyncIterator[Event]:
    extract = await extracts.extract(rt, asked.question, found)
    degraded = ["meaning"] if extract.degraded else degraded
    style = await answer_style.of(rt, actor)
    if rt.llm is not None and style.model and extract.confidence >= extracts.WORTH_READING:
        sources = [
            _source(n, passage, passage.place, passage.text) for n, passage in enumerate(found.passages, 1)
        ]
        yield Sources(sources)
        written = citations.Writer(rt.llm, asked.question, [source.n for source in sources], found.passages)
        async for piece in written.stream():
            yield Delta(piece)
        if written.cited:
            cited = [source for source in sources if source.n in written.cited]
            yield Done(asked.id, written.text, cited, False, extract.confidence, degraded)
            return
        degraded = [*degraded, "model"] if written.failed else degraded
    if extract.sentences:
        await answer_style.given(rt, actor, asked.id, style)
    for event in _extractive(actor, asked, style.extract(extract), degraded):
        yield event


def _extractive(actor: Actor, asked: Question, extract: Extract, degraded: list[str]) -> list[Event]:
    if not extract.sentences:
        nothing = say("ask.abstained", actor.language)
        return [Done(asked.id, nothing, [], True, extract.confidence, degraded)]
    sources: list[Source] = []
    numbers: dict[UUID, str] = {}
    for picked in extract.sentences:
        place = picked.passage.place
        if place.post_id not in numbers:
            places = [place, *picked.passage.also[:MAX_COPIES]]
            quote = _read_on(extract.of_post(place.post_id))
            new = [_source(n, picked.passage, at, quote) for n, at in enumerate(places, len(sources) + 1)]
            sources += new
            numbers[place.post_id] = "".join(f"[{source.n}]" for source in new)
    pieces = [
        f"{_read_on([one.text for one in of_post])} {numbers[post_id]}"
        for post_id, of_post in groupby(extract.sentences, lambda one: one.passage.place.post_id)
    ]
    deltas = [Delta(piece if n == 0 else f" {piece}") for n, piece in enumerate(pieces)]
    answer = " ".join(pieces)
    return [Sources(sources), *deltas, Done(asked.id, answer, sources, False, extract.confidence, degraded)]


def _read_on(sentences: Sequence[str]) -> str:
    """Sentences of one post as running text: no list marks, and a colon after a line that has no end."""
    shown = [_LEADING.sub("", " ".join(one.split())) for one in sentences]
    joined = [one if _closed(one) else f"{one}:" for one in shown[:-1]]
    return " ".join([*joined, shown[-1]])


def _closed(sentence: str) -> bool:
    """Whether there is a mark that ends it behind its last word."""
    behind = _NO_WORD.match(sentence[::-1])
    return behind is not None and any(mark in behind.group() for mark in ".!?…:;")


def _source(n: int, passage: Passage, place: Place, quote: str) -> Source:
    shown = " ".join(quote.split())
    shown = shown if len(shown) <= QUOTE else shown[: QUOTE - 1].rsplit(" ", 1)[0] + "…"
    score = round(passage.score, 4)
    return Source(
        n, place.post_id, place.channel_id, place.channel_title, place.posted_at, place.url, shown, score
    )


async def _save(rt: Runtime, actor: Actor, done: Done, milliseconds: int) -> None:
    async with rt.db.transaction(actor.tenant) as db:
        asked = await db.get(Question, done.question_id)
        if asked is None:
            return  # the person deleted everything meanwhile
        asked.answer, asked.abstained, asked.confidence = done.answer, done.abstained, done.confidence
        asked.sources = _stored(done.sources)
        asked.milliseconds = milliseconds


def _stored(sources: Sequence[Source]) -> list[dict[str, object]]:
    return [
        {
            **asdict(source),
            "post_id": str(source.post_id),
            "channel_id": str(source.channel_id),
            "posted_at": source.posted_at.isoformat(),
        }
        for source in sources
    ]
