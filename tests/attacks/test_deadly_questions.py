"""A question that ended each process that tried to answer it: no door tries it for ever."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from bot.answer import messages
from bot.handlers import asking as in_the_bot
from tests.attacks import losses
from tests.attacks.losses import QUESTION, Reader
from tests.attacks.test_every_handler import Held, client, find
from tg_assistant.api.streaming import answer_streams
from tg_assistant.core.answers import answers, asking, tries
from tg_assistant.core.retrieval import hybrid
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Question
from tg_assistant.pages.ask import AskState
from tg_assistant.state import SessionState
from tg_assistant.texts import text
from tg_assistant.web import process

_numbers = count(652_001)
GIVEN_UP = text("ask.given_up", "en")


@pytest.fixture
async def one(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """Somebody whose question cannot even be searched for: a try would fail the test."""

    async def deadly(*_: Any, **__: Any) -> None:
        raise AssertionError("it was tried again")

    found = await losses.reader(rt, next(_numbers))
    monkeypatch.setattr(hybrid, "search", deadly)
    monkeypatch.setattr(process, "_runtime", rt)
    for module in ("state", "page_context"):
        monkeypatch.setattr(f"tg_assistant.{module}.is_open", lambda sid: True)
    return found


async def left_by(rt: Runtime, one: Reader, *, tries_made: int) -> Question:
    """Asked a minute ago, tried so often, never answered."""
    asked = await asking.begin(rt, one.actor, QUESTION)
    async with rt.db.transaction(one.actor.tenant) as db:
        row = await db.get_one(Question, asked.id)
        row.attempts, row.created_at = tries_made, datetime.now(UTC) - timedelta(minutes=1)
        db.add(row)
    return row


async def opened(one: Reader) -> Any:
    """The page's state after its loader and what that began."""
    root = client()
    session, page = find(root, SessionState), find(root, AskState)
    await SessionState.present.fn(session, {"secret": one.resume_secret})
    await AskState.load.fn(page)
    return page


async def test_opening_a_page_never_tries_it_again(rt: Runtime, one: Reader) -> None:
    """However often it is opened: the first time says so, and then it is an answer like others."""
    await left_by(rt, one, tries_made=tries.TRIES)
    page = await opened(one)
    assert page.busy and page.exchanges[-1]["state"] == "waiting"
    await AskState.resume.fn(Held(page))
    await AskState.wait.fn(Held(page))
    assert not page.busy
    for shown in (page, await opened(one)):
        assert (shown.exchanges[-1]["state"], shown.exchanges[-1]["answer"]) == ("done", GIVEN_UP)


async def test_opening_a_page_counts_its_try(rt: Runtime, one: Reader) -> None:
    """What the page begins is counted, though it comes to nothing."""
    asked = await left_by(rt, one, tries_made=tries.TRIES - 1)
    page = await opened(one)
    with pytest.raises(AssertionError, match="tried again"):
        await AskState.resume.fn(Held(page))
    async with rt.db.transaction(one.actor.tenant) as db:
        assert (await db.get_one(Question, asked.id)).attempts == tries.TRIES
    await AskState.resume.fn(Held(page))
    await AskState.wait.fn(Held(page))
    assert page.exchanges[-1]["answer"] == GIVEN_UP


async def test_two_tabs_are_no_error(rt: Runtime, one: Reader) -> None:
    """The second one's page finds the question taken, and waits like the first."""
    asked = await left_by(rt, one, tries_made=0)
    seen = await opened(one)
    async with tries.Try(rt, one.actor, asked):  # the other one's
        waiting = asyncio.create_task(AskState.resume.fn(Held(seen)))
        await asyncio.sleep(3 * tries.LOOK_SECONDS)
        assert not waiting.done()
        async with rt.db.transaction(one.actor.tenant) as db:
            assert (await db.get_one(Question, asked.id)).attempts == 1
        await asking.keep(rt, one.actor, asked.id, {"answer": "It hangs behind the door."})
    await waiting
    await AskState.wait.fn(Held(seen))
    assert seen.exchanges[-1]["answer"] == "It hangs behind the door."


async def test_who_waits_too_long_for_another_is_no_error(
    rt: Runtime, one: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one takes minutes; the page goes on looking for the answer without trying itself."""
    monkeypatch.setattr(tries, "PATIENCE_SECONDS", 0.0)
    asked = await left_by(rt, one, tries_made=tries.TRIES - 1)
    seen = await opened(one)
    async with tries.Try(rt, one.actor, asked):
        await AskState.resume.fn(Held(seen))
        async with rt.db.transaction(one.actor.tenant) as db:
            row = await db.get_one(Question, asked.id)
        assert (row.attempts, row.answer) == (tries.TRIES, None)


async def test_a_stream_read_on_ends_in_words(rt: Runtime, one: Reader) -> None:
    """`Last-Event-ID` of a question whose processes died."""
    asked = await left_by(rt, one, tries_made=tries.TRIES)
    [(number, done)] = [each async for each in answer_streams.read_on(rt, one.actor, f"{asked.id}:3")]
    assert number == 4 and isinstance(done, answers.Done) and done.answer == GIVEN_UP


async def test_a_message_worked_on_again_is_answered_in_words(rt: Runtime, one: Reader) -> None:
    """The bot's update comes back after each death; the fourth time it is told, and done."""
    asked = await left_by(rt, one, tries_made=tries.TRIES)
    [done] = [event async for event in in_the_bot._events(rt, one.actor, QUESTION, asked.id)]
    assert isinstance(done, answers.Done) and messages(done, "en") == [GIVEN_UP]
