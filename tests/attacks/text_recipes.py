"""How functions that read a text are called by `test_every_text.py`, where a text alone is not enough."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast
from uuid import UUID, uuid4

import numpy as np

from bot import answer as bot_answer
from bot import post_text
from bot.handlers import searching
from tg_assistant.components import channel_picker, conversation, post_body
from tg_assistant.core.access.init_data import Validator
from tg_assistant.core.answers import extractive, generative, kinds, question, scoring, sources, wording
from tg_assistant.core.answers.answers import Done, Source
from tg_assistant.core.channels import following
from tg_assistant.core.exports import feed_documents
from tg_assistant.core.group import invites
from tg_assistant.core.posts import formatting
from tg_assistant.core.posts.posts import ShownPost
from tg_assistant.core.retrieval import copies, indexing, passages, search, snippets
from tg_assistant.core.retrieval.cross_lingual import Meaning, Spellings
from tg_assistant.core.retrieval.passages import Passage, Place
from tg_assistant.core.retrieval.search import Hit
from tg_assistant.core.understanding import dates, time_spans
from tg_assistant.errors import SignInNeeded
from tg_assistant.models import Channel, Dialog, Post, Role

_NOW = datetime(2026, 11, 29, tzinfo=UTC)
_MEANING = Meaning(np.ones(1), np.ones(1), cyrillic=True)
_ID = UUID(int=1)


def _place(title: str = "Канал", n: int = 0) -> Place:
    return Place(uuid4(), _ID, title, _NOW, f"https://t.me/channel/{n}")


def passage(text: str, n: int = 0) -> Passage:
    return Passage(_place(text, n), text, 1.0, 0.9, 0.5, (1, n))


def _source(text: str) -> Source:
    return Source(1, uuid4(), _ID, text, _NOW, "https://t.me/channel/1", text, 0.5)


def _asked(text: str) -> wording.Question:
    """The question without its words' vectors: nothing of that is awaited."""
    taking = cast(
        "Coroutine[Any, Any, wording.Question]",
        wording.take_apart(cast("Any", None), text, {}, by_meaning=False),
    )
    try:
        taking.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("taking a question apart waits for something")


def _lexicon(text: str) -> scoring.Lexicon:
    words = scoring.different_words([text])
    return scoring.Lexicon(_asked(text), words, np.zeros((len(words), 1)))


def _judge(text: str) -> object:
    lexicon = _lexicon(text)
    (read,) = extractive._read([passage(text)])
    rows = [(one, np.ones(1)) for one in read.texts]
    judged = scoring.judge(lexicon, _MEANING, read.passage, np.zeros(len(lexicon.asked.words)), rows)
    return extractive._concluded(lexicon.asked, [judged], False, True)


def _nearness(text: str) -> object:
    words = text.split(" ")
    return _asked(text).nearness(words, np.zeros((len(words), 1)))


def _written(text: str) -> object:
    writer = generative.Writer(cast("Any", None), text, [1], [passage(text)], today=_NOW.date())
    return writer._checked(text)


def _xml(text: str) -> bytes:
    xml = feed_documents._Xml()
    xml.text("title", text, href=text)
    return xml.written()


def _post(text: str) -> Post:
    return Post(id=uuid4(), channel_id=_ID, message_id=1, posted_at=_NOW, text=text, text_hash=b"")


def _entities(text: str) -> list[dict[str, Any]]:
    """As many as Telegram allows, each within the one before it; more are in test_formatting.py."""
    half, url = min(100, len(text) // 2), "https://a.b"
    kinds = (formatting.STRUCK, "text_link", "pre")
    return [
        {"kind": kinds[n % 3], "offset": n, "length": max(1, len(text) - 2 * n), "url": url}
        for n in range(half)
    ]


def _formatted(text: str) -> Post:
    post = _post(text)
    post.entities, post.parts = _entities(text), [{"origin": "poll", "text": text}]
    return post


def _with_entities(function: Callable[..., object], text: str) -> object:
    return function(text, _entities(text))


def _validated(text: str) -> None:
    with suppress(SignInNeeded):
        Validator("1:token").check(text, _NOW)


def _hit(text: str) -> object:
    channel = Channel(id=_ID, telegram_id=1, title=text)
    hit = Hit(
        ShownPost(_post(text), channel, "https://t.me/c/1"), 1.0, snippets.extract(text, text[:500]), ""
    )
    return searching._line(hit, 1, "ru")


# By module and function, methods by their class. The text has a post's full length.
RECIPES: dict[str, Callable[[str], object]] = {
    "tg_assistant.components.channel_picker.choice_of": lambda text: channel_picker.choice_of(
        Dialog(telegram_id=1, title=text, access_hash=0), set(), "ru"
    ),
    "tg_assistant.components.conversation.source_rows": lambda text: conversation.source_rows(
        [_source(text)], "ru"
    ),
    "tg_assistant.core.answers.sources.made": lambda text: sources.made(1, passage(text), _place(text), text),
    "tg_assistant.core.answers.generative.Writer.__init__": _written,
    "tg_assistant.core.answers.generative.prompt": lambda text: generative.prompt(
        text[:4000], [1], [passage(text)], today=_NOW.date()
    ),
    "tg_assistant.core.answers.extractive._read": lambda text: extractive._read([passage(text)]),
    "tg_assistant.core.channels.following.describe": lambda text: following.describe(
        Channel(id=_ID, telegram_id=1, title=""), title=text, username=text
    ),
    "tg_assistant.core.retrieval.indexing._pieces": lambda text: indexing._pieces(_post(text)),
    "tg_assistant.core.access.init_data.Validator.check": _validated,
    "tg_assistant.core.group.invites.new": lambda text: invites.new(
        tenant_id=_ID, role=Role.user, notes=text
    ),
    "tg_assistant.core.answers.scoring.Lexicon.__init__": _lexicon,
    "tg_assistant.core.answers.scoring.Lexicon.covered": lambda text: _lexicon(text).covered([text]),
    "tg_assistant.core.answers.scoring.Lexicon.said_by_title": lambda text: _lexicon(text).said_by_title(
        _MEANING, passage(text)
    ),
    "tg_assistant.core.answers.scoring.judge": _judge,
    "tg_assistant.core.answers.kinds.is_counted": lambda text: kinds.is_counted(kinds._COUNT, text),
    "tg_assistant.core.retrieval.cross_lingual.Meaning.cosine": lambda text: _MEANING.cosine(
        text, np.ones(1)
    ),
    "tg_assistant.core.retrieval.cross_lingual.Meaning.same_language": _MEANING.same_language,
    "tg_assistant.core.retrieval.cross_lingual.Spellings.__init__": lambda text: Spellings(text.split(" ")),
    "tg_assistant.core.retrieval.cross_lingual.Spellings.of": lambda text: Spellings(text.split(" ")).of(
        text
    ),
    "tg_assistant.core.answers.question.understand": lambda text: question.understand(text[:4000], _NOW),
    "tg_assistant.core.exports.feed_documents._Xml.inside": _xml,
    "tg_assistant.core.exports.feed_documents._Xml.text": _xml,
    "tg_assistant.core.retrieval.passages.place_of": lambda text: passages.place_of(
        _post(text), Channel(id=_ID, telegram_id=1, title=text)
    ),
    "tg_assistant.core.retrieval.passages.origin_of": lambda text: passages.origin_of(
        _post(text), Channel(id=_ID, telegram_id=1, title=text)
    ),
    "tg_assistant.core.understanding.dates.mentioned": lambda text: dates.mentioned(text, _NOW),
    "tg_assistant.core.understanding.time_spans.find": lambda text: time_spans.find(text, _NOW),
    "tg_assistant.core.retrieval.copies.collapsed": lambda text: copies.collapsed(
        [passage(text[n:], n) for n in range(8)], 8
    ),
    "tg_assistant.core.retrieval.search._conditions": lambda text: search._conditions([_ID], text[:500], {}),
    "tg_assistant.core.answers.wording.Question.fits": lambda text: _asked(f"Сколько? {text}").fits(text),
    "tg_assistant.core.answers.wording.Question.nearness": _nearness,
    "bot.answer.messages": lambda text: bot_answer.messages(
        Done(_ID, text, [_source(text)] * 3, False, 0.9), "ru"
    ),
    "bot.handlers.searching._line": _hit,
    "bot.post_text.message": lambda text: post_text.message(
        ShownPost(_formatted(text), Channel(id=_ID, telegram_id=1, title=text), "https://t.me/c/1")
    ),
    "tg_assistant.components.post_body.rows": lambda text: post_body.rows(_formatted(text)),
    **{
        f"tg_assistant.core.posts.formatting.{function.__name__}": partial(_with_entities, function)
        for function in (formatting.runs, formatting.blocks, formatting.said)
    },
    "tg_assistant.core.posts.formatting.cut": lambda text: formatting.cut(text, 4096),
    "tg_assistant.core.posts.formatting.hosts": lambda text: formatting.hosts(text.split(" "), text),
}
# What no stranger's text reaches, or reaches only cut; a module or a function, and why.
EXEMPT: dict[str, str] = {
    "tg_assistant.components.qr_code": "draws addresses that we made",
    "tg_assistant.core.answers.kinds._kind": "takes our own expressions, once at import",
    "tg_assistant.core.accounts.qr": "draws addresses that we made",
    "tg_assistant.core.access.access_tokens.issue": "signs claims that we made",
    "tg_assistant.core.posts.posts.cursor_of": "writes a time and an id",
    "tg_assistant.components.audit_text": "puts together what we wrote into the trail",
}
