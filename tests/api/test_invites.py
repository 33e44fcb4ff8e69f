"""Invites over REST, as the contract has them: from making one to who used it."""

import pytest

from tests.people import member, tenant
from tests.people import person as known
from tg_assistant.infra import bot_api
from tg_assistant.models import Role

FIELDS = {
    *("code", "tenant_id", "role", "uses_limit", "uses_count", "active", "expires_at", "created_at"),
    *("created_by", "last_used_at", "last_used_by", "notes"),
}


@pytest.fixture(scope="module")
async def admin(rt, sign_in):
    """Headers of an admin, and the group."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        await member(db, friends, 8001, Role.admin)
    return await sign_in(8001), friends


async def test_an_invites_life(http, admin, sign_in):
    """Made, found, changed, used, looked into, revoked, deleted."""
    headers, friends = admin
    body = {"role": "user", "uses_limit": 2, "expires_at": "2031-01-31T12:00:00+00:00", "notes": "for Kim"}
    answer = await http.post("/api/admin/invites", json=body, headers=headers)
    made = answer.json()
    assert answer.status_code == 201 and set(made) == FIELDS
    assert made["tenant_id"] == str(friends.id) and made["active"] and made["uses_count"] == 0
    at = f"/api/admin/invites/{made['code']}"
    assert (await http.get(at, headers=headers)).json() == made
    changed = await http.patch(at, json={"uses_limit": 1}, headers=headers)
    assert changed.json() == {**made, "uses_limit": 1}

    guest = await sign_in(8002)
    joined = await http.post("/api/invites/redeem", json={"code": f"inv_{made['code']}"}, headers=guest)
    assert joined.status_code == 201
    assert joined.json() == {"tenant_id": str(friends.id), "role": "user"}
    late = await http.post("/api/invites/redeem", json={"code": made["code"]}, headers=await sign_in(8003))
    assert late.status_code == 410 and late.json()["code"] == "invites.spent"

    used = (await http.get(f"{at}/usage", headers=headers)).json()
    assert [one["telegram_id"] for one in used["items"]] == [8002] and used["next_cursor"] is None
    shown = (await http.get(at, headers=headers)).json()
    assert shown["uses_count"] == 1 and shown["last_used_by"] == used["items"][0]["user_id"]
    assert (await http.post(f"{at}/revoke", headers=headers)).json()["active"] is False
    assert (await http.delete(at, headers=headers)).status_code == 204
    assert (await http.get(at, headers=headers)).status_code == 404


async def test_lists_in_pages_by_status(http, admin):
    """Each invite once, the newest first; what is revoked is not active."""
    headers, _ = admin
    codes = [
        (await http.post("/api/admin/invites", json={}, headers=headers)).json()["code"] for _ in range(5)
    ]
    await http.post(f"/api/admin/invites/{codes[0]}/revoke", headers=headers)
    listed, cursor = [], None
    while True:
        query = {"status": "active", "limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await http.get("/api/admin/invites", params=query, headers=headers)).json()
        listed += [one["code"] for one in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert [code for code in listed if code in codes] == codes[:0:-1]
    revoked = await http.get("/api/admin/invites", params={"status": "revoked"}, headers=headers)
    assert codes[0] in [one["code"] for one in revoked.json()["items"]]


@pytest.mark.parametrize(
    "body",
    [
        {"role": "owner"},
        {"uses_limit": -1},
        {"uses_limit": 10_001},
        {"notes": "x" * 501},
        {"expires_at": "tomorrow"},
        {"expires_at": "2031-01-31T12:00:00"},
        {"tenant_id": "00000000-0000-4000-8000-000000000000"},
        {"code": "AAAAAAAAAAAA"},
    ],
)
async def test_what_cannot_be_wished_for(http, admin, body):
    """No owner's role, no other group, no chosen code, no time without a zone."""
    answer = await http.post("/api/admin/invites", json=body, headers=admin[0])
    assert answer.status_code == 422 and answer.headers["content-type"] == "application/problem+json"


async def test_a_picture_of_the_link(http, rt, admin, monkeypatch):
    """PNG, or SVG when asked for; it opens the bot with the code. Without Telegram: 503."""
    headers, _ = admin
    at = "/api/admin/invites/{}/qr".format(
        (await http.post("/api/admin/invites", json={}, headers=headers)).json()["code"]
    )
    telegram = rt.settings.telegram
    key = (
        telegram.bot_api_base or "https://api.telegram.org",
        telegram.bot_token.get_secret_value().partition(":")[0],
    )
    monkeypatch.setitem(bot_api._known, key, "our_bot")
    png = await http.get(at, headers=headers)
    assert png.headers["content-type"] == "image/png" and png.content.startswith(b"\x89PNG")
    svg = await http.get(at, headers={**headers, "Accept": "image/svg+xml"})
    assert svg.headers["content-type"] == "image/svg+xml" and svg.content.startswith(b"<svg")
    assert png.headers["cache-control"] == "no-store"


async def test_the_bots_name_is_asked_for_once_and_never_shows_the_token(rt, monkeypatch):
    """A Telegram that is away gives a sentence without the address, which has the token in it."""
    monkeypatch.setattr(bot_api, "_known", {})
    telegram = rt.settings.telegram.model_copy(update={"bot_api_base": "http://127.0.0.1:9"})
    with pytest.raises(bot_api.Unavailable) as refused:
        await bot_api.username(telegram)
    assert refused.value.__cause__ is None and refused.value.__suppress_context__


async def test_redeeming_twice_is_a_conflict(http, rt, sign_in, admin):
    """A member stays where they are; the invite keeps its use."""
    headers, friends = admin
    async with rt.db.transaction() as db:
        await known(db, 8004)
        await member(db, friends, 8005)
    code = (await http.post("/api/admin/invites", json={}, headers=headers)).json()["code"]
    twice = await http.post("/api/invites/redeem", json={"code": code}, headers=await sign_in(8005))
    assert twice.status_code == 409
    assert (await http.get(f"/api/admin/invites/{code}", headers=headers)).json()["uses_count"] == 0
