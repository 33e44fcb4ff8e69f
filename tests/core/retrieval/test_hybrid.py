"""What is found, for whom, and what remains when Chroma is away."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import col, delete

from tests.corpus import NOW, a_channel, a_reader, a_tenant, incoming_post
from tg_assistant.core.posts import ingestion
from tg_assistant.core.retrieval import full_text, hybrid, indexing
from tg_assistant.core.retrieval.scope import Scope
from tg_assistant.infra.vectors import Vectors
from tg_assistant.models import Subscription

NEWS = [
    "Лодочный мост закроют на ремонт до октября, машины пойдут через Новый мост.",
    "В зоопарке родился белый медвежонок, имя выберут подписчики.",
    "Бассейн «Дельфин» закрыт на шесть дней, меняют фильтры.",
    "The night ferry to the islands leaves at 23:40 from pier 4.",
]


@pytest.fixture(scope="module")
async def town(rt):
    tenant = await a_tenant(rt)
    news = await a_channel(rt, tenant, NEWS, number=11)
    secret = await a_channel(rt, tenant, ["Код домофона у медвежонка: 4711."], number=12)
    await indexing.index_dirty(rt, tenant.id)
    return tenant, news, secret, await a_reader(rt, tenant, 60_001, [news.id])


def texts(found: hybrid.Found) -> list[str]:
    return [passage.text for passage in found.passages]


async def test_meaning_words_and_the_other_language_are_found(rt, town):
    """A paraphrase, an inflected word in other quotation marks and an English question over Russian posts."""
    *_, reader = town
    for question, right in [
        ("Когда снова можно будет проехать по мосту?", NEWS[0]),
        ("что с бассейном дельфин", NEWS[2]),
        ("Has a polar bear been born?", NEWS[1]),
        ("Во сколько отходит ночной паром?", NEWS[3]),
    ]:
        assert texts(await hybrid.search(rt, reader, question))[0] == right


async def test_only_readable_channels_are_searched(rt, town):
    """A channel not followed gives nothing, even when named; a reader of another tenant sees nothing."""
    _, news, secret, reader = town
    found = await hybrid.search(rt, reader, "код домофона у медвежонка")
    assert not any("4711" in text for text in texts(found))
    named = await hybrid.search(rt, reader, "код домофона", {"channel_ids": [secret.id]})
    assert texts(named) == []
    stranger = await a_reader(rt, await a_tenant(rt), 60_002, [])
    assert texts(await hybrid.search(rt, stranger, "мост", {"channel_ids": [news.id]})) == []


async def test_unfollowing_hides_posts_at_once(rt, town):
    """The vectors are still in Chroma; the next question does not find them."""
    tenant, news, *_ = town
    leaving = await a_reader(rt, tenant, 60_003, [news.id])
    assert texts(await hybrid.search(rt, leaving, "мост на ремонте"))
    async with rt.db.transaction(tenant.id) as db:
        gone = delete(Subscription).where(col(Subscription.user_id) == leaving.user_id)
        await db.exec(gone)
    assert texts(await hybrid.search(rt, leaving, "мост на ремонте")) == []


async def test_deleted_and_edited_posts_are_found_as_they_stand_now(rt):
    """Before the index has caught up, too: PostgreSQL decides what is shown."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, ["Концерт стоит 500 рублей.", "Лекция бесплатная."])
    reader = await a_reader(rt, tenant, 60_004, [channel.id])
    await indexing.index_dirty(rt, tenant.id)
    async with rt.db.transaction(tenant.id) as db:
        edited = replace(incoming_post(1, "Концерт стоит 700 рублей."), edited_at=NOW)
        await ingestion.save_live(db, channel.id, [edited], [1])
        await ingestion.mark_deleted(db, channel.id, [2])
    assert texts(await hybrid.search(rt, reader, "концерт или лекция")) == ["Концерт стоит 700 рублей."]


async def test_full_text_alone_answers_when_chroma_is_away(rt, town):
    """Said openly in `degraded`; what shares no word is then not found."""
    *_, reader = town
    away = replace(rt, vectors=Vectors("http://127.0.0.1:9"))
    found = await hybrid.search(away, reader, "ремонт моста")
    await away.vectors.close()
    assert found.degraded
    assert texts(found) == [NEWS[0]]
    assert not (await hybrid.search(rt, reader, "ремонт моста")).degraded


async def test_the_same_news_in_several_channels_is_one_passage(rt):
    """Forwards and near-copies are gathered under one post, which knows the places of the others."""
    tenant = await a_tenant(rt)
    text = "Библиотека переезжает на Почтовую, 22, и откроется через месяц в здании телеграфа."
    first = await a_channel(rt, tenant, [text], number=21)
    copy = await a_channel(rt, tenant, [text.replace("через месяц", "через месяц,")], number=22)
    third = await a_channel(rt, tenant, [], number=23)
    async with rt.db.transaction(tenant.id) as db:
        forward = incoming_post(1, "Смотрите: " + text, forward_channel=21, forward_message=1)
        await ingestion.save_live(db, third.id, [forward], [1])
    await indexing.index_dirty(rt, tenant.id)
    reader = await a_reader(rt, tenant, 60_005, [first.id, copy.id, third.id])
    (passage,) = (await hybrid.search(rt, reader, "куда переезжает библиотека")).passages
    places = {passage.place.channel_id, *(place.channel_id for place in passage.also)}
    assert places == {first.id, copy.id, third.id}


async def test_a_span_of_time_is_searched_completely(rt, town):
    """`since` counts, `until` does not; what lies outside is not found however near it is."""
    *_, reader = town
    posted = NOW - timedelta(hours=10_000 - 2)
    span: hybrid.Wanted = {"since": posted, "until": posted + timedelta(minutes=1)}
    assert texts(await hybrid.search(rt, reader, "мост", span)) == [NEWS[1]]


async def test_words_are_compared_as_people_mean_them(rt, town):
    """Stems, ё as е, quotation marks as spaces; rare words weigh more; query operators are only words."""
    tenant, news, *_ = town
    async with rt.db.transaction(tenant.id) as db:
        matches = {"мостами": 1, "ДЕЛЬФИНОМ": 1, "и в на": 0, "'); drop & | ! <->": 0}
        for question, count in matches.items():
            assert len((await full_text.search(db, question, Scope([news.id]))).scores) == count
        rarity = (await full_text.search(db, "мост бегемот", Scope([news.id]))).rarity
    assert rarity["бегемот"] > rarity["мост"] > 0
