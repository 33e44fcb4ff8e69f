"""Answers to questions, streamed with their sources: for the app, the bot and REST alike."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Unpack
from uuid import UUID

from tg_assistant.core.actor import Actor
from tg_assistant.core.answers import (
    asking,
    composing,
    conversation,
    digest,
    extractive,
    finding,
    generative,
    question_log,
    replies,
    sources,
    style,
    tries,
)
from tg_assistant.core.answers.composing import Draft, Reader
from tg_assistant.core.answers.finding import Looked
from tg_assistant.core.answers.intents import Intent
from tg_assistant.core.answers.question import Understood
from tg_assistant.core.answers.sources import Source
from tg_assistant.core.posts import freshness
from tg_assistant.core.retrieval.scope import Wanted
from tg_assistant.errors import AlreadyExists
from tg_assistant.infra import metrics
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Question
from tg_assistant.texts import text as say

_LISTED = 0.8  # confidence of a list: that its posts are about the subject


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
        reader = _reader(rt, actor, asked)
        async with rt.db.transaction(actor.tenant) as db:
            understood = await conversation.resolve(db, actor, asked, reader.now)
        async for event in _answered(rt, actor, asked, understood, reader, wanted):
            if isinstance(event, Done):
                done = event
            else:
                yield event
        assert done is not None
        seconds = monotonic() - began
        await asking.keep(rt, actor, asked.id, _kept(done, understood, asked, seconds))
    outcome = "abstained" if done.abstained else "degraded" if done.degraded else "answered"
    metrics.rag_queries_total.labels(actor.door, outcome).inc()
    metrics.rag_processing_duration_seconds.observe(seconds)
    yield done


def _reader(rt: Runtime, actor: Actor, asked: Question) -> Reader:
    """For whom to write: in the language of the question, if it has one of ours."""
    letters = [letter for letter in asked.question if letter.isalpha()]
    russian = sum("а" <= letter.lower() <= "я" or letter in "ёЁ" for letter in letters)
    language = actor.language if not letters else "ru" if 2 * russian > len(letters) else "en"
    return Reader(rt.clock.now().astimezone(rt.settings.retrieval.zone), language)


def _kept(done: Done, understood: Understood, asked: Question, seconds: float) -> dict[str, object]:
    """Return the columns of a question that store its answer."""
    said = {"answer": done.answer, "abstained": done.abstained, "confidence": done.confidence}
    also_read = [[str(channel_id), url] for channel_id, url in done.also_read]
    rests = {"sources": sources.stored(done.sources), "also_read": also_read}
    resolved = understood.text if understood.text != " ".join(asked.question.split()) else None
    taken = {"intent": understood.intent, "resolved": resolved}
    return {**said, **rests, **taken, "milliseconds": round(seconds * 1000), "tried_at": None}


def as_it_was(asked: Question) -> Done:
    """Return the `Done` of a stored answer."""
    assert asked.answer is not None, "nobody has answered it"
    read = [(UUID(channel_id), url) for channel_id, url in asked.also_read]
    confidence = asked.confidence or 0
    return Done(asked.id, asked.answer, sources_of(asked), bool(asked.abstained), confidence, also_read=read)


def sources_of(asked: Question) -> list[Source]:
    """Return the sources stored with the answer."""
    return [sources.restored(row) for row in asked.sources]


async def _answered(
    rt: Runtime, actor: Actor, asked: Question, understood: Understood, reader: Reader, wanted: Wanted
) -> AsyncIterator[Event]:
    found = await _found(rt, actor, understood, reader, wanted)
    if (await freshness.check(rt, actor, _quoted(rt, found))).changed:
        found = await _found(rt, actor, understood, reader, wanted)
    if found is None:
        yield _nothing(actor, asked, 0.0)
    elif isinstance(found, Draft):
        for event in _drafted(asked, found, _LISTED if found.sources else 1.0):
            yield event
    else:
        async for event in _written(rt, actor, asked, understood, reader, found):
            yield event


def _quoted(rt: Runtime, found: Draft | Looked | None) -> list[UUID]:
    """Return the posts that an answer will be made of; a language model reads all that were found."""
    if found is None:
        return []
    if isinstance(found, Draft):
        return [source.post_id for source in found.sources]
    chosen = [one.passage for one in found.extract.sentences]
    return [passage.place.post_id for passage in (chosen if rt.llm is None else found.found.passages)]


async def _found(
    rt: Runtime, actor: Actor, understood: Understood, reader: Reader, wanted: Wanted
) -> Draft | Looked | None:
    """Return a reply or a list as it will be shown, or what an answer can be written from."""
    if not understood.searches:
        return replies.reply(understood, reader.language)
    async with rt.turns.turn(actor.user_id):  # the turn is released before waiting for a language model
        if understood.intent in digest.LISTS:
            return await digest.compose(rt, actor, understood, reader, wanted)
        looked = await finding.look(rt, actor, understood, wanted, reader.now)
        if finding.is_better_listed(understood, looked):
            listed = replace(understood, intent=Intent.listing)
            return await digest.compose(rt, actor, listed, reader, wanted) or looked
        return looked


async def _written(
    rt: Runtime, actor: Actor, asked: Question, understood: Understood, reader: Reader, looked: Looked
) -> AsyncIterator[Event]:
    """Yield the answer by the language model, or by sentences of the posts without one."""
    found, extract = looked.found, looked.extract
    degraded = ["meaning"] if found.degraded or extract.degraded else []
    chosen = await style.of(rt, actor)
    if rt.llm is not None and chosen.model and extract.confidence >= extractive.WORTH_READING:
        read = [sources.made(n, one, one.place, one.text) for n, one in enumerate(found.passages, 1)]
        yield Sources(read)
        numbers = [source.n for source in read]
        written = generative.Writer(rt.llm, understood.text, numbers, found.passages, today=reader.now.date())
        async for piece in written.stream():
            yield Delta(piece)
        if written.cited:
            cited = [source for source in read if source.n in written.cited]
            rest = [(source.channel_id, source.url) for source in read if source not in cited]
            yield Done(asked.id, written.text, cited, False, extract.confidence, degraded, rest)
            return
        degraded = [*degraded, "model"] if written.failed else degraded
    if not extract.sentences:
        yield _nothing(actor, asked, extract.confidence, degraded)
        return
    await style.given(rt, actor, asked.id, chosen)
    draft = composing.from_extract(chosen.extract(extract), reader, outside=looked.outside)
    if looked.outside:
        span = digest.span_in_words(replace(understood, subject=""), reader)
        nothing = say("answer.nothing_then", reader.language, span=span)
        draft = Draft(f"{nothing} {draft.text}", draft.sources)
    for event in _drafted(asked, draft, extract.confidence, degraded):
        yield event


def _drafted(asked: Question, draft: Draft, confidence: float, degraded: Sequence[str] = ()) -> list[Event]:
    done = Done(asked.id, draft.text, draft.sources, False, confidence, list(degraded))
    return [*([Sources(draft.sources)] if draft.sources else []), Delta(draft.text), done]


def _nothing(actor: Actor, asked: Question, confidence: float, degraded: Sequence[str] = ()) -> Done:
    return Done(asked.id, say("ask.abstained", actor.language), [], True, confidence, list(degraded))
