"""Answers to questions, streamed with their sources: for the app, the bot and REST alike."""

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
from tg_assistant.core.posts import freshness
from tg_assistant.core.posts.formatting import unjoined
from tg_assistant.core.retrieval import hybrid
from tg_assistant.core.retrieval.hybrid import Found, Passage, Place, Wanted
from tg_assistant.errors import AlreadyExists
from tg_assistant.infra import metrics
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Question
from tg_assistant.texts import text as say

MAX_COPIES = 2  # further channels listed as sources of a post that was published in several
QUOTE = 300  # characters
# Bullets, dashes and emoji in front of a post's line.
_LEADING = re.compile(r"^(?:[^\w«»„“”\"'(\[#@$€£₽+]|_)+")
_NO_WORD = re.compile(r"\W*")


@dataclass(frozen=True)
class Source:
    """A post that an answer is based on; the text cites it as `[n]`."""

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
    """The complete answer. It differs from the streamed text, and replaces it, if the stream broke off.

    `confidence` is 0…1. `degraded` lists what was missing: "meaning" (only full text was searched), "model"
    (the language model failed, so the answer consists of sentences of the posts). `also_read` are the places
    of posts the model was given and did not cite: its text may be based on them, too.
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
    """Answer a question: yields `Sources`, any number of `Delta`, then `Done`; an abstention is `Done` alone.

    A door that may send a question twice passes an id: the second call raises AlreadyExists; see `resume`.
    Reads only channels the actor may read. Raises Invalid (empty, too long), LimitReached (the plan's
    questions a day) and NotAllowed before anything is yielded.
    """
    asked = await asking.begin(rt, actor, question, question_id)
    async with aclosing(finish(rt, actor, asked, wanted)) as events:
        async for event in events:
            yield event


async def resume(rt: Runtime, actor: Actor, question_id: UUID) -> AsyncGenerator[Event]:
    """Yield the events of a question the actor asked before: the stored `Done`, or all if it has no answer.

    For a door that was interrupted. A question tried `tries.TRIES` times is not tried again, because it may
    be what crashed those processes; its answer then says so. Waits for a try running elsewhere; one whose
    process died is over after 20 s. Raises NotFound for a question that is deleted or another person's, and
    AlreadyExists when it is still being tried elsewhere after two minutes.
    """
    patience = monotonic() + tries.PATIENCE_SECONDS
    while True:
        async with rt.db.transaction(actor.tenant) as db:
            asked = await question_log.get(db, actor, question_id)
            if asked.answer is None and await tries.give_up(db, actor, asked):
                # its tries are used up: its answer is now the sentence that says so
                asked = await question_log.get(db, actor, question_id)
            free = await tries.is_free(db, asked)
        if asked.answer is not None:
            yield as_it_was(asked)
            return
        if free:
            with suppress(AlreadyExists):  # another process answered it first
                async with aclosing(finish(rt, actor, asked, {})) as events:
                    async for event in events:
                        yield event
                return
        if monotonic() >= patience:
            raise AlreadyExists("answers.asked_before")
        await asyncio.sleep(tries.LOOK_SECONDS)


async def finish(rt: Runtime, actor: Actor, asked: Question, wanted: Wanted) -> AsyncGenerator[Event]:
    """Yield the events of a question that `asking.begin` has accepted; `asked` is its row as last read.

    Raises AlreadyExists when it has been answered since, or another process is trying it now.
    """
    began = monotonic()
    done: Done | None = None
    async with tries.Try(rt, actor, asked):
        found, extract = await _searched(rt, actor, asked, wanted)
        quoted = [passage.place.post_id for passage in found.passages]
        if (await freshness.check(rt, actor, quoted)).changed:
            found, extract = await _searched(rt, actor, asked, wanted)
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


async def _searched(rt: Runtime, actor: Actor, asked: Question, wanted: Wanted) -> tuple[Found, Extract]:
    # the turn is released before waiting for Telegram or a language model
    async with rt.turns.turn(actor.user_id):
        found = await hybrid.search(rt, actor, asked.question, wanted)
        return found, await extractive.extract(rt, asked.question, found)


def _kept(done: Done, seconds: float) -> dict[str, object]:
    """Return the columns of a question that store its answer."""
    said = {"answer": done.answer, "abstained": done.abstained, "confidence": done.confidence}
    also_read = [[str(channel_id), url] for channel_id, url in done.also_read]
    rests = {"sources": _stored(done.sources), "also_read": also_read}
    return {**said, **rests, "milliseconds": round(seconds * 1000), "tried_at": None}


def as_it_was(asked: Question) -> Done:
    """Return the `Done` of a stored answer."""
    assert asked.answer is not None, "nobody has answered it"
    read = [(UUID(channel_id), url) for channel_id, url in asked.also_read]
    confidence = asked.confidence or 0
    return Done(asked.id, asked.answer, sources_of(asked), bool(asked.abstained), confidence, also_read=read)


def sources_of(asked: Question) -> list[Source]:
    """Return the sources stored with the answer."""
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
    """Join sentences of one post: list marks are removed, a line without a final mark gets a colon."""
    shown = [_LEADING.sub("", " ".join(unjoined(one).split())) for one in sentences]
    joined = [one if _closed(one) else f"{one}:" for one in shown[:-1]]
    return " ".join([*joined, shown[-1]])


def _closed(sentence: str) -> bool:
    """Return whether a punctuation mark that ends a sentence follows its last word."""
    behind = _NO_WORD.match(sentence[::-1])
    return behind is not None and any(mark in behind.group() for mark in ".!?…:;")


def _source(n: int, passage: Passage, place: Place, quote: str) -> Source:
    shown = " ".join(unjoined(quote).split())
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
