"""One question, one answer with its sources: for the app, the bot and REST alike."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import groupby
from time import monotonic
from typing import Any, Unpack
from uuid import UUID

from tg_assistant.core.actor import Actor
from tg_assistant.core.answers import asking, extractive, generative, question_log, style, tries
from tg_assistant.core.answers.extractive import Extract
from tg_assistant.core.retrieval import hybrid
from tg_assistant.core.retrieval.hybrid import Found, Passage, Place, Wanted
from tg_assistant.errors import AlreadyExists
from tg_assistant.infra import metrics
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Question
from tg_assistant.texts import text as say

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
    did not answer, sentences of the posts stand in for it). `also_read` is what a model was shown and did
    not name: its words may rest on that, too.
    """

    question_id: UUID
    answer: str
    sources: list[Source]
    abstained: bool
    confidence: float
    degraded: list[str] = field(default_factory=list)
    also_read: list[tuple[UUID, str]] = field(default_factory=list)


Event = Sources | Delta | Done


async def ask(
    rt: Runtime, actor: Actor, question: str, *, question_id: UUID | None = None, **wanted: Unpack[Wanted]
) -> AsyncIterator[Event]:
    """`Sources`, any number of `Delta`, `Done`; an abstention is `Done` alone.

    A door that may send a question twice gives it an id: the second time raises AlreadyExists; see `resume`.
    Reads only channels the actor may read. Raises Invalid (empty, too long), LimitReached (questions of the
    day, by plan) and NotAllowed before anything is yielded.
    """
    asked = await asking.begin(rt, actor, question, question_id)
    async with aclosing(finish(rt, actor, asked, wanted)) as events:
        async for event in events:
            yield event


async def resume(rt: Runtime, actor: Actor, question_id: UUID) -> AsyncGenerator[Event]:
    """The events of a question the actor asked before: `Done` as it was, or all, if nobody has answered it.

    For a door that was interrupted. What was tried `tries.TRIES` times is not tried again, for it may be
    what ended the processes that tried; its answer then says so. A try under way elsewhere is waited for, and
    one whose process died for 20 s. Raises NotFound for a question that is gone, or somebody else's, and
    AlreadyExists when after two minutes it is still tried elsewhere.
    """
    patience = monotonic() + tries.PATIENCE_SECONDS
    while True:
        async with rt.db.transaction(actor.tenant) as db:
            asked = await question_log.get(db, actor, question_id)
            if asked.answer is None and await tries.give_up(db, actor, asked):
                # its tries are used up: it is answered with a sentence now
                asked = await question_log.get(db, actor, question_id)
            free = await tries.is_free(db, asked)
        if asked.answer is not None:
            yield as_it_was(asked)
            return
        if free:
            with suppress(AlreadyExists):  # somebody else was first
                async with aclosing(finish(rt, actor, asked, {})) as events:
                    async for event in events:
                        yield event
                return
        if monotonic() >= patience:
            raise AlreadyExists("answers.asked_before")
        await asyncio.sleep(tries.LOOK_SECONDS)


async def finish(rt: Runtime, actor: Actor, asked: Question, wanted: Wanted) -> AsyncGenerator[Event]:
    """The events of a question that `begin` has let in, as read last.

    Raises AlreadyExists when it is answered by now, or tried by another process at this moment.
    """
    began = monotonic()
    done: Done | None = None
    async with tries.Try(rt, actor, asked):
        async with rt.turns.turn(actor.user_id):  # what a language model writes is waited for outside of it
            found = await hybrid.search(rt, actor, asked.question, wanted)
            extract = await extractive.extract(rt, asked.question, found)
        async for event in _answered(rt, actor, asked, found, extract):
            if isinstance(event, Done):
                done = event
            else:
                yield event
        assert done is not None
        seconds = monotonic() - began
        await asking.keep(rt, actor, asked.id, _kept(done, seconds))
    outcome = "abstained" if done.abstained else "degraded" if done.degraded else "answered"
    metrics.rag_queries_total.labels(actor.door, outcome).inc()
    metrics.rag_processing_duration_seconds.observe(seconds)
    yield done


def _kept(done: Done, seconds: float) -> dict[str, object]:
    """The columns of an answer."""
    said = {"answer": done.answer, "abstained": done.abstained, "confidence": done.confidence}
    also_read = [[str(channel_id), url] for channel_id, url in done.also_read]
    rests = {"sources": _stored(done.sources), "also_read": also_read}
    return {**said, **rests, "milliseconds": round(seconds * 1000), "tried_at": None}


def as_it_was(asked: Question) -> Done:
    """The end of an answer given before."""
    assert asked.answer is not None, "nobody has answered it"
    read = [(UUID(channel_id), url) for channel_id, url in asked.also_read]
    confidence = asked.confidence or 0
    return Done(asked.id, asked.answer, sources_of(asked), bool(asked.abstained), confidence, also_read=read)


def sources_of(asked: Question) -> list[Source]:
    """The sources as they were given with the answer."""
    return [_restored(stored) for stored in asked.sources]


def _restored(stored: dict[str, Any]) -> Source:
    typed: dict[str, Any] = {
        "post_id": UUID(stored["post_id"]),
        "channel_id": UUID(stored["channel_id"]),
        "posted_at": datetime.fromisoformat(stored["posted_at"]),
    }
    return Source(**{**stored, **typed})


async def _answered(
    rt: Runtime, actor: Actor, asked: Question, found: Found, extract: Extract
) -> AsyncIterator[Event]:
    degraded = ["meaning"] if found.degraded or extract.degraded else []
    chosen = await style.of(rt, actor)
    if rt.llm is not None and chosen.model and extract.confidence >= extractive.WORTH_READING:
        sources = [
            _source(n, passage, passage.place, passage.text) for n, passage in enumerate(found.passages, 1)
        ]
        yield Sources(sources)
        written = generative.Writer(rt.llm, asked.question, [source.n for source in sources], found.passages)
        async for piece in written.stream():
            yield Delta(piece)
        if written.cited:
            cited = [source for source in sources if source.n in written.cited]
            rest = [(source.channel_id, source.url) for source in sources if source not in cited]
            yield Done(asked.id, written.text, cited, False, extract.confidence, degraded, rest)
            return
        degraded = [*degraded, "model"] if written.failed else degraded
    if extract.sentences:
        await style.given(rt, actor, asked.id, chosen)
    for event in _extractive(actor, asked, chosen.extract(extract), degraded):
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
