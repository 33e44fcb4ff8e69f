"""Every class and field of Telethon's layer has a rule or a reason: the next layer fails here until it has.

Each object is made from its signature with a word of its own in every text field, at any depth; each word is
then in the post, or its field stands below, or in `made.ELSEWHERE`, with the reason why not.
"""

import ast
import inspect
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from telethon import types

import ingest
from ingest import convert
from ingest.content import entities, media, message_parts, page_blocks, rich_text
from tests.ingest.made import Made, classes, constructors, make

ROOT = Path(next(iter(ingest.__path__)))
_PROGRAMS = "for programs; no client shows it"
NOT_READ = {
    **dict.fromkeys(
        ("Document.mime_type", "DocumentAttributeVideo.video_codec", "Game.short_name"), _PROGRAMS
    ),
    **dict.fromkeys(("MessageMediaVenue.provider", "MessageMediaVenue.venue_id"), _PROGRAMS),
    **dict.fromkeys(("MessageMediaInvoice.start_param", "MessageMediaVenue.venue_type"), _PROGRAMS),
    **dict.fromkeys(
        ("WebPage.display_url", "WebPage.type", "WebPage.embed_url", "WebPage.embed_type"), _PROGRAMS
    ),
    **dict.fromkeys(("TextAnchor.name", "PageBlockEmbed.html", "MessageFwdHeader.psa_type"), _PROGRAMS),
    **dict.fromkeys(("PageBlockOrderedList.type", "PageListOrderedItemText.type"), "letters or numerals"),
    "MessageMediaContact.vcard": "the same contact in a form for programs",
    "Poll.countries_iso2": "who may vote, told to whom may not",
    "TextPhone.phone": "the number that is called; the text shows it",
    "FactCheck.country": "where the fact-check is shown",
    "MessageFwdHeader.saved_from_name": "of a person's own saved messages",
}


def told(**fields: Any) -> str:
    """All of a post's words, as the message with these fields is read."""
    message = types.Message(1, types.PeerChannel(1), datetime(2026, 11, 30, tzinfo=UTC), "", **fields)
    made = convert.post(message, {})
    assert made is not None
    formatting = [str(value) for entity in made.entities for value in entity.values()]
    around = [part["text"] for part in made.parts] + [made.forward_title or ""]
    return "\n".join([made.text, *formatting, *around, *made.links])


def unread(words: Made, text: str) -> set[str]:
    return {field for field, word in words.items() if word not in text}


@pytest.mark.parametrize("made", classes("MessageMedia"), ids=lambda made: made.__name__)
def test_every_word_of_a_medium_is_read(made: type):
    """Or its field has a reason; a class without a rule is a new one of Telegram's."""
    assert made in media.RULES
    words: Made = {}
    assert unread(words, told(media=make(made, words))) - NOT_READ.keys() == set()


@pytest.mark.parametrize("made", constructors("PageBlock"), ids=lambda made: made.__name__)
def test_every_word_of_a_block_is_read(made: type):
    """A rich message of this block has its words; or the block, or the field, has a reason."""
    assert (made in page_blocks.BLOCKS) != (made in page_blocks.LEFT_OUT)
    words: Made = {}
    rich = types.RichMessage([make(made, words)], [], [])
    if made not in page_blocks.LEFT_OUT:
        assert unread(words, told(rich_message=rich)) - NOT_READ.keys() == set()


@pytest.mark.parametrize("made", constructors("RichText"), ids=lambda made: made.__name__)
def test_every_word_of_a_rich_text_is_read(made: type):
    """Each way in which a text may be formatted has a rule."""
    assert made in rich_text.SPANS or made in rich_text.LEAVES or made is types.TextConcat
    words: Made = {}
    rich = types.RichMessage([types.PageBlockParagraph(make(made, words))], [], [])
    assert unread(words, told(rich_message=rich)) - NOT_READ.keys() == set()


@pytest.mark.parametrize("made", constructors("MessageEntity"), ids=lambda made: made.__name__)
def test_every_entity_has_a_rule(made: type):
    """It is stored under the Bot API's name, or the reason is written down."""
    assert (made in entities.KINDS) != (made in entities.LEFT_OUT)


def test_every_field_of_a_message_has_a_rule():
    """`convert` reads it, or the reason is written down, never both."""
    fields = set(inspect.signature(types.Message.__init__).parameters) - {"self"}
    read = {
        node.attr
        for name in ("convert.py", "content/message_parts.py")
        for node in ast.walk(ast.parse((ROOT / name).read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "message"
    }
    assert fields - read - message_parts.LEFT_OUT.keys() == set()
    assert message_parts.LEFT_OUT.keys() - fields == set()
    assert read & message_parts.LEFT_OUT.keys() == set()


@pytest.mark.parametrize("field", ["reply_to", "factcheck", "fwd_from", "reply_markup"])
def test_every_word_around_a_message_is_read(field: str):
    """What it answers, what is said of it, where it is from, its buttons."""
    of = {
        "reply_to": types.MessageReplyHeader,
        "factcheck": types.FactCheck,
        "fwd_from": types.MessageFwdHeader,
        "reply_markup": types.ReplyInlineMarkup,
    }
    words: Made = {}
    made = make(of[field], words)
    assert unread(words, told(**{field: made})) - NOT_READ.keys() == set()
