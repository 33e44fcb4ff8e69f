"""Tries to answer a question: counted before they are made, and not made for ever."""

import asyncio
import os
import signal
import sys
from contextlib import aclosing
from dataclasses import replace
from uuid import uuid4

import pytest

from tests.corpus import a_channel, a_reader, a_tenant
from tests.people import member
from tests.servers import BOT_TOKEN
from tg_assistant.api.streaming import answer_streams
from tg_assistant.core.answers import answers, asking, extractive, question_log, tries
from tg_assistant.core.answers.answers import Done
from tg_assistant.core.group import members
from tg_assistant.core.retrieval import hybrid, indexing
from tg_assistant.errors import AlreadyExists, LimitReached, NotAllowed, Unavailable
from tg_assistant.infra.text_work import TOO_SLOW
from tg_assistant.models import Question, Role
from tg_assistant.texts import text

QUESTION = "Когда отходит ночной паром?"
POSTS = ["Ночной паром отходит в 23:40 от четвёртого причала."]
# Another process that answers, and dies of the text: in the middle of what it does with it.
_DIES = """
import asyncio, os, signal, sys
from uuid import UUID
from tg_assistant.core.access import sign_in
from tg_assistant.core.answers import answers, extractive
from tg_assistant.infra.runtime import open_runtime
from tg_assistant.settings.load import load

async def main():
    async def deadly(*_, **__):
        os.kill(os.getpid(), signal.SIGKILL)
    extractive.extract = deadly
    async with open_runtime(load("web")) as rt:
        async with rt.db.transaction() as db:
            actor = await sign_in.actor(db, UUID(sys.argv[1]), door="rest")
        async for _ in answers.resume(rt, actor, UUID(sys.argv[2])):
            pass

asyncio.run(main())
"""


@pytest.fixture(scope="module")
async def reader(rt):
    where = await a_tenant(rt)
    channel = await a_channel(rt, where, POSTS, number=41)
    await indexing.index_dirty(rt, where.id)
    return await a_reader(rt, where, 64_001, [channel.id])


@pytest.fixture
def hasty(monkeypatch):
    """A try is over after a moment of silence, and nobody waits for one under way."""
    monkeypatch.setattr(tries, "SILENT_SECONDS", 0.5)
    monkeypatch.setattr(tries, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(tries, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(tries, "ABOUT_TO_BEGIN_SECONDS", 0.0)


async def kept(rt, reader, question_id):
    async with rt.db.transaction(reader.tenant_id) as db:
        return await question_log.get(db, reader, question_id)


async def resumed(rt, reader, question_id):
    return [event async for event in answers.resume(rt, reader, question_id)]


async def broken_off(rt, reader, question_id, monkeypatch):
    """A try that ends as a killed process would: nothing after it is written."""

    async def never(*_, **__):
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(hybrid, "search", never)
        with pytest.raises(SystemExit):
            await resumed(rt, reader, question_id)


async def test_a_question_answered_at_once_was_tried_once(rt, reader):
    """The count stands in the row, committed before the first event."""
    asked = await asking.begin(rt, reader, QUESTION)
    assert (await kept(rt, reader, asked.id)).attempts == 0
    events = answers.finish(rt, reader, asked, {})
    await anext(events)
    assert (await kept(rt, reader, asked.id)).attempts == 1
    assert [event async for event in events][-1].answer == (await kept(rt, reader, asked.id)).answer


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_what_ended_three_processes_is_not_tried_again(rt, reader, monkeypatch, hasty, language):
    """Nothing is searched any more; the sentence says what to do, is kept, and ends every wait for it."""
    reader = replace(reader, language=language)
    left = await asking.begin(rt, reader, QUESTION)
    for _ in range(tries.TRIES):
        await broken_off(rt, reader, left.id, monkeypatch)
    assert (await kept(rt, reader, left.id)).attempts == 3

    async def never(*_, **__):
        raise AssertionError("tried a fourth time")

    monkeypatch.setattr(hybrid, "search", never)
    monkeypatch.setattr(extractive, "extract", never)
    [done] = await resumed(rt, reader, left.id)
    assert isinstance(done, Done)
    assert (done.answer, done.sources) == (text("ask.given_up", language), [])
    assert (await kept(rt, reader, left.id)).answer == done.answer
    assert await resumed(rt, reader, left.id) == [done]
    [(_, replayed)] = [one async for one in answer_streams.read_on(rt, reader, f"{left.id}:1")]
    assert replayed == done


async def test_two_who_find_it_unanswered_try_it_once(rt, reader):
    """Of two tabs, or processes, that resume the same question one goes on, and the other waits for it."""
    left = await asking.begin(rt, reader, QUESTION)
    rows = [await kept(rt, reader, left.id) for _ in range(2)]
    first = answers.finish(rt, reader, rows[0], {})
    await anext(first)
    with pytest.raises(AlreadyExists):
        await anext(answers.finish(rt, reader, rows[1], {}))
    said = [event async for event in first]
    assert "23:40" in said[-1].answer
    assert (await kept(rt, reader, left.id)).attempts == 1


async def test_who_wrote_it_down_is_the_first_to_try(rt, reader):
    """Another process that finds it a moment later waits, and the door that asked is refused nothing."""
    left = await asking.begin(rt, reader, QUESTION)
    waiting = asyncio.create_task(resumed(rt, reader, left.id))
    await asyncio.sleep(2 * tries.LOOK_SECONDS)
    said = [event async for event in answers.finish(rt, reader, left, {})]
    assert "23:40" in said[-1].answer
    assert [event.answer for event in await waiting] == [said[-1].answer]
    assert (await kept(rt, reader, left.id)).attempts == 1


async def test_a_killed_process_was_counted(rt, reader, hasty, database, chroma_url, model_dir):
    """kill −9 in the middle of a try, which has been written down; the next one answers."""
    left = await asking.begin(rt, reader, QUESTION, uuid4())
    environment = os.environ | {
        "ENVIRONMENT": "test",
        "DATABASE_URL": database.app_url,
        "CHROMA_URL": chroma_url,
        "EMBEDDING_CACHE_DIR": str(model_dir),
        "BOT_TOKEN": BOT_TOKEN,
        "JWT_SECRET": "j" * 48,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _DIES, str(reader.user_id), str(left.id)), env=environment
    )
    assert await process.wait() == -signal.SIGKILL
    assert (await kept(rt, reader, left.id)).attempts == 1
    assert "23:40" in (await resumed(rt, reader, left.id))[-1].answer


async def test_a_try_under_way_is_neither_begun_again_nor_given_up(rt, reader, hasty, monkeypatch):
    """The last one, longer than a dead process is silent: whoever reads the question waits for it."""
    left = await asking.begin(rt, reader, QUESTION)
    for _ in range(tries.TRIES - 1):
        await broken_off(rt, reader, left.id, monkeypatch)
    await asyncio.sleep(tries.SILENT_SECONDS)
    async with aclosing(answers.finish(rt, reader, await kept(rt, reader, left.id), {})) as under_way:
        await anext(under_way)
        monkeypatch.setattr(tries, "SILENT_SECONDS", 3.0)  # thirty beats: a busy machine misses some
        monkeypatch.setattr(tries, "PATIENCE_SECONDS", 4.0)
        with pytest.raises(AlreadyExists):
            await resumed(rt, reader, left.id)
        seen = await kept(rt, reader, left.id)
        assert (seen.attempts, seen.answer) == (tries.TRIES, None)
        waiting = asyncio.create_task(resumed(rt, reader, left.id))
        said = [event async for event in under_way]
        assert "23:40" in said[-1].answer
        assert [event.answer for event in await waiting] == [said[-1].answer]
    assert (await kept(rt, reader, left.id)).tried_at is None


async def test_an_answer_that_comes_meanwhile_is_not_given_up(rt, reader, hasty, monkeypatch):
    """Whoever would give up has read the question before; the answer was committed since."""
    left = await asking.begin(rt, reader, QUESTION)
    for _ in range(tries.TRIES):
        await broken_off(rt, reader, left.id, monkeypatch)
    read = await kept(rt, reader, left.id)
    assert read.attempts == tries.TRIES
    await asking.keep(rt, reader, left.id, {"answer": "В 23:40.", "tried_at": None})
    async with rt.db.transaction(reader.tenant_id) as db:
        assert not await tries.give_up(db, reader, read)
    assert (await kept(rt, reader, left.id)).answer == "В 23:40."
    [done] = await resumed(rt, reader, left.id)
    assert done.answer == "В 23:40."


@pytest.mark.parametrize(
    "code",
    ["texts.busy", "database.unavailable", "vectors.unavailable", "telegram.bot_unavailable", TOO_SLOW],
)
async def test_a_neighbours_absence_is_no_try(rt, reader, monkeypatch, code):
    """However often: once it is back the question is answered. A text that took too long is one."""
    left = await asking.begin(rt, reader, QUESTION)

    async def away(*_, **__):
        raise Unavailable(code)

    with monkeypatch.context() as patched:
        patched.setattr(hybrid, "search", away)
        for _ in range(1 if code == TOO_SLOW else tries.TRIES + 1):
            with pytest.raises(Unavailable):
                await resumed(rt, reader, left.id)
    seen = await kept(rt, reader, left.id)
    assert (seen.attempts, seen.tried_at) == (int(code == TOO_SLOW), None)
    assert "23:40" in (await resumed(rt, reader, left.id))[-1].answer


async def test_a_try_is_counted_back_once_the_database_is_there_again(rt, reader, monkeypatch):
    """It was away when the try broke off of it, and so could not be told."""
    monkeypatch.setattr(tries, "_LATER", (0.05, 0.05, 0.05))
    left = await asking.begin(rt, reader, QUESTION)
    write, away = tries.Try._write, iter((True, True, False))

    async def unreachable(self, number, values, *also):
        if values.get("tried_at", self) is None and next(away):
            raise Unavailable("database.unavailable")
        return await write(self, number, values, *also)

    async def broken(*_, **__):
        raise Unavailable("database.unavailable")

    monkeypatch.setattr(tries.Try, "_write", unreachable)
    monkeypatch.setattr(hybrid, "search", broken)
    with pytest.raises(Unavailable):
        await resumed(rt, reader, left.id)
    assert (await kept(rt, reader, left.id)).attempts == 1
    async with asyncio.timeout(30):
        while (await kept(rt, reader, left.id)).attempts:  # noqa: ASYNC110 - a database, which sets no event
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("back", [True, False])
async def test_nothing_is_kept_for_somebody_switched_off_meanwhile(rt, back):
    """The answer that was being made is dropped, also where nobody waited for it; later it is made anew."""
    where = await a_tenant(rt)
    channel = await a_channel(rt, where, POSTS, number=42)
    await indexing.index_dirty(rt, where.id)
    anna = await a_reader(rt, where, 64_010 + back, [channel.id])
    async with rt.db.transaction(where.id) as db:
        owner = await member(db, where, 64_020 + back, Role.owner)
    asked = await asking.begin(rt, anna, QUESTION)
    events = answers.finish(rt, anna, asked, {})
    await anext(events)
    async with rt.db.transaction(where.id) as db:
        await members.change(db, owner, anna.user_id, version=1, disabled=True)
    with pytest.raises(NotAllowed, match=r"access\.disabled"):
        async for _ in events:
            pass
    assert (await kept(rt, anna, asked.id)).answer is None
    if back:
        async with rt.db.transaction(where.id) as db:
            await members.change(db, owner, anna.user_id, version=2, disabled=False)
        assert "23:40" in (await resumed(rt, anna, asked.id))[-1].answer


async def test_eight_at_once_are_a_persons_all(rt):
    """Counted where questions are, so however fast and wherever they are sent; an answered one makes room."""
    reader = await a_reader(rt, await a_tenant(rt), 64_777)
    sent = await asyncio.gather(
        *(asking.begin(rt, reader, f"Вопрос номер {n}?") for n in range(12)), return_exceptions=True
    )
    refused = [one for one in sent if isinstance(one, LimitReached)]
    assert [one.code for one in refused] == ["limits.at_once"] * 4
    (first, *_) = [one for one in sent if isinstance(one, Question)]
    async for _ in answers.finish(rt, reader, first, {}):
        pass
    assert await asking.begin(rt, reader, "Ещё один?")
