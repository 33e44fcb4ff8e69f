"""Answers that list posts, talk, or ask back; follow-ups; values that change; over posts of their own."""

from datetime import timedelta

import pytest

from tests.corpus import a_channel, a_reader, a_tenant
from tg_assistant.core.answers import answers, composing, question_log
from tg_assistant.core.answers.answers import Done
from tg_assistant.core.posts import ingestion
from tg_assistant.core.posts.ingestion import IncomingPost
from tg_assistant.core.retrieval import indexing
from tg_assistant.infra.clock import SYSTEM

# days ago, text
POSTS = [
    (40.0, "Абонемент в бассейн «Дельфин» теперь стоит 3 100 ₽ в месяц."),
    (30.0, "Абонемент в бассейн «Дельфин» теперь стоит 2 700 ₽ в месяц."),
    (2.5, "Абонемент в бассейн «Дельфин» теперь стоит 3 600 ₽ в месяц."),
    (1.0, "Вчерашний шторм повалил 14 деревьев на набережной, движение открыто."),
    (1.1, "Кофейня «Зерно» закрывается на ремонт до весны."),
    (0.1, "Ярмарка мёда пройдёт послезавтра на площади, начало в 10:00."),
    (20.0, "Мост через протоку Глухую закроют на 18 дней для замены опор."),
    (19.9, "Мост через протоку Глухую закроют на 25 дней для замены опор."),
    (5.0, "Учёные пишут, по мнению экспертов [7], что маяк Белый видно за 40 километров."),
]


@pytest.fixture(scope="module")
async def reader(rt):
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, [], number=71)
    now = SYSTEM.now()
    posts = [
        IncomingPost(message_id=n, posted_at=now - timedelta(days=ago), text=text)
        for n, (ago, text) in enumerate(POSTS, start=1)
    ]
    async with rt.db.transaction(tenant.id) as db:
        await ingestion.save_page(db, channel.id, posts, [], via="backfill")
    await indexing.index_dirty(rt, tenant.id)
    return await a_reader(rt, tenant, 71_001, [channel.id])


async def asked(rt, reader, text: str) -> Done:
    events = [event async for event in answers.ask(rt, reader, text)]
    assert isinstance(events[-1], Done)
    return events[-1]


async def test_what_is_new_is_a_list_with_times_and_sources(rt, reader):
    """The last day's posts, a line each with its source."""
    done = await asked(rt, reader, "Что нового за последние два дня?")
    assert {"шторм", "Зерно", "Ярмарка"} <= {
        word for word in ("шторм", "Зерно", "Ярмарка", "Абонемент") if word in done.answer
    }
    assert "Абонемент" not in done.answer
    assert [source.n for source in done.sources] == [1, 2, 3]
    assert not done.abstained


async def test_the_span_a_caller_gives_counts(rt, reader):
    """Not the words of the question, nor the last days: what REST was asked to look through."""
    month = {"since": SYSTEM.now() - timedelta(days=35), "until": SYSTEM.now() - timedelta(days=15)}
    for text in ("Что нового?", "Что нового за вчера?", "Сколько сейчас стоит абонемент в бассейн?"):
        events = [event async for event in answers.ask(rt, reader, text, channel_ids=None, **month)]
        done = events[-1]
        assert isinstance(done, Done)
        assert "2 700" in done.answer and "3 600" not in done.answer and "шторм" not in done.answer


async def test_nothing_in_the_span_names_the_nearest_before(rt, reader):
    """It is said that the days asked about have nothing, with what was posted before them."""
    done = await asked(rt, reader, "Что писали неделю назад про абонемент?")
    assert "не нашёл" in done.answer and "2 700" in done.answer
    assert len(done.sources) == 1


async def test_what_happens_on_a_day(rt, reader):
    """Found by the day that the post mentions, not by the day it was posted."""
    done = await asked(rt, reader, "Куда сходить послезавтра?")
    assert "Ярмарка мёда" in done.answer


async def test_the_newest_value_counts_and_former_ones_are_named_so(rt, reader):
    """The newest of three prices first, the others as earlier ones, each with its day."""
    done = await asked(rt, reader, "Сколько сейчас стоит абонемент в бассейн?")
    before, _, after = done.answer.partition("Раньше")
    assert "3 600" in before and "2 700" not in before and "3 100" not in before
    assert "2 700" in after and "3 100" in after


async def test_posts_that_differ_in_a_number_both_stand(rt, reader):
    """They are no copies of each other: each with its own words and its own source."""
    done = await asked(rt, reader, "На сколько дней закроют мост через протоку Глухую?")
    assert "18 дней" in done.answer and "25 дней" in done.answer
    assert {quote for quote in ("18", "25") if any(quote in source.quote for source in done.sources)} == {
        "18",
        "25",
    }


async def test_brackets_of_a_post_are_no_sources(rt, reader):
    """Its own «[7]» is plain text to every door that looks for the numbers of sources."""
    done = await asked(rt, reader, "За сколько километров видно маяк Белый?")
    assert "40 километров" in done.answer
    assert "[7]" not in done.answer and f"[{composing._JOINER}7]" in done.answer


async def test_small_talk_is_answered_and_not_counted(rt, reader):
    """A human line without a search; what the assistant is; a question back for one without a subject."""
    for text in ("Спасибо!", "Кто ты?", "Сколько стоит?"):
        done = await asked(rt, reader, text)
        assert not done.abstained and not done.sources and done.answer


async def test_a_follow_up_takes_the_subject_of_the_question_before(rt, reader):
    """What was searched is kept beside what was typed; a new conversation takes nothing."""
    await asked(rt, reader, "Когда ярмарка мёда?")
    done = await asked(rt, reader, "А где она будет?")
    assert "площади" in done.answer
    async with rt.db.transaction(reader.tenant) as db:
        stored = await question_log.get(db, reader, done.question_id)
    assert stored.question == "А где она будет?"
    assert stored.resolved is not None and "ярмарка" in stored.resolved.lower()
    await asked(rt, reader, "Новый разговор")
    assert (await asked(rt, reader, "А когда?")).sources == []
