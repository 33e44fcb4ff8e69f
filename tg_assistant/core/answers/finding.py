"""The search behind a question of fact: within the time it names first, then without."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from tg_assistant.core.actor import Actor
from tg_assistant.core.answers import extractive, intents
from tg_assistant.core.answers.extractive import Extract
from tg_assistant.core.answers.intents import Intent
from tg_assistant.core.answers.question import Axis, Understood
from tg_assistant.core.retrieval import hybrid
from tg_assistant.core.retrieval.hybrid import Found
from tg_assistant.core.retrieval.scope import Wanted
from tg_assistant.core.understanding.dates import LONGEST
from tg_assistant.core.understanding.words import content_words, stem
from tg_assistant.infra.runtime import Runtime

_QUOTED = re.compile(r"[«\"“„]([^»\"”“]{2,100})[»\"”“]")
_LATELY = timedelta(days=3)
_RECURS = re.compile(
    r"ежедневн|кажд\w+|круглосуточн|по (будням|выходным|\w+(ам|ям))\b|daily|every|each|weekdays|weekends"
)


@dataclass(frozen=True)
class Looked:
    """What was found, and the sentences chosen. `outside`: not within the past time that was asked about."""

    found: Found
    extract: Extract
    outside: bool = False


async def look(rt: Runtime, actor: Actor, asked: Understood, wanted: Wanted, now: datetime) -> Looked:
    """Search for the answer: posts of the time asked about or that mention it, then posts of any time.

    What is asked about now is looked for in the last days first: what is older may no longer be so.
    """
    current = asked.intent is Intent.current
    narrowed = _narrowed(asked, wanted, now)
    if narrowed is not None:
        found = await hybrid.search(rt, actor, asked.asks, narrowed)
        extract = await extractive.extract(rt, asked.asks, found, current=current)
        if extract.sentences and asked.span is not None:
            return Looked(found, extract)
        if extract.sentences:
            return await _with_former(rt, actor, asked, wanted, Looked(found, extract))
    found = await hybrid.search(rt, actor, asked.asks, wanted)
    extract = await extractive.extract(rt, asked.asks, found, current=current)
    unnamed = None if extract.sentences else _without_name(asked.asks, found)
    if unnamed is not None:  # the post that answers need not repeat the event's name
        found = await hybrid.search(rt, actor, unnamed, wanted)
        extract = await extractive.extract(rt, unnamed, found, current=current)
    return Looked(found, extract, _outside(asked, extract))


def _without_name(question: str, found: Found) -> str | None:
    """Return the question without a quoted name that another post joins to its other words; None for none."""
    name = _QUOTED.search(question)
    if name is None:
        return None
    rest = f"{question[: name.start()]} {question[name.end() :]}"
    named, others = _stems(name.group()), _stems(rest)
    texts = [_stems(passage.text) for passage in found.passages]
    return rest if any(named <= its and others & its for its in texts) else None


def _stems(text: str) -> set[str]:
    return {stem(word) for word in content_words(text)}


async def _with_former(
    rt: Runtime, actor: Actor, asked: Understood, wanted: Wanted, lately: Looked
) -> Looked:
    """Return what was found lately, with its former values if posts of any time begin with the same."""
    found = await hybrid.search(rt, actor, asked.asks, wanted)
    extract = await extractive.extract(rt, asked.asks, found, current=True)
    newest = lately.extract.sentences[0].passage.place.post_id
    same = bool(extract.sentences) and extract.sentences[0].passage.place.post_id == newest
    return Looked(found, extract) if same else lately


def _outside(asked: Understood, extract: Extract) -> bool:
    """Return whether a time was asked about that the sentences found do not name, nor say "every day"."""
    if asked.span is None:
        return False
    words = " ".join(one.text for one in extract.sentences).lower()
    named = asked.axis is Axis.happens and asked.span_words.lower() in asked.asks.lower()
    return not (named or _RECURS.search(words))


def is_better_listed(asked: Understood, looked: Looked) -> bool:
    """Return whether no sentence answers, but the posts about it may: a count."""
    return not looked.extract.sentences and bool(asked.subject) and intents.counts_events(asked.asks)


def _narrowed(asked: Understood, wanted: Wanted, now: datetime) -> Wanted | None:
    """Return what is wanted within the time that the question names; None if it names none."""
    if wanted.get("since") or wanted.get("until"):
        return None
    if asked.span is None:
        return {**wanted, "since": now - _LATELY} if intents.asks_now(asked.asks) else None
    narrowed: Wanted = {**wanted, "since": asked.span.start, "until": asked.span.end}
    return {**narrowed, "days": asked.span.dates()} if asked.span.days <= LONGEST else narrowed
