"""Questions and answers as bubbles; numbers in an answer open their source."""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, TypedDict

import reflex as rx

from tg_assistant.components.formatting import ago
from tg_assistant.components.i18n import say
from tg_assistant.components.post_body import BlockRow
from tg_assistant.components.telegram import copy_button
from tg_assistant.core.answers.answers import Source, sources_of
from tg_assistant.models import Question
from tg_assistant.texts import text
from tg_assistant.web import process

_CITATION = re.compile(r"\[(\d{1,2})\]")
_LONGEST = timedelta(minutes=2)  # an answer that takes longer was interrupted
_JOINER = "\u2060"  # WORD JOINER: invisible, and forbids a line break


class Part(TypedDict):
    """A piece of an answer's text, or (n > 0) the number of a source."""

    text: str
    n: int


class SourceRow(TypedDict):
    """A post that an answer cites; `body` is the post itself while it is open."""

    n: int
    post_id: str
    title: str
    when: str
    quote: str
    url: str
    body: list[BlockRow]


class Exchange(TypedDict):
    """One question with its answer. `state`: waiting, streaming, done, abstained, failed.

    `kept`: the question is stored, or was refused with a notice; until then the browser sends it again after
    a lost connection.
    """

    id: str
    question: str
    kept: bool
    answer: str
    parts: list[Part]
    sources: list[SourceRow]
    state: str


def parts(answer: str) -> list[Part]:
    """Split an answer at its citations: "It rains [1]." → text, number, text."""
    pieces = _CITATION.split(answer)
    cut = [
        Part(text="", n=int(piece)) if at % 2 else Part(text=_glued(piece, at < len(pieces) - 1), n=0)
        for at, piece in enumerate(pieces)
    ]
    return [part for part in cut if part["n"] or part["text"]]


def _glued(piece: str, cited: bool) -> str:
    """Join a text to the number that follows, so that no line breaks between them."""
    return piece.rstrip() + _JOINER if cited and piece.strip() else piece


def source_rows(sources: Iterable[Source], language: str) -> list[SourceRow]:
    """Rows for a page's state: plain values, with times in words."""
    return [
        SourceRow(
            n=source.n,
            post_id=str(source.post_id),
            title=source.channel_title,
            when=ago(source.posted_at, language),
            quote=source.quote,
            url=source.url,
            body=[],
        )
        for source in sources
    ]


def exchange_of(asked: Question, language: str) -> Exchange:
    """A stored question with its answer, as far as it may be shown."""
    return Exchange(
        id=asked.id.hex,
        question=asked.question,
        kept=True,
        answer=asked.answer or "",
        parts=parts(asked.answer or ""),
        sources=source_rows(sources_of(asked), language),
        state=_state(asked),
    )


def _state(asked: Question) -> str:
    if asked.abstained:
        return "abstained"
    if asked.answer is not None:
        return "done"
    return "waiting" if process.now() - asked.created_at < _LONGEST else "failed"


def hidden(language: str) -> dict[str, Any]:
    """The fields of an exchange whose answer is withheld: a channel was lost while it was being written."""
    sentence = text("ask.withheld", language)
    return {"answer": sentence, "parts": parts(sentence), "sources": [], "state": "done"}


def as_now(shown: Iterable[Exchange], asked: Iterable[Question], language: str) -> list[Exchange]:
    """`shown`, with answers that have been hidden or restored since; an unfinished one is unchanged."""
    now = {one.id.hex: exchange_of(one, language) for one in asked if one.answer is not None}
    fresh = [(one, now.get(one["id"], one)) for one in shown]
    return [new if bool(new["sources"]) != bool(one["sources"]) else one for one, new in fresh]


def exchange(one: Exchange, *, on_source: Any, on_copied: Any) -> rx.Component:
    """The question on the right, its answer on the left."""
    mine = rx.el.div(one["question"], class_name="tg-bubble mine", data_testid="question")
    return rx.fragment(mine, _answer(one, on_source, on_copied))


def _answer(one: Exchange, on_source: Any, on_copied: Any) -> rx.Component:
    dots = rx.el.span(rx.el.i(), rx.el.i(), rx.el.i(), class_name="tg-dots", aria_label=say("ask.thinking"))
    body = rx.match(
        one["state"],
        ("waiting", rx.el.span(dots, role="status")),
        ("abstained", rx.el.span(say("ask.abstained"))),
        ("failed", rx.el.span(say("ask.interrupted"))),
        rx.fragment(rx.foreach(one["parts"], lambda part: _part(part, one["id"], on_source))),
    )
    cited = (one["state"] == "done") & (one["sources"].length() > 0)  # none: the answer is withheld
    return rx.el.div(
        body,
        rx.cond(cited, _sources(one, on_source), rx.fragment()),
        rx.cond(cited, _copy(one["answer"], on_copied), rx.fragment()),
        class_name=rx.cond(
            (one["state"] == "abstained") | (one["state"] == "failed"),
            "tg-bubble theirs abstained",
            "tg-bubble theirs",
        ),
        aria_live="polite",
        data_testid="answer",
        data_state=one["state"],
    )


def _part(part: Part, exchange_id: Any, on_source: Any) -> rx.Component:
    number = rx.el.button(
        part["n"],
        type="button",
        on_click=on_source(exchange_id, part["n"]),
        class_name="tg-cite",
        data_testid="cite",
    )
    return rx.cond(part["n"] > 0, number, rx.el.span(part["text"]))


def _sources(one: Exchange, on_source: Any) -> rx.Component:
    def row(source: SourceRow) -> rx.Component:
        return rx.el.button(
            rx.el.span(source["n"], class_name="tg-number"),
            rx.el.span(
                rx.el.span(source["title"], class_name="tg-source-title"),
                rx.el.span(source["when"], class_name="tg-source-when"),
                class_name="tg-cell-text",
            ),
            type="button",
            on_click=on_source(one["id"], source["n"]),
            class_name="tg-source",
            data_testid="source",
            data_url=source["url"],
        )

    return rx.el.div(rx.foreach(one["sources"], row), class_name="tg-sources")


def _copy(answer: Any, on_copied: Any) -> rx.Component:
    return rx.el.div(
        copy_button(
            say("ask.copy"), text=answer, on_copied=on_copied, class_name="tg-quiet", data_testid="ask-copy"
        ),
        class_name="tg-answer-foot",
    )
