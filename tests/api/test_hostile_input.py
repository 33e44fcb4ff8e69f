"""Strings that PostgreSQL or UTF-8 cannot hold, at every door of the API that takes words."""

import json
from uuid import uuid4

import pytest

from tests.people import member, tenant

BAD = ["a\x00b", "a\ud83d", "\u202e" * 50, "x" * 9_000, "%00", "'; DROP TABLE posts; --", "-1", "9" * 30]
ID = uuid4()
CALLS = [
    ("POST", "/api/tg/qr/start", lambda bad: {"client_meta": {"device": bad}}),
    ("POST", "/api/tg/qr/start", lambda bad: {"invite_code": bad}),
    ("POST", "/api/invites/redeem", lambda bad: {"code": bad}),
    ("POST", "/api/channels", lambda bad: {"link": bad}),
    ("POST", "/api/channels", lambda bad: {"username": bad}),
    ("POST", "/api/channels", lambda bad: {"telegram_id": bad}),
    ("POST", "/api/rag/query", lambda bad: {"query": bad}),
    ("POST", "/api/auth/telegram-webapp", lambda bad: {"init_data": bad}),
    ("POST", f"/api/tg/qr/password/{ID}", lambda bad: {"password": bad}),
]


@pytest.mark.parametrize("bad", BAD, ids=range(len(BAD)))
async def test_nothing_a_caller_sends_is_a_surprise(http, rt, sign_in, bad):
    """An answer in words or a refusal, never a 5xx."""
    async with rt.db.transaction() as db:
        await member(db, await tenant(db), 8_901 + BAD.index(bad))
    own = await sign_in(8_901 + BAD.index(bad))
    for method, path, body in CALLS:
        answer = await http.request(method, path, headers=own, content=json_of(body(bad)))
        assert answer.status_code < 500, (path, answer.text)
    for path in (
        "/api/posts",
        f"/api/posts/{ID}",
        f"/api/channels/{ID}",
        f"/api/tasks/{ID}",
        f"/tg/connect/{ID}",
    ):
        asked = {"cursor": bad.encode("utf-8", "replace").decode()}
        answer = await http.get(path, headers=own, params=asked)
        assert answer.status_code < 500, (path, answer.text)


def json_of(body: object) -> str:
    """As a client writes it that escapes everything, lone surrogates included."""
    return json.dumps(body)
