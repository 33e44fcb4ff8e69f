"""Updates are committed before they are acknowledged, and nothing committed is lost."""

import asyncio
from itertools import count

import pytest
from sqlmodel import delete, select

from bot import polling
from bot.dispatcher import make_dispatcher
from bot.telegram import Contact, open_bot
from bot.update_worker import Processor
from sandbox.faults import bot_error
from tests.bot.chat import until
from tests.bot.conftest import running
from tg_assistant.core import health
from tg_assistant.core.messaging import inbox
from tg_assistant.core.messaging.inbox import HELD, TRIES
from tg_assistant.models import BotUpdate, Heartbeat
from tg_assistant.texts import text

NUMBERS = count(1000)
NOTHING = text("bot.cancel.nothing", "en")


def written(words, chat_id=1, **facts):
    """An update as Telegram sends it."""
    who = {"id": chat_id, "is_bot": False, "first_name": "M", "language_code": "en"}
    body = {
        "message_id": 1,
        "date": 1,
        "chat": {"id": chat_id, "type": "private"},
        "from": who,
        "text": words,
    }
    return {"update_id": next(NUMBERS), "message": {**body, **facts}}


async def save(rt, *received):
    async with rt.db.transaction() as db:
        return await inbox.save(db, received)


async def heads(rt, busy=()):
    async with rt.db.transaction() as db:
        return await inbox.heads(db, busy=busy, most=50)


async def row(rt, update_id):
    async with rt.db.transaction() as db:
        return (await db.exec(select(BotUpdate).where(BotUpdate.update_id == update_id))).one_or_none()


async def finished(rt, *received):
    """Wait until all are done."""

    async def done():
        rows = [await row(rt, each["update_id"]) for each in received]
        return all(each is not None and each.done_at for each in rows)

    await until(done)


@pytest.fixture(autouse=True)
async def nothing_left(rt, telegram):
    """Each test starts with nothing to do, at Telegram and in the table."""
    telegram.world.bot.confirm_below(2**62)
    async with rt.db.transaction() as db:
        for each in await db.exec(select(BotUpdate)):
            await db.delete(each)


async def test_an_update_is_saved_once_and_its_text_forgotten_when_done(rt):
    """What Telegram repeats changes nothing, before and after the work; a done row keeps no word."""
    one = written("my secret question")
    assert await save(rt, one) == 1 and await save(rt, one, one | {"message": {}}) == 0
    async with rt.db.transaction() as db:
        await inbox.finish(db, one["update_id"])
    assert await save(rt, one) == 0
    assert (await row(rt, one["update_id"])).payload == {}
    assert await heads(rt) == []


async def test_a_nul_stops_nobody(rt, telegram, chat):
    """Its sender is answered, and so is whoever writes after them."""
    async with running(rt):
        odd = chat("anna").sends("/search <b>\0")
        assert (await chat("max").says("/cancel", contains=NOTHING)).text == NOTHING
        await chat("anna").hears(odd.id)


async def test_what_postgresql_cannot_store_is_replaced(rt):
    """NUL and halves of characters, in texts, keys and lists however deep; everything else stays."""
    one = written("a\0b \ud83d c\udfff 🙂", first={"\0key": ["\0", {"x": "\ud800", "y": None}]})
    assert await save(rt, one) == 1
    kept = (await row(rt, one["update_id"])).payload["message"]
    assert kept["text"] == "a\ufffdb \ufffd c\ufffd 🙂"
    assert kept["first"] == {"\ufffdkey": ["\ufffd", {"x": "\ufffd", "y": None}]}


async def test_what_cannot_be_stored_at_all_is_held_by_its_id(rt, capsys):
    """The others of its batch are saved; it counts as known, is visible, and holds no word of anybody."""
    before, never, after = written("a", 1), written("canary words", 2, size=float("inf")), written("c", 3)
    assert await save(rt, before, never, after) == 3 and await save(rt, never) == 0
    held = await row(rt, never["update_id"])
    assert (held.attempts, held.payload, held.done_at) == (HELD, {}, None)
    assert [head.update_id for head in await heads(rt)] == [before["update_id"], after["update_id"]]
    assert await save(rt, {"update_id": 2**70}, last := written("d", 4)) == 1
    assert await row(rt, last["update_id"]) is not None
    said = capsys.readouterr().out
    assert said.count("update.not_storable") == 3 and "canary" not in said


async def test_polling_survives_what_nobody_thought_of(rt, telegram, chat, monkeypatch):
    """An error of any kind while saving: nothing is acknowledged, and it is tried again a little later."""
    real, failing = inbox.save, [RuntimeError("one"), KeyError("two")]

    async def save_at_last(db, received):
        if failing:
            raise failing.pop(0)
        return await real(db, received)

    monkeypatch.setattr(polling, "_PAUSE", 0.3)
    monkeypatch.setattr(inbox, "save", save_at_last)
    async with rt.db.transaction() as db:
        await db.exec(delete(Heartbeat))
    async with running(rt):

        async def failed_once():
            return len(failing) == 1

        await until(failed_once)
        assert (await health.bot(rt))["bot"] is False
        assert (await chat("max").says("/cancel", contains=NOTHING)).text == NOTHING
    assert failing == []
    assert (await health.bot(rt))["bot"] is True


async def test_lanes(rt):
    """A chat's messages come in order; other chats, buttons and /cancel do not wait for them."""
    first, second, other = written("a", 1), written("b", 1), written("c", 2)
    stop = written("/cancel", 1)
    press = {"update_id": next(NUMBERS), "callback_query": {"from": {"id": 3}}}
    await save(rt, first, second, other, stop, press)
    found = await heads(rt)
    assert {head.update_id for head in found} == {each["update_id"] for each in (first, other, stop, press)}
    waiting = await heads(rt, busy={head.lane for head in found})
    assert waiting == []


async def test_a_killed_process_loses_nothing(rt, telegram, chat):
    """Committed and acknowledged, then killed before any processing: the next start answers."""
    sent = chat("max").sends("/cancel")
    [update] = telegram.world.bot.updates.values()
    await save(rt, update)
    telegram.world.bot.confirm(update["update_id"])
    async with running(rt):
        assert (await chat("max").hears(sent.id)).text == NOTHING


async def test_killed_while_handling(rt, telegram, chat):
    """Killed with the answer on its way: the answer comes after the restart, once more at the worst."""
    telegram.delay("sendMessage", 0.5)
    async with running(rt):
        sent = chat("max").sends("/help")

        async def begun():
            async with rt.db.transaction() as db:
                return (await db.exec(select(BotUpdate).where(BotUpdate.attempts == 1))).first()

        await until(begun)
    async with running(rt):
        await chat("max").hears(sent.id, "Ask")
    assert 1 <= len(chat("max").heard(after=sent.id)) <= 2


async def test_updates_are_acknowledged_after_the_commit_only(rt, telegram, chat):
    """What Telegram no longer holds is in the table."""
    async with running(rt):
        sent = [chat("max").sends("/cancel") for _ in range(5)]
        expected = set(telegram.world.bot.updates)

        async def confirmed():
            return not telegram.world.bot.updates

        await until(confirmed)
        for update_id in expected:
            assert await row(rt, update_id) is not None
        await chat("max").hears(sent[-1].id)


async def test_a_poison_update_is_held_and_the_rest_goes_on(rt, telegram, chat):
    """Five tries, then the person is told with a reference; the next message is answered."""
    max_ = chat("max").person
    poison = written("/cancel", max_.id, entities=[{"type": 5}])
    unreadable = {"update_id": next(NUMBERS), "message": "nonsense"}
    before = chat("max").sends("/help").id
    await save(rt, poison, unreadable)
    async with running(rt):
        told = await chat("max").hears(before, "Reference")
        assert text("errors.internal", "en", reference="")[:30] in told.text
        good = await chat("max").says("/cancel", contains=NOTHING)
        assert good.text == NOTHING

        async def held():
            return all([(await row(rt, each["update_id"])).attempts == HELD for each in (poison, unreadable)])

        await until(held)
    assert (await row(rt, poison["update_id"])).done_at is None


async def test_an_update_that_killed_the_process_is_told_of_once(rt, chat):
    """Its last try ended with the process: the next one does not try it again, but says so, once."""
    max_ = chat("max").person
    before = chat("max").sends("/help").id
    deadly = written("/privacy", max_.id)
    await save(rt, deadly)
    async with rt.db.transaction() as db:
        for _ in range(TRIES):
            await inbox.begin(db, deadly["update_id"])
    for _ in range(2):
        async with running(rt):
            await chat("max").says("/cancel", contains=NOTHING)
    heard = chat("max").heard(before)
    assert len([line for line in heard if "Reference" in line]) == 1
    left = await row(rt, deadly["update_id"])
    assert (left.attempts, left.done_at) == (HELD, None)


async def test_telegram_away_is_not_the_updates_fault(rt, telegram, chat):
    """An answer that cannot be sent is not counted against the update; it is sent when Telegram is back."""
    telegram.fail("sendMessage", bot_error(502, "Bad Gateway"), times=5)
    async with running(rt):
        answer = await chat("max").says("/cancel", seconds=30)
        assert answer.text == NOTHING


async def test_other_chats_do_not_wait(rt):
    """While one chat's update takes long, another chat's is handled, and the first chat stays in order."""
    going = asyncio.Event()
    seen: list[str] = []

    class Slow(Processor):
        async def _feed(self, head):
            words = head.payload["message"]["text"]
            if words == "slow":
                await going.wait()
            seen.append(words)

    slow, after, other = written("slow", 71), written("after", 71), written("other", 72)
    await save(rt, slow, after, other)
    async with open_bot(rt.settings, Contact()) as bot:
        task = asyncio.create_task(Slow(rt, bot, make_dispatcher(rt)).run())
        await finished(rt, other)
        assert seen == ["other"]
        going.set()
        await finished(rt, slow, after)
        assert seen == ["other", "slow", "after"]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_two_processes_share_one_turn(rt, telegram, chat):
    """Two bots at once answer each message once: only one of them processes."""
    async with running(rt), running(rt):
        sent = chat("max").sends("/cancel")
        await chat("max").hears(sent.id)
        await asyncio.sleep(0.5)  # the other one would have answered by now
        assert chat("max").heard(after=sent.id) == [NOTHING]


async def test_polling_takes_over_from_a_webhook(rt, telegram, chat):
    """Switching to polling removes the webhook; what waited for it is answered."""
    telegram.world.bot.set("webhook", {"url": "http://127.0.0.1:1/", "secret": ""})
    sent = chat("max").sends("/cancel")
    async with running(rt):
        assert (await chat("max").hears(sent.id)).text == NOTHING
    assert not telegram.world.bot.setting("webhook")
