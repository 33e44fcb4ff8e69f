"""Channels, posts and questions in pages, and the documented forms of the channel calls."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.corpus import a_channel, a_reader, a_tenant
from tests.counted import moved
from tests.followed import account
from tests.people import member, tenant
from tg_assistant.api.app import create_api
from tg_assistant.core.answers import answers
from tg_assistant.core.rollout.experiments import TRIALS
from tg_assistant.core.rollout.flags import FLAGS
from tg_assistant.models import Login, LoginStatus, Role


@pytest.fixture(scope="module")
async def reader(rt, sign_in):
    """Somebody with seven channels, of which two share a title, and their headers."""
    where = await a_tenant(rt)
    channels = [await a_channel(rt, where, [f"Post {n}"], number=80 + n) for n in range(6)]
    async with rt.db.transaction(where.id) as db:
        channels[0].title = channels[1].title
        db.add(channels[0])
    actor = await a_reader(rt, where, 74_001, [channel.id for channel in channels])
    return actor, await sign_in(74_001)


async def pages(http, path, own, limit):
    """All items of a list, page by page."""
    seen, cursor = [], None
    while True:
        asked = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        answer = await http.get(path, params=asked, headers=own)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return seen


async def test_channels_come_in_pages_by_title(http, reader):
    """Each once, whatever the size of a page, equal titles included; in both forms of the call."""
    actor, own = reader
    whole = (await http.get("/api/channels", headers=own)).json()["items"]
    assert len(whole) == 6 and [c["title"] for c in whole] == sorted(c["title"] for c in whole)
    for path in ("/api/channels", f"/api/channels/users/{actor.user_id}/channels"):
        for limit in (1, 2, 5, 6):
            seen = [item["id"] for item in await pages(http, path, own, limit)]
            assert seen == [item["id"] for item in whole], (path, limit)


async def test_posts_and_questions_come_in_pages(http, rt, reader):
    """Nothing is left out and nothing comes twice."""
    actor, own = reader
    for n in range(5):
        async for _ in answers.ask(rt, actor, f"What is post number {n}?"):
            pass
    for path, key, count in (("/api/posts", "id", 6), ("/api/rag/history", "query_id", 5)):
        seen = [item[key] for item in await pages(http, path, own, 2)]
        assert len(seen) == len(set(seen)) == count
        assert [item[key] for item in await pages(http, path, own, 100)] == seen


async def test_ones_sessions_come_in_pages(http, sign_in):
    """Each sign-in once, the one that asks among them and marked; linked accounts with the first page."""
    for _ in range(4):
        own = await sign_in(74_003)
    seen, cursor, marked = [], None, 0
    while True:
        asked = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await http.get("/api/users/me/sessions", params=asked, headers=own)).json()
        assert len(page["app"]) == 2 and page["telegram"] == []
        seen += [one["id"] for one in page["app"]]
        marked += sum(one["current"] for one in page["app"])
        if (cursor := page["next_cursor"]) is None:
            break
    assert len(seen) == len(set(seen)) == 4 and marked == 1
    whole = (await http.get("/api/users/me/sessions", headers=own)).json()
    assert [one["id"] for one in whole["app"]] == seen and whole["next_cursor"] is None


async def test_flags_and_experiments_come_in_pages(http, rt, sign_in):
    """By name, each once."""
    async with rt.db.transaction() as db:
        await member(db, await tenant(db), 74_004, Role.admin)
    own = await sign_in(74_004)
    for path, known in (("/api/admin/flags", FLAGS), ("/api/admin/experiments", TRIALS)):
        for limit in (1, 2, 100):
            assert [one["name"] for one in await pages(http, path, own, limit)] == sorted(known)
        assert (await http.get(path, params={"cursor": "x"}, headers=own)).status_code == 422


def test_every_list_is_read_in_pages():
    """The document: an answer that is a list takes `limit` and `cursor`, and says what comes next."""
    document = create_api(lambda: None).openapi()
    schemas, lists = document["components"]["schemas"], []
    for path, methods in document["paths"].items():
        asked = methods.get("get", {})
        content = asked.get("responses", {}).get("200", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        assert schema.get("type") != "array", path
        fields = schemas.get(schema.get("$ref", "").rpartition("/")[2], {}).get("properties", {})
        if path.endswith(("health", "ready", "health/auth", "health/bot", "{post_id}", "/feeds")):
            continue  # checks by name, the versions of one post, and the few feeds a person may have
        if any(field.get("type") == "array" for field in fields.values()):
            lists.append(path)
            assert {"limit", "cursor"} <= {one["name"] for one in asked["parameters"]}, path
            assert "next_cursor" in fields, path
    assert len(lists) >= 15


@pytest.mark.parametrize(
    "path",
    [
        *("/api/channels", "/api/posts", "/api/rag/history", "/api/channels/available"),
        "/api/users/me/sessions",
    ],
)
async def test_a_broken_cursor_and_a_wrong_limit_are_refused(http, reader, path):
    """422 in words, never another page and never a surprise."""
    for asked in ({"cursor": "x"}, {"cursor": "W10="}, {"cursor": "x" * 700}, {"limit": 0}, {"limit": 101}):
        answer = await http.get(path, params=asked, headers=reader[1])
        assert answer.status_code == 422, (path, asked, answer.text)


async def test_the_accounts_own_list_is_read_again_in_turns(http, rt, sign_in):
    """Twice in a minute is too often for Telegram: 429 with when again, and it is counted."""
    where = await a_tenant(rt)
    actor = await a_reader(rt, where, 74_005)
    own = await sign_in(74_005)
    async with rt.db.transaction(where.id) as db:
        (await account(db, actor)).dialogs_at = datetime.now(UTC)
    with moved("rate_limit_exceeded_total", 1, rule="refresh"):
        answer = await http.get("/api/channels/available", params={"refresh": True}, headers=own)
    assert (answer.status_code, answer.json()["code"]) == (429, "channels.refreshed_recently")
    assert answer.headers["ratelimit-policy"] == '"refresh";q=1;w=60'
    assert 50 <= int(answer.headers["retry-after"]) <= 60


async def test_another_users_documented_address_is_unknown(http, reader):
    """The user in the address must be the caller: 404 for anybody else."""
    actor, own = reader
    for user_id in (uuid4(), actor.tenant_id):
        path = f"/api/channels/users/{user_id}/channels"
        assert (await http.get(path, headers=own)).status_code == 404
        assert (await http.post(path, json={"username": "@x_y_z_w"}, headers=own)).status_code == 404
        assert (await http.delete(f"{path}/{uuid4()}", headers=own)).status_code == 404


async def test_pausing_and_leaving_a_channel(http, rt, reader, sign_in):
    """PATCH pauses and resumes; DELETE answers 204 and the channel is gone from the list; then 404."""
    where = await a_tenant(rt)
    channel = await a_channel(rt, where, ["x"], number=99)
    await a_reader(rt, where, 74_002, [channel.id])
    own = await sign_in(74_002)
    path = f"/api/channels/{channel.id}"
    for paused in (True, False):
        assert (await http.patch(path, json={"paused": paused}, headers=own)).json()["paused"] is paused
    assert (await http.patch(path, json={"paused": "perhaps"}, headers=own)).status_code == 422
    progress = (await http.get(f"{path}/progress", headers=own)).json()
    assert {"known_low", "known_high", "done", "gaps", "rate", "eta_seconds", "last_error"} <= progress.keys()
    left = await http.delete(path, headers=own)
    assert (left.status_code, left.content) == (204, b"")
    assert (await http.get("/api/channels", headers=own)).json()["items"] == []
    assert (await http.delete(path, headers=own)).status_code == 404


async def test_the_qr_is_kept_by_nobody(http, rt, reader):
    """PNG, or SVG on `Accept`, never stored; 404 while there is none; the status as documented."""
    actor, own = reader
    started = (await http.post("/api/tg/qr/start", json={}, headers=own)).json()
    assert started.keys() == {"qr_session_id", "png_url", "connect_url", "expires_in"}
    path = f"/api/tg/qr/png/{started['qr_session_id']}"
    assert (await http.get(path, headers=own)).status_code == 404
    async with rt.db.transaction(actor.tenant) as db:
        login = await db.get_one(Login, started["qr_session_id"])
        login.status, login.qr_url = LoginStatus.awaiting_scan.value, "tg://login?token=abc"
        login.qr_expires_at = datetime.now(UTC) + timedelta(seconds=30)
    for accept, kind, begins in (("*/*", "image/png", b"\x89PNG"), ("image/svg+xml", "image/svg+xml", b"<")):
        answer = await http.get(path, headers={**own, "Accept": accept})
        assert answer.headers["content-type"].startswith(kind) and answer.content.startswith(begins)
        assert answer.headers["cache-control"] == "no-store"
    status = (await http.get(f"/qr-auth/status/{started['qr_session_id']}", headers=own)).json()
    assert status["status"] == "awaiting_scan" and {"reason", "qr_expires_at", "updated_at"} <= status.keys()
