"""GraphQL: the same answers as REST's, few queries however long the lists, errors in words."""

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from graphql import get_introspection_query
from sqlalchemy import event

from tests.corpus import NOW, a_channel, a_reader, a_tenant, incoming_post
from tg_assistant.api.graphql.schema import schema
from tg_assistant.core.posts import ingestion, posts
from tg_assistant.core.retrieval import indexing

SCHEMA = Path(__file__).parents[2] / "docs" / "api" / "schema.graphql"
NEWS = [
    "Лодочный мост закроют на ремонт до октября, машины пойдут через Новый мост.",
    "В зоопарке родился белый медвежонок, имя выберут подписчики.",
    "The night ferry to the islands leaves at 23:40 from pier 4.",
]
POST = "id text url version versions { version text } channel { id title progress { done } }"


@pytest.fixture(scope="module")
async def town(rt, sign_in):
    tenant = await a_tenant(rt)
    channels = [
        await a_channel(
            rt, tenant, {n: f"{text} Часть {number}." for n, text in enumerate(NEWS, 1)}, number=number
        )
        for number in range(31, 39)
    ]
    async with rt.db.transaction(tenant.id) as db:
        for channel in channels:
            edited = replace(incoming_post(1, f"Мост уже открыт, {channel.title}."), edited_at=NOW)
            await ingestion.save_live(db, channel.id, [edited], [1])
    await indexing.index_dirty(rt, tenant.id)
    await a_reader(rt, tenant, 62_001, [channel.id for channel in channels])
    return await sign_in(62_001), channels


@pytest.fixture
def ask(http, town):
    """ask(query, **variables) → the whole answer."""

    async def asked(query, headers=None, status=200, **variables):
        body = {"query": query, "variables": variables}
        answer = await http.post("/api/graphql", json=body, headers=headers or town[0])
        assert answer.status_code == status, answer.text
        return answer.json()

    return asked


_NO_CHANNEL = "There is no such channel on your list. Open the list again."


async def test_everything_that_is_read(ask, town):
    """Who asks, channels, posts with versions, sessions: in one request."""
    _, channels = town
    query = f"""query ($id: UUID!) {{
      me {{ telegramId role plan tenantId }}
      channels {{ id title paused progress {{ done indexed finished }} }}
      channel(id: $id) {{ title telegramId }}
      posts(channelIds: [$id], first: 1) {{
        edges {{ node {{ {POST} }} cursor }} pageInfo {{ hasNextPage endCursor }}
      }}
      sessions {{ app {{ device current }} telegram {{ status }} }}
    }}"""
    answer = await ask(query, id=str(channels[0].id))
    data = answer["data"]
    assert answer["errors"] is None
    assert data["me"]["telegramId"] == "62001" and data["me"]["role"] == "user"
    assert len(data["channels"]) == 8 and data["channel"] == {"title": "Channel 31", "telegramId": "31"}
    page = data["posts"]
    assert page["pageInfo"] == {"hasNextPage": True, "endCursor": page["edges"][0]["cursor"]}
    assert page["edges"][0]["node"]["channel"]["id"] == str(channels[0].id)
    assert data["sessions"]["app"][0]["current"] is True


async def test_an_edited_post_has_its_earlier_texts(http, ask, town):
    """The same versions as over REST."""
    headers, channels = town
    listed = await http.get("/api/posts", params={"channel_id": str(channels[0].id)}, headers=headers)
    [edited] = [item for item in listed.json()["items"] if item["version"] == 2]
    shown = (await ask(f"query ($id: UUID!) {{ post(id: $id) {{ {POST} }} }}", id=edited["id"]))["data"][
        "post"
    ]
    assert shown["text"].startswith("Мост уже открыт") and shown["url"] == edited["url"]
    assert [version["text"] for version in shown["versions"]] == [f"{NEWS[0]} Часть 31."]


async def test_pages_follow_one_another(ask):
    """Any edge's cursor goes on behind it, in posts and in search alike."""
    for field, node in (
        ("posts(", "id"),
        ('search(query: "мост", ', "post { id }"),
        ('search(query: "часть", mode: EXACT, ', "post { id }"),
    ):
        query = f"""query ($first: Int!, $after: String) {{ found: {field} first: $first, after: $after) {{
          edges {{ cursor node {{ {node} }} }} pageInfo {{ hasNextPage }}
        }} }}"""
        whole = (await ask(query, first=6))["data"]["found"]["edges"]
        behind = (await ask(query, first=3, after=whole[2]["cursor"]))["data"]["found"]["edges"]
        assert len(whole) == 6 and behind == whole[3:], field


async def test_search_marks_words_and_asking_counts(http, ask, town):
    """Search as over REST; a question is answered with sources and stands in the history of every door."""
    query = """{ search(query: "подписчик", mode: EXACT, first: 2) {
      byWordsOnly edges { node { score extract { text match } post { text } } }
    } }"""
    hit = (await ask(query))["data"]["search"]["edges"][0]["node"]
    assert [piece["text"] for piece in hit["extract"] if piece["match"]] == ["подписчики"]
    query = """mutation { ask(question: "When does the night ferry leave?") {
      id answer abstained sources { n url post { text } }
    } }"""
    answer = (await ask(query))["data"]["ask"]
    assert "23:40" in answer["answer"] and "23:40" in answer["sources"][0]["post"]["text"]
    asked = (
        await ask("{ questions(first: 5) { edges { node { id question door sources { n post { id } } } } } }")
    )["data"]
    rest = (await http.get("/api/rag/history", headers=town[0])).json()
    assert asked["questions"]["edges"][0]["node"]["id"] == answer["id"]
    assert answer["id"] in str(rest)


async def test_lists_cost_a_few_queries(rt, ask):
    """Twenty posts with their channels and versions take as many statements as two do."""
    statements = []

    def count(*facts):
        statements.append(facts[2])

    async def spent(first):
        statements.clear()
        answer = await ask(f"{{ posts(first: {first}) {{ edges {{ node {{ {POST} }} }} }} }}")
        assert len(answer["data"]["posts"]["edges"]) == first
        return len(statements)

    event.listen(rt.db.engine.sync_engine, "before_cursor_execute", count)
    try:
        few, many = await spent(2), await spent(20)
    finally:
        event.remove(rt.db.engine.sync_engine, "before_cursor_execute", count)
    assert few == many < 40  # begins and settings of transactions included


async def test_errors_in_words_beside_what_was_read(http, ask, town):
    """A field that fails says why, in the caller's language, with REST's code; a made-up id names nothing."""
    query = "query ($id: UUID!) { me { language } channel(id: $id) { title } }"
    [error] = (await ask(query, id=str(uuid4())))["errors"]
    assert error["extensions"] == {"code": "channels.not_found", "status": 404}
    assert error["path"] == ["channel"] and error["message"] == _NO_CHANNEL
    [error] = (await ask('{ search(query: "!!!") { byWordsOnly } }'))["errors"]
    assert error["extensions"]["code"] == "search.empty"
    [error] = (await ask('{ posts(after: "x") { pageInfo { endCursor } } }'))["errors"]
    assert error["extensions"]["status"] == 422
    refused = await http.post("/api/graphql", json={"query": "{ me { id } }"})
    assert refused.status_code == 401 and refused.json()["code"] == "access.token"


async def test_a_surprise_is_told_without_its_insides(ask, monkeypatch):
    """An error of ours has a reference to the log and nothing else."""

    async def broken(*_, **__):
        raise RuntimeError("secret of the database")

    monkeypatch.setattr(posts, "list_", broken)
    answer = await ask("{ posts { pageInfo { endCursor } } }")
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "internal" and error["extensions"]["reference"] in error["message"]
    assert "secret" not in str(answer)


async def test_the_usual_introspection_query_is_allowed(ask):
    """Tools read the schema with one query of the well-known form."""
    for recursive in (True, False):
        query = get_introspection_query(input_value_deprecation=recursive, specified_by_url=recursive)
        assert (await ask(query))["data"]["__schema"]["queryType"]["name"] == "Query"


def test_the_exported_schema_is_the_schema():
    """docs/api/schema.graphql: `python -m tg_assistant.api.graphql > docs/api/schema.graphql`."""
    assert SCHEMA.read_text() == f"{schema.as_str()}\n"
