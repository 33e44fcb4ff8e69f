"""Each refused attack leaves a line: what was tried, by whom where that is known, no secret that came."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.attacks import victim
from tests.attacks.test_log_injection import Said, said
from tests.attacks.victim import World
from tg_assistant.core.actor import Actor
from tg_assistant.infra.runtime import Runtime

__all__ = ["said"]
COSTLY = "{ " + " ".join(f"a{n}: me {{ id }}" for n in range(60)) + " }"
CODE, TOKEN, LINK = "GUESSEDCODE7", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "L" * 43


@dataclass
class Attacker:
    """A member of another group, with the victim's ids."""

    http: httpx.AsyncClient
    bearer: dict[str, str]
    ids: dict[str, Any]

    async def own(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.http.request(method, path, json=body, headers=self.bearer)

    async def anon(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        self.http.cookies.clear()
        return await self.http.request(method, path, json=body, headers=headers)


Attack = Callable[[Attacker], Awaitable[httpx.Response]]
FORGED = {"Authorization": f"Bearer {TOKEN}"}
ELSEWHERE = {"Origin": "https://evil.example", "Cookie": f"tga_refresh={LINK}"}
READ = "query ($id: UUID!) { channel(id: $id) { title } }"
# what is tried → (how, status, the route as the line names it, whether it is known who)
TRIED: dict[str, tuple[Attack, int, str, bool]] = {
    "bent init data": (
        lambda a: a.anon("POST", "/api/auth/telegram-webapp", {"init_data": f"hash={LINK}"}),
        *(401, "/api/auth/telegram-webapp", False),
    ),
    "forged token": (lambda a: a.anon("GET", "/api/users/me", **FORGED), 401, "/api/users/me", False),
    "no token": (lambda a: a.anon("GET", "/api/posts"), 401, "/api/posts", False),
    "cookie from elsewhere": (
        lambda a: a.anon("POST", "/api/auth/refresh", **ELSEWHERE),
        *(403, "/api/auth/refresh", False),
    ),
    "another's channel": (
        lambda a: a.own("GET", f"/api/channels/{a.ids['channel_id']}"),
        *(404, "/api/channels/{channel_id}", True),
    ),
    "another's QR attempt": (
        lambda a: a.own("GET", f"/api/tg/qr/status/{a.ids['qr_session_id']}"),
        *(404, "/api/tg/qr/status/{qr_session_id}", True),
    ),
    "an admin's route": (lambda a: a.own("GET", "/api/admin/users"), 403, "/api/admin/users", True),
    "a role of one's own choice": (
        lambda a: a.own("PATCH", "/api/users/me", {"role": "owner"}),
        *(422, "/api/users/{telegram_id}", True),
    ),
    "a guessed code": (
        lambda a: a.own("POST", "/api/invites/redeem", {"code": CODE}),
        *(410, "/api/invites/redeem", True),
    ),
    "a guessed link": (
        lambda a: a.anon("POST", f"/tg/connect/{LINK}"),
        404,
        "/tg/connect/{link_token}",
        False,
    ),
    "another's channel in GraphQL": (
        lambda a: a.own(
            "POST", "/api/graphql", {"query": READ, "variables": {"id": str(a.ids["channel_id"])}}
        ),
        *(404, "/api/graphql", True),
    ),
    "a costly document": (
        lambda a: a.own("POST", "/api/graphql", {"query": COSTLY}),
        *(422, "/api/graphql", True),
    ),
    "a body too long": (
        lambda a: a.own("POST", "/api/rag/query", {"query": "x" * 2_000_000}),
        *(413, "/api/rag/query", False),
    ),
}


@pytest.fixture(scope="module")
async def world(rt: Runtime) -> World:
    return await victim.make(rt, 890_000)


@pytest.fixture(scope="module")
async def attacker(
    http: httpx.AsyncClient, world: World, sign_in: Callable[..., Any]
) -> tuple[Attacker, Actor]:
    who = world.attackers["a user of another tenant"]
    return Attacker(http, await sign_in(who.telegram_id), world.ids), who


@pytest.mark.parametrize("what", TRIED)
async def test_a_refusal(attacker: tuple[Attacker, Actor], said: Said, what: str) -> None:
    """One line with the status, our code, the route's template, and the person whose token it was."""
    armed, who = attacker
    attack, status, route, known = TRIED[what]
    said()
    answer = await attack(armed)
    lines = said()
    refused = [event for event in map(json.loads, lines) if event["event"] == "request.refused"]
    assert (status, route) in {(event["status"], event["route"]) for event in refused}, (answer.text, lines)
    for event in refused:
        assert event["request_id"] == answer.headers["x-request-id"]
        assert event["code"] or answer.status_code in (400, 404)
        assert event.get("user_id") == (str(who.user_id) if known else None)
    written = "\n".join(lines)
    bearer = armed.bearer["Authorization"].split()[1]
    assert not [one for one in (CODE, TOKEN, LINK, bearer) if one in written], written
