"""Searching over REST: three modes, marked words, paging, and what does not belong into a query."""

from datetime import timedelta

import pytest

from tests.corpus import NOW, a_channel, a_reader, a_tenant
from tg_assistant.core.retrieval import indexing, search
from tg_assistant.infra.vectors import Vectors

NEWS = [
    "Лодочный мост закроют на ремонт до октября, машины пойдут через Новый мост.",
    "В зоопарке родился белый медвежонок, имя выберут подписчики.",
    "Бассейн «Дельфин» закрыт на шесть дней, меняют фильтры.",
    "The night ferry to the islands leaves at 23:40 from pier 4. <b>Bring</b> a warm coat.",
    *(f"Мост номер {n} осмотрен, замечаний нет." for n in range(5, 30)),
]
HOSTILE = [
    *(
        "мост & | ! <->",
        "a:*",
        "'''''",
        "мост' | 'x",
        '"мост',
        '"""',
        "-мост",
        "((((",
        "or or or",
        "\\",
        "%_%",
    ),
    *(
        "мост\x00",
        "\ud83d мост",
        "🙂",
        "漢" * 500,
        "\u202eмост",
        "мост:*A",
        "!!!",
        "   ",
        "",
        "x" * 20_000,
        "a " * 250,
    ),
    *("'); DROP TABLE posts; --", "<script>alert(1)</script>", "и в на", "-", "{}", "$1 :q %(q)s"),
]


@pytest.fixture(scope="module")
async def town(rt, sign_in):
    tenant = await a_tenant(rt)
    news = await a_channel(rt, tenant, NEWS, number=11)
    secret = await a_channel(rt, tenant, ["Код домофона у моста: 4711."], number=12)
    await indexing.index_dirty(rt, tenant.id)
    await a_reader(rt, tenant, 61_001, [news.id])
    return await sign_in(61_001), news, secret


async def found(http, own, **asked):
    answer = await http.get("/api/search", params=asked, headers=own)
    assert answer.status_code == 200, answer.text
    return answer.json()


def marked(item):
    return [piece["text"] for piece in item["highlights"] if piece["match"]]


async def test_words_and_meaning_together(http, town):
    """An inflected word, a paraphrase and another language; the words asked for are marked."""
    own, news, _ = town
    first = (await found(http, own, q="бассейном дельфин"))["items"][0]
    assert first["text"] == NEWS[2] and marked(first) == ["Бассейн", "Дельфин"]
    assert first["channel_id"] == str(news.id) and first["url"].endswith("/3") and first["score"] > 0
    assert (await found(http, own, q="polar bear cub born"))["items"][0]["text"] == NEWS[1]
    assert (await found(http, own, q="ночной паром", mode="semantic"))["items"][0]["text"] == NEWS[3]


async def test_exactly_these_words(http, town):
    """All words, newest first; a phrase, a word left out, an alternative."""
    own, *_ = town
    for query, numbers in {
        "мост ремонт": [1],
        '"Новый мост"': [1],
        "«мост новый»": [],
        "закрыт OR родился": [3, 2],
        "ferry -pier": [],
        "медвежонок": [2],
    }.items():
        items = (await found(http, own, q=query, mode="exact"))["items"]
        assert [item["message_id"] for item in items] == numbers, query
    newest = [item["message_id"] for item in (await found(http, own, q="мост", mode="exact"))["items"]]
    assert newest == sorted(newest, reverse=True) and len(newest) == 20


@pytest.mark.parametrize("mode", ["exact", "hybrid", "semantic"])
async def test_pages_follow_one_another(http, town, mode):
    """A cursor leads on without a gap or a repetition, and ends; one that was made up is refused."""
    own, *_ = town
    seen, cursor = [], {}
    while True:
        page = await found(http, own, q="мост осмотрен", mode=mode, limit=7, **cursor)
        assert len(page["items"]) <= 7
        seen += [item["id"] for item in page["items"]]
        if not page["next_cursor"]:
            break
        cursor = {"cursor": page["next_cursor"]}
    whole = await found(http, own, q="мост осмотрен", mode=mode, limit=100)
    assert seen == [item["id"] for item in whole["items"]] and len(seen) == len(set(seen))
    for bad in ("x", "e30=", "eyJvZmZzZXQiOiAtMX0=", "W1tbW1s="):
        answer = await http.get("/api/search", params={"q": "мост", "mode": mode, "cursor": bad}, headers=own)
        assert (answer.status_code, answer.json()["code"]) == (422, "posts.bad_cursor"), bad


async def test_only_what_may_be_read_and_when(http, town):
    """A channel not followed gives nothing even when named; a span of time holds in every mode."""
    own, news, secret = town
    posted = NOW - timedelta(hours=10_000 - 1)
    span = {"from": posted.isoformat(), "to": (posted + timedelta(minutes=1)).isoformat()}
    for mode in ("exact", "hybrid", "semantic"):
        assert "4711." not in str(await found(http, own, q="код домофона моста", mode=mode))
        assert (await found(http, own, q="код", mode=mode, channel_ids=[str(secret.id)]))["items"] == []
        items = (await found(http, own, q="мост", mode=mode, channel_ids=[str(news.id)], **span))["items"]
        assert [item["message_id"] for item in items] == [1]


@pytest.mark.parametrize("query", HOSTILE, ids=range(len(HOSTILE)))
async def test_a_hostile_query_is_only_words(http, town, query):
    """Operators, quotes, NUL, lone surrogates, 20,000 letters: results or one clear refusal."""
    own, *_ = town
    for mode in ("exact", "hybrid", "semantic"):
        asked = {"q": query.encode("utf-8", "replace"), "mode": mode}
        answer = await http.get("/api/search", params=asked, headers=own)
        assert answer.status_code in (200, 422), answer.text
        if answer.status_code == 422:
            assert answer.json()["code"] in ("search.empty", "search.too_long")


async def test_markup_of_a_post_stays_text(http, town):
    """Pieces joined are the post's own characters: nothing is added, escaped or interpreted."""
    own, *_ = town
    item = (await found(http, own, q="warm coat ferry", mode="exact"))["items"][0]
    assert "".join(piece["text"] for piece in item["highlights"]) == item["text"] == NEWS[3]
    assert marked(item) == ["ferry", "warm", "coat"]


async def test_without_chroma_the_words_still_find(http, rt, town, monkeypatch):
    """Both modes together say so in a note; meaning alone says in words that it is away."""
    own, *_ = town
    away = Vectors("http://127.0.0.1:9")
    monkeypatch.setattr(rt.vectors, "query", away.query)
    page = await found(http, own, q="бассейн дельфин")
    assert page["note"] == "by_words_only" and page["items"][0]["text"] == NEWS[2]
    answer = await http.get("/api/search", params={"q": "бассейн", "mode": "semantic"}, headers=own)
    assert answer.status_code == 503 and answer.json()["code"] == "vectors.unavailable"
    assert "meaning" in answer.json()["detail"] and answer.headers["retry-after"]
    assert (await found(http, own, q="бассейн", mode="exact"))["note"] is None
    await away.close()


def test_a_long_text_is_shown_where_it_speaks_of_the_query():
    """The extract is short, begins and ends at words, and holds the words asked for."""
    text = "Вступление о погоде. " * 40 + "Ремонт моста начнётся в мае." + " Послесловие без смысла." * 40
    pieces = search.snippets.extract(text, "что с ремонтом мостов")
    joined = "".join(piece.text for piece in pieces)
    assert len(joined) < 300 and joined.startswith("…") and joined.endswith("…")
    assert [piece.text for piece in pieces if piece.match] == ["Ремонт", "моста"]
    assert joined.strip("…") in text
