"""Questions as people send them: with formatting, under photos, as albums; and what is no question."""

import asyncio

import pytest
from aiogram.enums import ContentType

from bot.handlers.fallback import _SENT
from sandbox.bot_api import inbox
from sandbox.bot_api.contents import _FIELDS, content, rich
from tests.corpus import a_channel, a_reader, a_tenant
from tg_assistant.core.answers import question_log
from tg_assistant.core.retrieval import indexing
from tg_assistant.texts import text

pytestmark = pytest.mark.usefixtures("bot")
QUESTION, FACT = "Когда откроют мост на Садовой?", "7:00"
KINDS = {
    "sound": ("voice", "audio", "video_note"),
    "media": ("photo", "live_photo", "video", "animation", "document", "paid_media"),
    "sticker": ("sticker", "dice", "game"),
    "place": ("location", "venue"),
    "contact": ("contact",),
    "poll": ("poll", "checklist"),
    "story": ("story",),
    "other": ("giveaway", "invoice"),
}
RICH = [
    "Когда ",
    {"type": "bold", "text": ["откроют ", {"type": "italic", "text": "мост"}]},
    {"type": "custom_emoji", "custom_emoji_id": "5", "alternative_text": " "},
    {"type": "url", "text": "на Садовой?", "url": "https://example.org/"},
]


@pytest.fixture(scope="module")
async def anna(rt, telegram):
    """Anna follows a channel that knows when the bridge opens."""
    where = await a_tenant(rt)
    channel = await a_channel(
        rt,
        where,
        ["Разводной мост на Садовой откроют 5 декабря в 7:00 утра.", "Рецепт недели: суп из тыквы."],
    )
    await indexing.index_dirty(rt, where.id)
    return await a_reader(rt, where, telegram.phone("anna").person.id, [channel.id])


@pytest.mark.parametrize("kind", sorted({"photo", "video", "document", "animation", "voice"}))
async def test_a_caption_is_a_question(anna, chat, kind):
    """Whatever it stands under."""
    sent = chat("anna").sends(QUESTION, content=content(kind))
    assert FACT in (await chat("anna").hears(sent.id, FACT)).text


async def test_a_rich_message_is_a_question(anna, rt, chat):
    """Its words are read as one text, without what formats them."""
    sent = chat("anna").sends("", content=rich(RICH))
    assert FACT in (await chat("anna").hears(sent.id, FACT)).text
    async with rt.db.transaction(anna.tenant_id) as db:
        [last, *_] = (await question_log.page(db, anna, limit=1)).items
    assert last.question == QUESTION


async def test_entities_are_no_part_of_the_question(anna, chat):
    """Bold, a custom emoji, a spoiler and a hidden link in a question with more words leave it a question."""
    kinds = ("bold", "spoiler", "custom_emoji", "text_link")
    entities = [{"type": kind, "offset": 0, "length": 5, "url": "https://t.me/durov"} for kind in kinds]
    sent = chat("anna").sends(QUESTION, entities=entities)
    assert FACT in (await chat("anna").hears(sent.id, FACT)).text


@pytest.mark.parametrize("kind", sorted(_FIELDS))
async def test_what_cannot_be_read_is_answered_in_words(anna, chat, kind):
    """Each kind that a person can send says what to do instead."""
    [told] = [told for told, kinds in KINDS.items() if kind in kinds]
    sent = chat("anna").sends("", content=content(kind))
    assert (await chat("anna").hears(sent.id)).text == text(f"bot.not_text.{told}", "ru")


def test_each_kind_is_answered_or_a_service_message():
    """A kind of a later Bot API fails here until it is decided what to say to it."""
    service = {kind for kind in ContentType if kind not in _SENT} - {ContentType.TEXT, ContentType.ANY}
    assert len(service) == 54, sorted(service)
    assert not [kind for kind in service if kind.value in _FIELDS]


async def test_an_album_is_one_question(anna, rt, chat, telegram):
    """Its caption may stand under any of its photos; it is answered, and counted, once."""
    before = await _asked(rt, anna)
    parts = inbox.send_album(telegram.world, chat("anna").person, ["", "", QUESTION])
    telegram.world.commit()
    await chat("anna").hears(parts[-1].id, FACT)
    await chat("anna").says("/cancel")
    assert len(chat("anna").heard(parts[-1].id)) == 2
    assert await _asked(rt, anna) == before + 1


async def test_an_album_without_words_is_told_once(anna, chat, telegram):
    """Also when a part of it comes late; a late part with words is a question of its own."""
    mine = chat("anna")
    parts = inbox.send_album(telegram.world, mine.person, ["", "", "", ""], album="77")
    telegram.world.commit()
    await mine.hears(parts[-1].id)
    inbox.send_album(telegram.world, mine.person, [""], album="77")
    [late] = inbox.send_album(telegram.world, mine.person, [QUESTION], album="77")
    telegram.world.commit()
    await mine.hears(late.id, FACT)
    await asyncio.sleep(0.1)
    told = mine.heard(parts[-1].id)
    assert told[0] == text("bot.not_text.media", "ru") and len(told) == 2


async def test_captions_of_an_album_are_joined(anna, rt, chat, telegram):
    """Two captions are one question, each a paragraph."""
    parts = inbox.send_album(telegram.world, chat("anna").person, ["Когда откроют мост", "на Садовой?"])
    telegram.world.commit()
    await chat("anna").hears(parts[-1].id, FACT)
    async with rt.db.transaction(anna.tenant_id) as db:
        [last, *_] = (await question_log.page(db, anna, limit=1)).items
    assert last.question.split() == QUESTION.split()


async def _asked(rt, reader):
    async with rt.db.transaction(reader.tenant_id) as db:
        return len((await question_log.page(db, reader, limit=100)).items)
