"""One question, one answer: checked, cited, saved, and honest about what is missing."""

from dataclasses import replace
from uuid import uuid4

import pytest

from tests.corpus import a_channel, a_reader, a_tenant, incoming_post
from tg_assistant.core import plans
from tg_assistant.core.answers import answers, asking, question_log
from tg_assistant.core.answers.answers import Delta, Done, Sources
from tg_assistant.core.posts import ingestion
from tg_assistant.core.retrieval import indexing, search
from tg_assistant.errors import Invalid, LimitReached, NotAllowed, NotFound, Unavailable
from tg_assistant.infra.vectors import Vectors
from tg_assistant.texts import text

POSTS = [
    "Лодочный мост закроют на ремонт. Работы займут 40 дней, мэр обещает открыть его к ярмарке.",
    "Месячный проездной на все маршруты стоит 1 950 ₽, студенческий – 980 ₽. Продают в киосках.",
    "The night ferry to the islands leaves at 23:40 from pier 4. Bicycles travel free of charge.",
    "Книжный клуб встречается в четверг. Вход свободный.",
    "🚢 Часы работы музея маяка\n🔹 Среда и пятница, с 11 до 19\n👉👉👉",
]


class Scripted:
    """A language model that says what the test says, piece by piece."""

    def __init__(self, *pieces: str, fails: bool = False) -> None:
        self.pieces, self.fails = pieces, fails
        self.asked: list[tuple[str, str]] = []

    async def stream(self, system, prompt):
        self.asked.append((system, prompt))
        for piece in self.pieces:
            yield piece
        if self.fails:
            raise Unavailable("llm.unavailable")

    async def close(self):
        """Nothing to close."""


# the day of the post, which is not today's; what may have changed since says so
PASS = (
    "29 сентября 2025 г.: Месячный проездной на все маршруты стоит 1 950 ₽, студенческий – 980 ₽. [1] "
    "С тех пор могло измениться."
)


@pytest.fixture(scope="module")
async def reader(rt):
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, POSTS, number=31)
    await indexing.index_dirty(rt, tenant.id)
    return await a_reader(rt, tenant, 61_001, [channel.id])


async def asked(rt, reader, question: str) -> tuple[list, Done]:
    events = [event async for event in answers.ask(rt, reader, question)]
    assert isinstance(events[-1], Done)
    return events, events[-1]


async def test_lines_of_one_post_read_as_running_text(rt, reader):
    """A heading leads with a colon, list marks and lines of emoji are gone, and the source stands once."""
    _, done = await asked(rt, reader, "Когда работает музей маяка, с какого часа в среду?")
    assert done.answer.endswith(": Часы работы музея маяка: Среда и пятница, с 11 до 19 [1]")


async def test_an_answer_is_a_sentence_with_its_source(rt, reader):
    """Not the top post: the sentence that answers; the pieces streamed are the answer."""
    events, done = await asked(rt, reader, "Сколько стоит месячный проездной?")
    assert done.answer == PASS
    assert isinstance(events[0], Sources)
    assert "".join(event.text for event in events if isinstance(event, Delta)) == done.answer
    (source,) = done.sources
    assert (source.n, source.url) == (1, "https://t.me/channel_31/2")
    assert not done.abstained
    assert done.confidence > 0.5


async def test_what_a_post_asks_itself_is_quoted_with_its_answer(rt):
    """A heading with a question mark says nothing; what follows does, in the answer and in its source."""
    tenant = await a_tenant(rt)
    post = "Почему шнурки развязываются сами? Удар пятки о землю расслабляет узел."
    channel = await a_channel(rt, tenant, [post], number=32)
    await indexing.index_dirty(rt, tenant.id)
    reader = await a_reader(rt, tenant, 61_003, [channel.id])
    _, done = await asked(rt, reader, "Отчего развязываются шнурки?")
    assert "Удар пятки" in done.answer
    assert done.answer.endswith(f": {done.sources[0].quote} [1]")


async def test_a_question_in_the_other_language_is_answered(rt, reader):
    """The sentence stays in its post's language."""
    _, done = await asked(rt, reader, "Во сколько отправляется ночной паром на острова?")
    assert "23:40" in done.answer


async def test_what_no_post_says_is_not_answered(rt, reader):
    """One event, no sources, the reader's own language."""
    events, done = await asked(rt, reader, "Кто выиграл чемпионат мира по шахматам?")
    assert len(events) == 1
    assert done.abstained
    assert done.sources == []
    assert done.answer == text("ask.abstained", reader.language)


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("", "answers.empty_question"),
        ("  \n ?!\x00", "answers.empty_question"),
        ("ы" * 4_001, "answers.question_too_long"),
        ("ы" * 20_000, "answers.question_too_long"),
    ],
)
async def test_a_question_nobody_can_answer_is_refused(rt, reader, question, code):
    """Empty or longer than 4,000 characters; nothing is written down."""
    async with rt.db.transaction(reader.tenant_id) as db:
        before = len((await question_log.page(db, reader, limit=100)).items)
    with pytest.raises(Invalid) as error:
        await asked(rt, reader, question)
    assert error.value.code == code
    async with rt.db.transaction(reader.tenant_id) as db:
        assert len((await question_log.page(db, reader, limit=100)).items) == before


async def test_a_stranger_is_refused(rt, reader):
    """Without a membership nothing is searched."""
    with pytest.raises(NotAllowed):
        await asked(rt, replace(reader, tenant_id=None, role=None), "Что с мостом?")


async def test_the_question_is_kept_with_its_answer_and_sources(rt, reader):
    """History gives back what the person saw, the newest first, and nobody else's."""
    _, done = await asked(rt, reader, "На сколько дней закроют мост?")
    async with rt.db.transaction(reader.tenant_id) as db:
        newest, *_ = (await question_log.page(db, reader)).items
        other = (await question_log.page(db, replace(reader, user_id=done.question_id))).items
    assert (newest.id, newest.answer, newest.abstained) == (done.question_id, done.answer, False)
    assert answers.sources_of(newest) == done.sources
    assert newest.milliseconds is not None
    assert other == []


async def test_the_plan_limits_questions_a_day(rt, monkeypatch):
    """The question over the limit is refused before anything is searched."""
    tenant = await a_tenant(rt)
    person = await a_reader(rt, tenant, 61_002)
    monkeypatch.setitem(plans.PLANS, "free", replace(plans.PLANS["free"], questions_per_day=1))
    await asked(rt, person, "Что с мостом?")
    with pytest.raises(LimitReached) as error:
        await asked(rt, person, "Что с мостом?")
    assert (error.value.code, error.value.values) == ("answers.daily_limit", {"max": 1})
    assert error.value.retry_after is not None and 86_000 < error.value.retry_after <= 86_400


async def test_without_chroma_words_still_answer(rt, reader):
    """`degraded` says that meaning could not be searched."""
    away = replace(rt, vectors=Vectors("http://127.0.0.1:9"))
    _, done = await asked(away, reader, "Сколько стоит месячный проездной?")
    await away.vectors.close()
    assert "1 950" in done.answer
    assert done.degraded == ["meaning"]


async def test_a_models_answer_streams_and_keeps_given_sources_only(rt, reader):
    """Invented numbers vanish, also when a bracket is cut between pieces; only cited posts are sources."""
    llm = Scripted("Проездной стоит ", "1 950 ₽ [", "1][7", "7] и продаётся в киосках [1, 9].")
    events, done = await asked(replace(rt, llm=llm), reader, "Сколько стоит месячный проездной?")
    assert done.answer == "Проездной стоит 1 950 ₽ [1] и продаётся в киосках [1]."
    assert "".join(event.text for event in events if isinstance(event, Delta)) == done.answer
    assert [source.n for source in done.sources] == [1]
    assert "[1]" in llm.asked[0][1]
    assert "1 950" in llm.asked[0][1]


@pytest.mark.parametrize(
    ("llm", "degraded"),
    [
        (Scripted("Наверное, около двух тысяч."), []),
        (Scripted("Стоит 5 ₽ [42]."), []),
        (Scripted("NONE"), []),
        (Scripted("Проездной стоит [1] ", fails=True), ["model"]),
        (Scripted(fails=True), ["model"]),
    ],
    ids=["no citation", "invented citation", "none", "breaks off", "down"],
)
async def test_sentences_of_the_posts_stand_in_for_a_model(rt, reader, llm, degraded):
    """Without a valid citation, and when the model fails, the answer is extractive; a failure is said."""
    _, done = await asked(replace(rt, llm=llm), reader, "Сколько стоит месячный проездной?")
    assert done.answer == PASS
    assert done.degraded == degraded


async def test_a_model_is_not_asked_what_no_post_can_answer(rt, reader):
    """It would only be tempted to invent."""
    llm = Scripted("Магнус Карлсен [1].")
    _, done = await asked(replace(rt, llm=llm), reader, "Кто выиграл чемпионат мира по шахматам?")
    assert done.abstained
    assert llm.asked == []


async def test_a_question_of_an_interrupted_door_is_answered_and_told_again(rt, reader):
    """Left without an answer it gets one, once; asked for again, it is the same answer."""
    left = await asking.begin(rt, reader, "Сколько стоит месячный проездной?", uuid4())
    first = [event async for event in answers.resume(rt, reader, left.id)]
    again = [event async for event in answers.resume(rt, reader, left.id)]
    assert "1 950 ₽" in first[-1].answer and len(first) > 1
    assert again == [first[-1]]
    async with rt.db.transaction(reader.tenant_id) as db:
        page = await question_log.page(db, reader)
    assert [one.id for one in page.items].count(left.id) == 1 and page.items[0].id == left.id
    with pytest.raises(NotFound):
        await anext(answers.resume(rt, replace(reader, user_id=uuid4()), left.id))


async def test_what_a_post_strikes_out_is_never_quoted_or_found(rt):
    """Only the denial is: not the rise, whatever is asked, nor in any search."""
    rise, denial = "Цены на проезд вырастут на 50 000 крон.", "Это неправда: цены на проезд не изменятся."
    struck = [{"kind": "strikethrough", "offset": 0, "length": len(rise)}]
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, [], number=35)
    async with rt.db.transaction(tenant.id) as db:
        post = incoming_post(1, f"{rise} {denial}", entities=struck)
        await ingestion.save_live(db, channel.id, [post], [1])
    await indexing.index_dirty(rt, tenant.id)
    reader = await a_reader(rt, tenant, 61_005, [channel.id])
    for question in (
        "На сколько вырастут цены на проезд?",
        "Что с ценами на проезд?",
        "цены на проезд 50 000",
    ):
        _, done = await asked(rt, reader, question)
        assert "50 000" not in done.answer + "".join(source.quote for source in done.sources)
    assert denial in (await asked(rt, reader, "Изменятся ли цены на проезд?"))[1].answer
    assert (await search.search(rt, reader, "вырастут", mode="exact")).items == []
    [hit] = (await search.search(rt, reader, "изменятся", mode="exact")).items
    assert "".join(piece.text for piece in hit.extract) == denial


async def test_a_poll_is_quoted_as_a_poll(rt):
    """An option is never a fact: its sentence names the poll and its question."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, [], number=36)
    poll = "Опрос: Вырастут ли цены на парковку? Варианты ответа: Да, на 70 крон. Точно!; Нет"
    parts = [{"origin": "poll", "text": poll}]
    async with rt.db.transaction(tenant.id) as db:
        post = incoming_post(1, "", parts=parts, links=["https://hidden.example.org/a"])
        await ingestion.save_live(db, channel.id, [post], [1])
    await indexing.index_dirty(rt, tenant.id)
    reader = await a_reader(rt, tenant, 61_006, [channel.id])
    _, done = await asked(rt, reader, "На сколько крон вырастут цены на парковку?")
    assert done.answer.endswith(f": {poll} [1]")
    [hit] = (await search.search(rt, reader, "hidden.example.org", mode="exact")).items
    assert "".join(piece.text for piece in hit.extract) == poll
