"""Asking in the chat: the same answers as at the other doors, in Telegram's form."""

import asyncio

import pytest

from bot.handlers import asking
from sandbox.faults import bot_error
from tests.bot.chat import links, until
from tests.corpus import a_channel, a_reader, a_tenant
from tg_assistant.core.actor import Actor
from tg_assistant.core.answers import question_log
from tg_assistant.core.answers.answers import Delta, Done, Sources
from tg_assistant.core.retrieval import indexing
from tg_assistant.texts import text

pytestmark = pytest.mark.usefixtures("bot")
POSTS = [
    "Разводной мост на Садовой откроют 5 декабря в 7:00 утра. Движение автобусов вернётся в тот же день.",
    "The night ferry to Buoy Seven leaves at 23:40 from pier 4.",
    "Рецепт недели: суп из тыквы с имбирём.",
]


@pytest.fixture(scope="module")
async def readers(rt, telegram) -> dict[str, Actor]:
    """Anna and Max follow one channel with three posts."""
    where = await a_tenant(rt)
    channel = await a_channel(rt, where, POSTS)
    await indexing.index_dirty(rt, where.id)
    people = {name: telegram.phone(name).person for name in ("anna", "max")}
    return {name: await a_reader(rt, where, each.id, [channel.id]) for name, each in people.items()}


@pytest.mark.parametrize(
    ("who", "question", "fact"),
    [
        ("anna", "/ask Когда откроют мост на Садовой?", "7:00"),
        ("anna", "Когда откроют мост на Садовой?", "7:00"),
        ("max", "When does the night ferry leave?", "23:40"),
    ],
)
async def test_an_answer_with_sources(readers, chat, who, question, fact):
    """By command and as plain text: the fact, a numbered link in it, and the list of sources."""
    answer = await chat(who).says(question, contains=fact, seconds=60)
    assert "Channel 1" in answer.text and "1. " in answer.text
    assert set(links(answer)) & {f"https://t.me/channel_1/{n}" for n in (1, 2)}


@pytest.mark.parametrize(("who", "language"), [("anna", "ru"), ("max", "en")])
async def test_nothing_found(readers, chat, who, language):
    """A question the channels say nothing about gets no source and a way on."""
    answer = await chat(who).says("Какой высоты гора Килиманджаро на Марсе?", seconds=60)
    assert answer.text == text("bot.ask.abstained", language).replace("<code>", "").replace("</code>", "")


@pytest.mark.parametrize(("who", "language"), [("anna", "ru"), ("max", "en")])
async def test_wrong_questions(readers, telegram, chat, who, language):
    """Nothing but signs, and 20,000 characters (Telegram delivers fewer): one sentence each."""
    assert (await chat(who).says("???")).text == text("errors.answers.empty_question", language)
    mine = chat(who)
    before = mine.last().id
    person = {"id": mine.person.id, "is_bot": False, "first_name": "X", "language_code": language}
    body = {"message_id": 9_000, "date": 1, "chat": {"id": mine.person.id, "type": "private"}, "from": person}
    telegram.world.bot.notify("message", {**body, "text": "long " * 4_000})
    too_long = text("errors.answers.question_too_long", language, max=4000)
    assert (await mine.hears(before)).text == too_long


async def test_the_answer_grows_and_can_be_stopped(readers, telegram, chat, monkeypatch):
    """Pieces show as a draft while they come; /cancel ends them, and nothing more is sent."""
    drafts = []
    telegram.world.hub.listen(lambda name, facts: drafts.append(facts["text"]) if name == "draft" else None)

    async def endless(rt, actor, question, **wanted):
        yield Sources([])
        while True:
            yield Delta("word ")
            await asyncio.sleep(0.05)

    monkeypatch.setattr(asking.answers, "ask", endless)
    sent = chat("max").sends("Tell me everything")

    async def two_drafts():
        return len(drafts) >= 2

    await until(two_drafts)
    stopped = await chat("max").says("/cancel")
    assert drafts[1].startswith(drafts[0].strip()) and len(drafts[1]) > len(drafts[0])
    assert chat("max").heard(after=sent.id) == [text("bot.cancel.stopped", "en")] == [stopped.text]


async def test_a_long_answer_comes_in_order(readers, chat, monkeypatch):
    """Ten thousand characters arrive as several messages that together are the answer."""
    answer = " ".join(f"Sentence number {n} says a little of everything." for n in range(220))

    async def long(rt, actor, question, **wanted):
        yield Done(readers["max"].user_id, answer, [], False, 1.0)

    monkeypatch.setattr(asking.answers, "ask", long)
    sent = chat("max").sends("Tell me")
    await chat("max").hears(sent.id, "number 219")
    assert " ".join(chat("max").heard(after=sent.id)) == answer


async def test_telegram_away_while_answering_costs_one_question(rt, readers, telegram, chat):
    """The answer is sent once Telegram takes messages again; the question is asked, and counted, once."""
    before = await _asked_by(rt, readers["anna"])
    telegram.fail("sendMessage", bot_error(502, "Bad Gateway"), times=4)
    answer = await chat("anna").says(
        "В какой день вернутся автобусы на Садовую?", contains="5 декабря", seconds=60
    )
    assert links(answer)[0] == "https://t.me/channel_1/1"
    assert await _asked_by(rt, readers["anna"]) == before + 1


async def _asked_by(rt, reader: Actor) -> int:
    async with rt.db.transaction(reader.tenant_id) as db:
        return len((await question_log.page(db, reader, limit=100)).items)
