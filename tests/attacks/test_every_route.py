"""Every route, as every role, with somebody else's ids: as if they did not exist, and nothing is changed."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from tests.attacks import routes, victim
from tests.attacks.routes import Target
from tests.attacks.victim import HERS, MARK, World
from tests.servers import all_tenants
from tg_assistant.api.app import create_api
from tg_assistant.api.graphql.schema import schema
from tg_assistant.infra.runtime import Runtime

_APP = create_api(lambda: None)
TARGETS = routes.targets(_APP)
Headers = dict[str, dict[str, str]]
# Fields no caller may give, whatever the body: put into every body beside what it takes.
EXTRA = {
    "tenant_id": "home",
    "user_id": "victim",
    "id": "own",
    "role": "owner",
    "plan": "unlimited",
    "version": 999,
    "disabled": False,
    "is_admin": True,
    "created_by": "victim",
    "uses_count": -5,
    "code": "AAAAAAAAAAAA",
    "active": True,
    "door": "admin",
    "telegram_id": 1,
    "sealed_session": "eA==",
}
PRIVILEGED = {
    "tenant_id",
    "created_by",
    "uses_count",
    "uses",
    "is_admin",
    "is_owner",
    "door",
    "sealed_session",
}
# Every field of the schema that takes arguments, asked for what belongs to somebody else.
GRAPHQL = {
    "channel": "query ($channel_id: UUID!) { channel(id: $channel_id) { title telegramId } }",
    "post": "query ($post_id: UUID!) { post(id: $post_id) { text channelTitle versions { text } } }",
    "posts": "query ($channel_id: UUID!) { posts(channelIds: [$channel_id]) { edges { node { text } } } }",
    "search": f"""query ($channel_id: UUID!) {{
        exact: search(query: "{MARK}", mode: EXACT, within: {{ channelIds: [$channel_id] }}) {{
          edges {{ node {{ post {{ text }} }} }} }}
        all: search(query: "{MARK}") {{ edges {{ node {{ post {{ text }} }} }} }} }}""",
    "questions": "{ questions(first: 100) { edges { node { question answer sources { quote } } } } }",
    "ask": """mutation ($channel_id: UUID!) {
        ask(question: "Read what?", within: { channelIds: [$channel_id] }) { answer sources { quote } } }""",
}


@pytest.fixture(scope="module")
async def world(rt: Runtime) -> World:
    return await victim.make(rt)


@pytest.fixture(scope="module")
async def headers(world: World, sign_in: Any) -> Headers:
    """By role; nobody has none."""
    signed = {role: await sign_in(actor.telegram_id) for role, actor in world.attackers.items()}
    return {"nobody": {}, **signed}


@pytest.fixture(autouse=True)
async def no_limits(rt: Runtime) -> None:
    """Limits have attacks of their own; here they would hide what a route says."""
    await rt.limits._storage.reset()


async def _tried(
    http: httpx.AsyncClient, target: Target, headers: dict[str, str], pick: Any
) -> httpx.Response:
    http.cookies.clear()
    async with asyncio.timeout(60):
        return await http.request(headers=headers, **target.request(pick))


def _said(answer: httpx.Response) -> tuple[int, Any]:
    """The answer without what names the request itself."""
    if "json" not in answer.headers.get("content-type", ""):
        return answer.status_code, len(answer.content)
    body = answer.json()
    if isinstance(body, dict):
        own = ("instance", "request_id", "query_id", "processing_time_ms", "reference")
        body = {name: value for name, value in body.items() if name not in own}
    return answer.status_code, body


def test_each_route_says_what_a_foreign_one_is() -> None:
    """A new parameter or body has to be named in tests/attacks/routes.py before it ships."""
    known = {*routes.OBJECTS, *routes.WORDS}
    for target in TARGETS:
        assert set(target.parameters) <= known, target
        assert set(target.query) <= {*routes.QUERY, *routes.PAGING}, target
        assert target.body is None or target.body in routes.BODIES, target
    assert len(TARGETS) > 80
    assert {str(target) for target in TARGETS} >= set(routes.ON_ONESELF)


@pytest.mark.parametrize("target", TARGETS, ids=str)
async def test_a_foreign_object_is_as_none(
    http: httpx.AsyncClient, rt: Runtime, world: World, headers: Headers, target: Target
) -> None:
    """The victim's ids and ids that do not exist get the same answer; nobody without a token gets any."""
    before = await world.snapshot(rt)
    for role, own in headers.items():
        if str(target) in routes.ON_ONESELF and role != "nobody":
            continue
        foreign = await _tried(http, target, own, world.ids.__getitem__)
        assert foreign.status_code < 500 or target.public, (role, foreign.text)
        assert MARK not in foreign.text, (role, foreign.text)
        if role == "nobody" and not target.public:
            assert foreign.status_code in (401, 404, 405), (role, foreign.text)
        if target.names_an_object:
            assert foreign.status_code in (401, 403, 404, 405), (role, foreign.text)
        await no_limits_of(rt)
        random = await _tried(http, target, own, world.random)
        if str(target).endswith(("/init", "/start")):  # a new attempt each time; neither id is the caller's
            assert foreign.status_code == random.status_code
        else:
            assert _said(foreign) == _said(random) or _of_oneself(target, foreign), role
    if target.method != "GET":
        assert await world.snapshot(rt) == before


async def no_limits_of(rt: Runtime) -> None:
    await rt.limits._storage.reset()


def _of_oneself(target: Target, answer: httpx.Response) -> bool:
    """Lists of the caller's own change between two calls (a sign-in is seen, an invite made)."""
    return not target.names_an_object and answer.status_code < 300


@pytest.mark.parametrize("target", [t for t in TARGETS if t.body and not t.form], ids=str)
async def test_nobody_gives_themselves_more(
    http: httpx.AsyncClient, rt: Runtime, world: World, headers: Headers, target: Target
) -> None:
    """Role, tenant, version and the like beside a body's own fields are refused or of no effect."""
    values = {"home": str(world.ids["tenant_id"]), "victim": str(world.ids["user_id"]), "own": str(uuid4())}
    taken = _fields(target)
    extra = {name: values.get(str(value), value) for name, value in EXTRA.items() if name not in taken}
    before, people = await world.snapshot(rt), await _people(rt)
    for role, own in headers.items():
        await no_limits_of(rt)
        sent = target.request(world.random)
        sent["json"] = {**sent["json"], **extra}
        answer = await http.request(headers=own, **sent)
        assert answer.status_code < 500, (role, answer.text)
        assert values["home"] not in answer.text and '"owner"' not in answer.text, (role, answer.text)
    assert await world.snapshot(rt) == before
    assert await _people(rt) == people


def _fields(target: Target) -> set[str]:
    model = routes.input_models(_APP).get(target.body or "")
    return {field.alias or name for name, field in model.model_fields.items()} if model else set()


async def _people(rt: Runtime) -> list[Any]:
    """Everybody's rights, of all tenants."""
    query = text("SELECT user_id, tenant_id, role, plan, disabled, version FROM memberships ORDER BY 1")
    async with all_tenants(rt) as db:
        return [tuple(row) for row in await db.exec(query)]


def test_no_body_has_a_field_for_more() -> None:
    """What only we decide is in no input model at all; `user_id` only where it must be the caller's own."""
    for name, model in routes.input_models(_APP).items():
        assert not PRIVILEGED & set(model.model_fields), name
        assert "user_id" not in model.model_fields or name == "QueryIn", name


def test_each_graphql_field_says_what_a_foreign_one_is() -> None:
    """A new field with arguments has to be named in GRAPHQL before it ships."""
    core_schema = schema._schema
    roots = (core_schema.query_type, core_schema.mutation_type)
    with_arguments = {name for root in roots if root for name, field in root.fields.items() if field.args}
    assert with_arguments == set(GRAPHQL)


@pytest.mark.parametrize("field", GRAPHQL)
async def test_a_foreign_object_is_as_none_in_graphql(
    http: httpx.AsyncClient, rt: Runtime, world: World, headers: Headers, field: str
) -> None:
    """The same over GraphQL's fields."""
    before = await world.snapshot(rt)
    for role, own in headers.items():
        said = []
        for pick in (world.ids.__getitem__, world.random):
            variables = {
                name: str(pick(name)) for name in ("channel_id", "post_id") if f"${name}" in GRAPHQL[field]
            }
            body = {"query": GRAPHQL[field], "variables": variables}
            answer = await http.post("/api/graphql", json=body, headers=own)
            assert answer.status_code == (401 if role == "nobody" else 200), (role, answer.text)
            assert MARK not in answer.text, (role, answer.text)
            said.append(_said(answer))
        assert said[0] == said[1], role
    assert await world.snapshot(rt) == before


async def test_the_victim_sees_it_all(http: httpx.AsyncClient, world: World, sign_in: Any) -> None:
    """The attack itself is sound: the same requests by the victim show the mark."""
    own = await sign_in(world.victim.telegram_id)
    shown = set()
    for target in TARGETS:
        if target.method == "GET" and target.names_an_object and "events" not in target.path:
            answer = await _tried(http, target, own, world.ids.__getitem__)
            shown |= {target.path} if answer.status_code == 200 else set()
    assert {"/api/posts/{post_id}", "/api/channels/{channel_id}", "/api/tasks/{task_id}"} <= shown, shown
    variables = {"channel_id": str(world.ids["channel_id"])}
    body = {"query": GRAPHQL["channel"], "variables": variables}
    assert MARK in json.dumps((await http.post("/api/graphql", json=body, headers=own)).json())


# The last: an owner may change who is in the group.
@pytest.mark.parametrize("target", TARGETS, ids=str)
async def test_the_owner_of_ones_own_group(
    http: httpx.AsyncClient, rt: Runtime, world: World, headers: Headers, sign_in: Any, target: Target
) -> None:
    """Sees who is there; what a member reads, asks and connects is as none to the owner, too."""
    if str(target) in routes.ON_ONESELF:
        return
    own = await sign_in(world.boss.telegram_id)
    before = await world.snapshot(rt)
    foreign = await _tried(http, target, own, world.ids.__getitem__)
    assert foreign.status_code < 500 or target.public, foreign.text
    assert HERS not in foreign.text
    if _of_the_office(target):
        known = str(world.victim.telegram_id) in foreign.text
        assert known or str(target) != "GET /api/admin/users/{user_id}"  # the attack itself is sound
        return
    if target.names_an_object:
        assert foreign.status_code in (401, 403, 404, 405), foreign.text
        assert _said(foreign) == _said(await _tried(http, target, own, world.random))
    assert await world.snapshot(rt) == before


def _of_the_office(target: Target) -> bool:
    """What an admin is there for; that it does no more than it should is tested by the roles' own tests."""
    return target.path.startswith("/api/admin/") or target.path in (
        "/api/users/{telegram_id}",
        "/api/users/{user_id}/subscription",
    )
