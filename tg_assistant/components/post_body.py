"""A post as Telegram shows it: struck-out words, spoilers, code, quotations, links, then its other parts.

Built from structure, never from markup: a post is strangers' text.
"""

from collections.abc import Iterable
from typing import Any, TypedDict

import reflex as rx

from tg_assistant.components.telegram import telegram_link
from tg_assistant.core.posts import formatting
from tg_assistant.core.posts.formatting import Run
from tg_assistant.models import Post

LONGEST = 8_000  # characters shown
_STYLES = {
    "bold": "tg-strong",
    "italic": "tg-italic",
    "underline": "tg-underline",
    formatting.STRUCK: "tg-struck",
    "spoiler": "tg-spoiler",
    "code": "tg-code",
}


class RunRow(TypedDict):
    """A piece of text, the names of its styles, and where it leads; `web`: to a web page."""

    text: str
    style: str
    url: str
    web: bool


class BlockRow(TypedDict):
    """A paragraph: text, pre, quote, or a part of the post besides its text."""

    kind: str
    runs: list[RunRow]


def rows(post: Post) -> list[BlockRow]:
    """Rows for a page's state: plain values, at most LONGEST characters of the text."""
    shown = formatting.blocks(formatting.cut(post.text, LONGEST), post.entities)
    text = [BlockRow(kind=block.kind, runs=_runs(block.runs)) for block in shown]
    more = [Run(formatting.cut(part["text"], LONGEST)) for part in post.parts]
    return [*text, *(BlockRow(kind="part", runs=_runs([each])) for each in more)]


def _runs(runs: Iterable[Run]) -> list[RunRow]:
    return [
        RunRow(
            text=run.text,
            style=" ".join(style for kind, style in _STYLES.items() if kind in run.kinds),
            url=run.url or "",
            web=(run.url or "").startswith("http"),
        )
        for run in runs
    ]


def post_body(blocks: Any, *, instead: Any) -> rx.Component:
    """The rows of a post, in Telegram's look, or `instead` of none. Test id: post-body."""
    body = rx.el.div(rx.foreach(blocks, _block), class_name="tg-quote", data_testid="post-body")
    return rx.cond(blocks.length() > 0, body, rx.el.div(instead, class_name="tg-quote"))


def _block(block: BlockRow) -> rx.Component:
    return rx.el.div(rx.foreach(block["runs"], _run), class_name=f"tg-block {block['kind']}")


def _run(run: RunRow) -> rx.Component:
    """A piece of text; what a spoiler hides is shown on a tap or by the keyboard."""
    spoiler = rx.el.span(run["text"], class_name=run["style"], tab_index=0)
    text = rx.el.span(run["text"], class_name=run["style"])
    elsewhere = rx.el.a(run["text"], href=run["url"], class_name=run["style"], rel="noopener noreferrer")
    web = telegram_link(run["text"], href=run["url"], class_name=run["style"])
    linked = rx.cond(run["web"], web, elsewhere)
    hidden = run["style"].contains("tg-spoiler")
    return rx.cond(run["url"] != "", linked, rx.cond(hidden, spoiler, text))
