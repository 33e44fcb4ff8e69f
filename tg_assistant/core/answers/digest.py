"""Answers that list posts: what is new, what happened, what is on, all posts about something, opinions.

Each piece of news once, a line with its time and source, at most seven; how many more there are is said.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from math import ceil
from uuid import UUID

from tg_assistant.core.actor import Actor
from tg_assistant.core.answers import sources
from tg_assistant.core.answers.composing import Draft, Reader, plain
from tg_assistant.core.answers.intents import Intent
from tg_assistant.core.answers.question import Axis, Understood
from tg_assistant.core.channels import channels
from tg_assistant.core.retrieval import hybrid, recent
from tg_assistant.core.retrieval.passages import Passage
from tg_assistant.core.retrieval.scope import Wanted
from tg_assistant.core.understanding.dates import MOST as MOST_DAYS
from tg_assistant.core.understanding.dates import mentioned
from tg_assistant.core.understanding.sentence_split import sentences
from tg_assistant.core.understanding.words import content_words, stem
from tg_assistant.infra.runtime import Runtime
from tg_assistant.texts import day
from tg_assistant.texts import text as say

LISTS = frozenset({Intent.news, Intent.agenda, Intent.listing, Intent.opinion})
LINES = 7
_OF_ONE_CHANNEL = 2  # lines, while other channels have something to tell
_FOUND = 400  # posts about a subject that are considered: all that a search compares
_HEADLINE = 160  # characters
_WINDOWS = tuple(timedelta(days=days) for days in (1, 3, 7, 30))  # without a span: the first with enough news
_ENOUGH = 3
_ENOUGH_WORDS = 5  # content words of a headline
_READ = 20  # sentences of a post
_SHARE = 0.75  # of the subject's words that a post about it has, or as many as any post has
_ADVERT = ("erid", "#реклама", "на правах рекламы", "#промо")


@dataclass(frozen=True)
class _News:
    """The pieces of news, the newest first, and how many posts there are in all."""

    passages: list[Passage]
    posts: int


async def compose(
    rt: Runtime, actor: Actor, asked: Understood, reader: Reader, wanted: Wanted
) -> Draft | None:
    """Return the list that answers the question; None if there is nothing to list, even without a span."""
    subject = asked.subject
    if wanted.get("since") or wanted.get("until"):  # the caller's own span counts, not the question's words
        asked = replace(asked, span=None)
    span = (asked.span.start, asked.span.end) if asked.span else None
    if asked.axis is Axis.happens and asked.span is not None:
        news = await _news(rt, actor, subject, {**wanted, "days": asked.span.dates()[:MOST_DAYS]})
    elif span is not None:
        news = await _news(rt, actor, subject, {**wanted, "since": span[0], "until": span[1]})
    else:
        news, span = await _latest(rt, actor, asked, subject, wanted, reader)
    if news.passages:
        return await rt.texts.run(_listed, asked, subject, reader, span, news)
    return await _nearest_before(rt, actor, asked, subject, wanted, reader)


async def _latest(
    rt: Runtime, actor: Actor, asked: Understood, subject: str, wanted: Wanted, reader: Reader
) -> tuple[_News, tuple[datetime, datetime] | None]:
    """The news of the shortest window with enough of it; for a list of all posts no window."""
    bounded = wanted.get("since") or wanted.get("until")
    if subject or bounded or asked.intent not in (Intent.news, Intent.agenda):
        return await _news(rt, actor, subject, wanted), None
    news, span = _News([], 0), None
    for window in _WINDOWS:
        span = reader.now - window, reader.now
        news = await _news(rt, actor, subject, {**wanted, "since": span[0], "until": span[1]})
        if len(news.passages) >= _ENOUGH:
            break
    return news, span


async def _news(rt: Runtime, actor: Actor, subject: str, wanted: Wanted) -> _News:
    if not subject:
        found = await recent.posted(rt, actor, wanted)
        # without posts that bear the mark that Russian law asks of adverts
        texts = [(one, one.text[:4_096].lower()) for one in found.passages]
        return _News([one for one, text in texts if not any(mark in text for mark in _ADVERT)], found.posts)
    searched = await hybrid.search(rt, actor, subject, {**wanted, "limit": _FOUND})
    passages = await rt.texts.run(_about, subject, searched.passages)
    if named := await _named_channels(rt, actor, subject, wanted):
        of_channels = await recent.posted(rt, actor, {**wanted, "channel_ids": named})
        there = {one.place.post_id for one in passages}
        passages += [one for one in of_channels.passages if one.place.post_id not in there]
    passages.sort(key=lambda one: one.place.posted_at, reverse=True)
    return _News(passages, len(passages))


def _about(subject: str, passages: Sequence[Passage]) -> list[Passage]:
    """The posts that have the subject's words; by meaning alone a list would hold what is merely near."""
    stems = {stem(word) for word in content_words(subject)}
    least = ceil(_SHARE * len(stems))
    texts = [(one, f"{one.place.channel_title} {one.text}") for one in passages if one.lexical > 0]
    found = [(one, len(stems & {stem(word) for word in content_words(text)})) for one, text in texts]
    most = max((said for _, said in found), default=0)
    return [one for one, said in found if said >= min(least, max(most, 1))]


async def _named_channels(rt: Runtime, actor: Actor, subject: str, wanted: Wanted) -> list[UUID]:
    """Return the channels whose titles the subject names: «что нового у „Якоря“»."""
    stems = {stem(word) for word in content_words(subject)}
    if not stems or wanted.get("channel_ids") is not None:
        return []
    async with rt.db.transaction(actor.tenant) as db:
        titles = await channels.readable_titles(db, actor)
    its = {channel_id: {stem(word) for word in content_words(title)} for channel_id, title in titles.items()}
    return [at for at, named in its.items() if stems <= named and 2 * len(stems) >= len(named)]


# ── Words ────────────────────────────────────────────────────────────────────────────────────────────────


def _listed(
    asked: Understood,
    subject: str,
    reader: Reader,
    span: tuple[datetime, datetime] | None,
    news: _News,
) -> Draft:
    chosen = _chosen(news.passages, by_relevance=asked.intent is Intent.opinion)
    made = [
        sources.made(n, one, one.place, plain(_headline(one.text, subject)))
        for n, one in enumerate(chosen, 1)
    ]
    one_day = span is not None and asked.axis is Axis.posted and span[1] - span[0] <= timedelta(days=1)
    lines = [
        _line(asked, reader, one, source.n, subject, one_day=one_day)
        for one, source in zip(chosen, made, strict=True)
    ]
    left = len(news.passages) - len(chosen)
    code = f"answer.head.{_head(asked, some=left > 0)}"
    head = say(code, reader.language, n=news.posts, span=span_in_words(asked, reader, span))
    more = [say("answer.more", reader.language, n=left)] if left else []
    return Draft("\n".join([head, *lines, *more]), made)


def _head(asked: Understood, *, some: bool) -> str:
    if asked.axis is Axis.happens:
        return "agenda"
    if asked.intent not in (Intent.news, Intent.agenda):
        return "listing"
    return "main" if some else "news"


def _chosen(passages: Sequence[Passage], *, by_relevance: bool) -> list[Passage]:
    """The pieces told by most channels, few of one channel while others have some, in the order of time."""
    ranked = sorted(passages, key=lambda one: -len(one.also))  # stable: the newest first among equals
    if by_relevance:
        ranked = sorted(passages, key=lambda one: -one.score)
    of_channel, first, rest = Counter[UUID](), list[Passage](), list[Passage]()
    for one in ranked:
        of_channel[one.place.channel_id] += 1
        (first if of_channel[one.place.channel_id] <= _OF_ONE_CHANNEL else rest).append(one)
    chosen = [*first, *rest][:LINES]
    return sorted(chosen, key=lambda one: one.place.posted_at, reverse=True)


def _line(asked: Understood, reader: Reader, passage: Passage, n: int, subject: str, *, one_day: bool) -> str:
    when = passage.place.posted_at.astimezone(reader.now.tzinfo)
    shown = f"{when:%H:%M}" if one_day else reader.day(when)
    if asked.axis is Axis.happens:
        return f"• {plain(_about_days(asked, passage, reader))} ({shown}) [{n}]"
    headline = plain(_headline(passage.text, subject))
    if asked.intent is Intent.opinion:
        return f"• {passage.place.channel_title}, {shown}: {headline} [{n}]"
    return f"• {shown} — {headline} [{n}]"


def _about_days(asked: Understood, passage: Passage, reader: Reader) -> str:
    """The sentence of a post that mentions one of the days asked about."""
    posted = passage.place.posted_at.astimezone(reader.now.tzinfo)
    days = set(asked.span.dates()) if asked.span else set[date]()
    for sentence in sentences(passage.text)[:_READ]:
        if days.intersection(mentioned(sentence, posted)):
            return _shortened(sentence)
    return _headline(passage.text, asked.subject)


def _headline(text: str, subject: str) -> str:
    """What a post tells in brief: its sentences from the one about the subject on, until they say enough."""
    told = [one for one in sentences(text) if content_words(one)][:_READ] or [text]
    stems = {stem(word) for word in content_words(subject)}
    best = max(told, key=lambda one: len(stems & {stem(word) for word in content_words(one)}))
    at = told.index(best)
    line = best
    for following in told[at + 1 : at + 3]:
        enough = len(content_words(line)) >= _ENOUGH_WORDS and not line.rstrip().endswith((":", "?"))
        if enough or len(line) + len(following) > _HEADLINE:
            break
        line = f"{line} {following}"
    return _shortened(line)


def _shortened(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _HEADLINE else one_line[:_HEADLINE].rsplit(" ", 1)[0] + "…"


def span_in_words(asked: Understood, reader: Reader, span: tuple[datetime, datetime] | None = None) -> str:
    """Return the span as dates, so that a misunderstood one is seen, with the subject."""
    if asked.span is not None:
        span = asked.span.start, asked.span.end
    about = f"«{asked.subject}»" if asked.subject else ""
    if span is None:
        return about
    last = span[1] - timedelta(microseconds=1)
    first_day, last_day = (
        day(at.astimezone(reader.now.tzinfo), reader.language, this_year=reader.now.year)
        for at in (span[0], last)
    )
    days = first_day if first_day == last_day else f"{first_day} – {last_day}"
    return f"{days}, {about}" if about else days


async def _nearest_before(
    rt: Runtime, actor: Actor, asked: Understood, subject: str, wanted: Wanted, reader: Reader
) -> Draft | None:
    """Say that the span has nothing, with the newest post before it, or about its subject at any time."""
    if asked.span is None:
        return None
    nothing = say("answer.nothing_then", reader.language, span=span_in_words(asked, reader))
    if asked.axis is Axis.happens:
        return Draft(nothing, [])
    found = await _news(rt, actor, subject, {**wanted, "until": min(asked.span.start, reader.now)})
    if not found.passages:
        return None
    one = found.passages[0]
    headline = plain(_headline(one.text, subject))
    before = say("answer.nearest", reader.language, day=reader.day(one.place.posted_at), text=headline)
    return Draft(f"{nothing}\n{before} [1]", [sources.made(1, one, one.place, headline)])
