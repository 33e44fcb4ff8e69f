"""Rate limits: outrun, shared out over addresses and workers, and with their Redis away."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast
from uuid import uuid4

import httpx
import pytest
from fastapi import Request
from pydantic import SecretStr
from sqlmodel import col, select

from tests.attacks.redis_server import Redis, running_redis
from tests.people import init_data, member, person, tenant
from tg_assistant.api.app import create_api
from tg_assistant.api.limits import client_address
from tg_assistant.core import plans
from tg_assistant.core.access import rate_limits
from tg_assistant.core.access.rate_limits import Rule
from tg_assistant.core.accounts import logins
from tg_assistant.core.actor import Actor
from tg_assistant.errors import LimitReached, Unavailable
from tg_assistant.infra import metrics
from tg_assistant.infra.limits import RateLimits
from tg_assistant.infra.runtime import Runtime, open_runtime
from tg_assistant.models import Login, LoginStatus, Role
from tg_assistant.page_context import administering
from tg_assistant.settings.groups import SecuritySettings, Settings
from tg_assistant.web import process

DEFAULTS = {
    "rate_limit_sign_in": "10:60",
    "rate_limit_refresh": "60:60",
    "rate_limit_qr_init": "5:60",
    "rate_limit_qr_status": "30:60",
    "rate_limit_invites": "10:60",
    "rate_limit_admin": "50:3600",
    "rate_limit_graphql": "120:60",
    "rate_limit_export": "5:3600",
    "rate_limit_feeds": "60:60",
}
NEXT = iter(range(850_000, 859_999))


@asynccontextmanager
async def web(
    settings: Settings, *, redis: str | None = None, hops: int = 0, **rates: str
) -> AsyncIterator[Runtime]:
    """A worker of the web process with the contract's rates."""
    security = settings.security.model_copy(update=DEFAULTS | rates)
    at = {"redis_url": SecretStr(redis) if redis else None, "trusted_proxy_hops": hops}
    changed = {"security": security, "web": settings.web.model_copy(update=at)}
    async with open_runtime(settings.model_copy(update=changed)) as rt:
        yield rt


def client(rt: Runtime, address: str = "192.0.2.1") -> httpx.AsyncClient:
    """A client whose connection comes from `address`."""
    transport = httpx.ASGITransport(create_api(lambda: rt), client=(address, 1), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")


def good() -> dict[str, str]:
    return {"init_data": init_data({"id": next(NEXT), "first_name": "P"}, query_id=uuid4().hex)}


async def sign_in(http: httpx.AsyncClient, **headers: str) -> httpx.Response:
    http.cookies.clear()
    return await http.post("/api/auth/telegram-webapp", json=good(), headers=headers)


async def bearer(rt: Runtime, http: httpx.AsyncClient) -> dict[str, str]:
    """A member, signed in from an address of their own."""
    async with rt.db.transaction() as db:
        actor = await member(db, await tenant(db), next(NEXT))
    body = {"init_data": init_data({"id": actor.telegram_id, "first_name": "P"}, query_id=uuid4().hex)}
    async with client(rt, f"2001:db8:{next(NEXT) % 65_536:x}::1") as own:
        answer = await own.post("/api/auth/telegram-webapp", json=body)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_the_contracts_rates_are_the_defaults(monkeypatch: pytest.MonkeyPatch):
    """What holds where nothing is configured."""
    for name in DEFAULTS:
        monkeypatch.delenv(name.upper(), raising=False)
    settings = SecuritySettings(jwt_secret="j" * 48, session_crypto_key=None)
    assert {name: getattr(settings, name) for name in DEFAULTS} == DEFAULTS
    assert set(settings.rates()) == {rule.value for rule in Rule}


@pytest.mark.parametrize("wrong", ["0:60", "5:0", "5", "5:60:1", "-5:60", "5/minute", "99999999:60", ""])
def test_rates_that_are_none(wrong: str):
    """A limit cannot be switched off by a slip."""
    with pytest.raises(ValueError):
        SecuritySettings(rate_limit_sign_in=wrong)


async def test_signing_in_too_often(settings: Settings):
    """Ten a minute from one address, good or bad; the eleventh waits, another address does not."""
    async with web(settings) as rt, client(rt) as http, client(rt, "192.0.2.2") as other:
        before, began = metrics.rate_limit_exceeded_total.labels("sign_in")._value.get(), time.monotonic()

        def left(answer: httpx.Response, remaining: int) -> bool:
            """Whether the window is said to end a minute after the first use, however long ago that is."""
            found = re.fullmatch(rf'"sign_in";r={remaining};t=(\d+)', answer.headers["ratelimit"])
            return found is not None and 59 - (time.monotonic() - began) <= int(found[1]) <= 60

        for n in range(10):
            answer = await sign_in(http) if n % 2 else await http.post("/api/auth/telegram-webapp", json={})
            assert answer.status_code in (200, 401)
            assert answer.headers["ratelimit-policy"] == '"sign_in";q=10;w=60'
            assert left(answer, 9 - n)
        refused = await sign_in(http)
        assert refused.status_code == 429
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["ratelimit-policy"] == '"sign_in";q=10;w=60'
        assert left(refused, 0)
        assert refused.headers["ratelimit"].endswith(f";t={refused.headers['retry-after']}")
        assert refused.json()["code"] == "limits.reached"
        assert metrics.rate_limit_exceeded_total.labels("sign_in")._value.get() == before + 1
        assert (await sign_in(other)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.{n}"},
        {"X-Forwarded-For": "203.0.113.{n}, 198.51.100.{n}"},
        {"Forwarded": "for=203.0.113.{n}"},
        {"X-Real-IP": "203.0.113.{n}"},
        {
            "X-Client-IP": "203.0.113.{n}",
            "True-Client-IP": "203.0.113.{n}",
            "CF-Connecting-IP": "203.0.113.{n}",
        },
    ],
    ids="+".join,
)
async def test_forged_forwarding_headers(settings: Settings, headers: dict[str, str]):
    """Without a proxy in front, a client that writes another address each time is still one client."""
    async with web(settings) as rt, client(rt) as http:
        statuses = [
            (await sign_in(http, **{k: v.format(n=n) for k, v in headers.items()})).status_code
            for n in range(12)
        ]
    assert statuses == [200] * 10 + [429] * 2


@pytest.mark.parametrize("hops", [1, 2])
async def test_forged_forwarding_headers_behind_proxies(settings: Settings, hops: int):
    """Behind proxies only what they themselves append counts, however much the client puts before it."""
    async with web(settings, hops=hops) as rt, client(rt, "10.0.0.1") as http:
        tail = ", ".join(["198.51.100.7", "10.0.0.9"][:hops])
        statuses = [
            (await sign_in(http, **{"X-Forwarded-For": f"203.0.113.{n}, {tail}"})).status_code
            for n in range(12)
        ]
        assert statuses == [200] * 10 + [429] * 2
        tail = tail.replace("198.51.100.7", "198.51.100.8")
        assert (await sign_in(http, **{"X-Forwarded-For": tail})).status_code == 200


@pytest.mark.parametrize(
    ("hops", "lines", "found"),
    [
        (0, ["203.0.113.1"], "10.0.0.1"),
        (1, [], "10.0.0.1"),
        (1, ["203.0.113.1"], "203.0.113.1"),
        (1, ["203.0.113.1", "198.51.100.7"], "198.51.100.7"),
        (2, ["203.0.113.1", "198.51.100.7"], "203.0.113.1"),
        (2, ["203.0.113.1"], "10.0.0.1"),
        (1, ["unknown"], "10.0.0.1"),
        (1, ["203.0.113.1, <script>"], "10.0.0.1"),
        (1, ["203.0.113.1,"], "10.0.0.1"),
        (1, ["2001:db8::1"], "2001:db8::1"),
    ],
)
def test_the_client_address(hops: int, lines: list[str], found: str):
    """So many hops from the right over all header lines, and an address, or the connection's own."""
    headers = [(b"x-forwarded-for", line.encode()) for line in lines]
    request = Request({"type": "http", "headers": headers, "client": ("10.0.0.1", 5)})
    assert client_address(request, hops) == found


async def test_a_whole_network_is_one_client(settings: Settings):
    """Whoever has an IPv6 network has 2^64 addresses, and ten sign-ins."""
    async with web(settings) as rt:
        statuses = []
        for n in range(12):
            async with client(rt, f"2001:db8:1:2::{n + 1:x}") as http:
                statuses.append((await sign_in(http)).status_code)
        async with client(rt, "2001:db8:1:3::1") as http:
            assert (await sign_in(http)).status_code == 200
    assert statuses == [200] * 10 + [429] * 2


async def test_starting_qr_logins_too_often(settings: Settings):
    """Five a minute by a person from anywhere, and five from an address, under every name of it."""
    async with web(settings) as rt, client(rt) as http:
        mine = await bearer(rt, http)
        paths = ["/api/tg/qr/start", "/tg/qr/init", "/qr-auth/start", "/api/tg/qr/init", "/tg/qr/start"]
        for path in paths:
            answer = await http.post(path, json={}, headers=mine)
            assert answer.status_code == 201 and answer.headers["ratelimit-policy"] == '"qr_start";q=5;w=60'
        async with client(rt, "192.0.2.77") as elsewhere:
            assert (await elsewhere.post("/qr-auth/init", json={}, headers=mine)).status_code == 429
        another = await bearer(rt, http)
        assert (await http.post("/api/tg/qr/start", json={}, headers=another)).status_code == 429
        async with client(rt, "192.0.2.78") as elsewhere:
            assert (await elsewhere.post("/api/tg/qr/start", json={}, headers=another)).status_code == 201


async def test_asking_for_the_state_too_often(settings: Settings):
    """Thirty a minute; a state that does not exist counts as well."""
    async with web(settings) as rt, client(rt) as http:
        mine = await bearer(rt, http)
        ask = [await http.get(f"/api/tg/qr/status/{uuid4()}", headers=mine) for _ in range(31)]
    assert [answer.status_code for answer in ask] == [404] * 30 + [429]


@pytest.mark.parametrize("prefix", ["/api/tg/qr", "/tg/qr", "/qr-auth"])
async def test_asking_for_the_events_too_often(settings: Settings, prefix: str):
    """The stream of a state counts as a look at it."""
    async with web(settings) as rt, client(rt) as http:
        mine = await bearer(rt, http)
        ask = [await http.get(f"{prefix}/events/{uuid4()}", headers=mine) for _ in range(20)]
        ask += [await http.get(f"{prefix}/status/{uuid4()}", headers=mine) for _ in range(11)]
    assert [answer.status_code for answer in ask] == [404] * 30 + [429]


async def test_a_dead_token_used_against_its_person(settings: Settings):
    """After signing out the token still has its signature: it uses up an address, not the person."""
    async with web(settings, rate_limit_graphql="3:60", rate_limit_qr_init="3:60") as rt, client(rt) as http:
        async with rt.db.transaction() as db:
            actor = await member(db, await tenant(db), next(NEXT))
        tokens = []
        for _ in range(2):
            body = {
                "init_data": init_data({"id": actor.telegram_id, "first_name": "P"}, query_id=uuid4().hex)
            }
            answer = await http.post("/api/auth/telegram-webapp", json=body)
            tokens.append({"Authorization": f"Bearer {answer.json()['access_token']}"})
        dead, live = tokens
        assert (await http.post("/api/auth/logout", headers=dead)).status_code == 204
        async with client(rt, "192.0.2.99") as thief:
            for path in ("/api/tg/qr/start", "/api/tg/qr/status"):
                at = path if path.endswith("start") else f"{path}/{uuid4()}"
                method = "POST" if path.endswith("start") else "GET"
                sent = {"json": {}} if method == "POST" else {}
                tried = [await thief.request(method, at, headers=dead, **sent) for _ in range(32)]
                assert {answer.status_code for answer in tried} == {401, 429}
            asked = [
                await thief.post("/api/graphql", json={"query": "{ me { id } }"}, headers=dead)
                for _ in range(5)
            ]
            assert [answer.status_code == 429 for answer in asked] == [False] * 3 + [True] * 2
        assert (await http.post("/api/tg/qr/start", json={}, headers=live)).status_code == 201
        assert (await http.get(f"/api/tg/qr/status/{uuid4()}", headers=live)).status_code == 404
        mine = await http.post("/api/graphql", json={"query": "{ me { id } }"}, headers=live)
        assert mine.status_code == 200


async def test_changing_too_much_as_an_admin(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    """REST and the panel have one count, by the person: who shares an address with an admin has their own."""

    class Page:
        """What a page's handler finds its actor by."""

        def __init__(self, actor: Actor) -> None:
            self._person = actor

        async def get_state(self, _: object) -> "Page":
            return self

        async def _actor(self, _: object) -> Actor:
            return self._person

    async with web(settings, rate_limit_admin="4:3600") as rt, client(rt) as http:
        monkeypatch.setattr(process, "_runtime", rt)
        async with rt.db.transaction() as db:
            where = await tenant(db)
            admins = [await member(db, where, next(NEXT), Role.admin) for _ in range(2)]
        for actor in admins:
            body = {
                "init_data": init_data({"id": actor.telegram_id, "first_name": "P"}, query_id=uuid4().hex)
            }
            token = (await http.post("/api/auth/telegram-webapp", json=body)).json()["access_token"]
            mine = {"Authorization": f"Bearer {token}"}
            for _ in range(2):
                async with administering(cast(Any, Page(actor))):
                    pass
                assert (await http.post("/api/admin/invites", json={}, headers=mine)).status_code == 201
            assert (await http.post("/api/admin/invites", json={}, headers=mine)).status_code == 429
            with pytest.raises(LimitReached):
                async with administering(cast(Any, Page(actor))):
                    pass


async def test_an_admins_changes_of_others_elsewhere(settings: Settings):
    """A member's language is changed below /api/users: it counts as any admin's change; one's own is free."""
    async with web(settings, rate_limit_admin="2:3600") as rt, client(rt) as http:
        async with rt.db.transaction() as db:
            where = await tenant(db)
            admin, other = [await member(db, where, next(NEXT), Role.admin) for _ in range(2)]
        signed = init_data({"id": admin.telegram_id, "first_name": "P"}, query_id=uuid4().hex)
        answer = await http.post("/api/auth/telegram-webapp", json={"init_data": signed})
        mine = {"Authorization": f"Bearer {answer.json()['access_token']}"}

        async def change(who: int) -> int:
            return (await http.patch(f"/api/users/{who}", json={"language": "ru"}, headers=mine)).status_code

        assert [await change(admin.telegram_id) for _ in range(3)] == [200] * 3
        assert [await change(other.telegram_id) for _ in range(3)] == [200, 200, 429]
        assert (await http.post("/api/admin/invites", json={}, headers=mine)).status_code == 429


@pytest.mark.parametrize("call", ["refresh", "resume"])
async def test_refreshing_too_often(settings: Settings, call: str):
    """Sixty a minute from an address, both calls together; another address goes on."""
    async with web(settings, rate_limit_refresh="4:60") as rt, client(rt) as http:
        tried = [await http.post("/api/auth/refresh") for _ in range(2)]
        tried += [await http.post(f"/api/auth/{call}", headers={"Cookie": "tga_refresh=x"}) for _ in range(4)]
        assert [answer.status_code for answer in tried] == [401] * 4 + [429] * 2
        assert tried[5].headers["ratelimit-policy"] == '"refresh";q=4;w=60'
        async with client(rt, "192.0.2.90") as elsewhere:
            assert (await elsewhere.post(f"/api/auth/{call}")).status_code == 401


async def test_guessing_invites(settings: Settings):
    """Ten tries a minute of 36^12 codes, at the door of REST and of core alike."""
    async with web(settings) as rt, client(rt) as http:
        async with rt.db.transaction() as db:
            stranger = await person(db, next(NEXT))
        body = {"init_data": init_data({"id": stranger.telegram_id, "first_name": "P"}, query_id=uuid4().hex)}
        token = (await http.post("/api/auth/telegram-webapp", json=body)).json()["access_token"]
        mine = {"Authorization": f"Bearer {token}"}
        tries = [
            await http.post("/api/invites/redeem", json={"code": f"AAAAAAAAAA{n:02}"}, headers=mine)
            for n in range(12)
        ]
        assert [answer.status_code for answer in tries] == [410] * 10 + [429] * 2
        with pytest.raises(LimitReached):
            await rate_limits.spend(rt, Rule.invites, user_id=stranger.user_id)


@pytest.mark.parametrize("path", ["/api/tg/qr/start", "/tg/qr/init", "/qr-auth/init"])
async def test_guessing_invites_where_qr_logins_start(settings: Settings, path: str):
    """A code beside the start of a login is a guess like any other: both doors have one count."""
    async with web(settings) as rt, client(rt) as http:
        mine = {"Authorization": f"Bearer {(await sign_in(http)).json()['access_token']}"}
        for n in range(9):
            body = {"code": f"AAAAAAAAAA{n:02}"}
            assert (await http.post("/api/invites/redeem", json=body, headers=mine)).status_code == 410
        answers = [
            await http.post(path, json={"invite_code": f"AAAAAAAAAAB{n}"}, headers=mine) for n in range(2)
        ]
        assert [answer.status_code for answer in answers] == [410, 429]
        assert answers[1].headers["ratelimit-policy"] == '"invites";q=10;w=60'
        assert int(answers[1].headers["retry-after"]) > 0
        plain = await http.post(path, json={}, headers=mine)
        assert plain.status_code == 403  # no member: no guess, and nothing to connect


async def test_waiting_helps(settings: Settings):
    """After the window everything is as before; a moving window gives no double share at its edge."""
    async with web(settings, rate_limit_sign_in="3:4") as rt, client(rt) as http:
        assert [(await sign_in(http)).status_code for _ in range(4)] == [200] * 3 + [429]
        await asyncio.sleep(4.1)
        assert [(await sign_in(http)).status_code for _ in range(4)] == [200] * 3 + [429]


async def test_a_burst_at_once(settings: Settings):
    """A hundred in one moment are counted one by one."""
    async with web(settings) as rt, client(rt) as http:
        answers = await asyncio.gather(
            *(http.post("/api/auth/telegram-webapp", json=good()) for _ in range(100))
        )
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [429] * 90


async def test_a_thousand_starts(rt: Runtime):
    """Whoever gets past the rate has three live attempts all the same, the newest three."""
    async with rt.db.transaction() as db:
        actor = await member(db, await tenant(db), next(NEXT))
    started = []
    for n in range(1_000):
        async with rt.db.transaction(actor.tenant_id) as db:
            started.append((await logins.start(db, actor, device=str(n))).login.id)
    async with rt.db.transaction(actor.tenant_id) as db:
        final = [status.value for status in LoginStatus if status.final]
        query = select(Login.id).where(Login.user_id == actor.user_id, col(Login.status).not_in(final))
        assert set((await db.exec(query)).all()) == set(started[-3:])


@pytest.fixture
def redis() -> Iterator[Redis]:
    with running_redis() as server:
        yield server


async def test_several_workers_share_one_count(settings: Settings, redis: Redis):
    """Three workers on one Redis: ten sign-ins in all, not ten each."""
    async with (
        web(settings, redis=redis.url) as one,
        web(settings, redis=redis.url) as two,
        web(settings, redis=redis.url) as three,
    ):
        statuses = []
        for n in range(15):
            async with client((one, two, three)[n % 3]) as http:
                answer = await sign_in(http)
                statuses.append(answer.status_code)
                assert "ratelimit" in answer.headers
    assert statuses == [200] * 10 + [429] * 5


async def test_a_burst_over_several_workers(settings: Settings, redis: Redis):
    """Sixty in one moment over two workers: the count is Redis's, and exact."""
    async with (
        web(settings, redis=redis.url) as one,
        web(settings, redis=redis.url) as two,
        client(one) as first,
        client(two) as second,
    ):
        calls = [(first, second)[n % 2].post("/api/auth/telegram-webapp", json=good()) for n in range(60)]
        answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [429] * 50


async def closed(rt: Runtime, http: httpx.AsyncClient, mine: dict[str, str]) -> dict[str, Any]:
    """What the doors that fail closed answer now, and what the others do."""
    calls = {
        "sign-in": sign_in(http),
        "qr start": http.post("/api/tg/qr/start", json={}, headers=mine),
        "qr status": http.get(f"/api/tg/qr/status/{uuid4()}", headers=mine),
        "invite": http.post("/api/invites/redeem", json={"code": "A" * 12}, headers=mine),
        "reading": http.get("/api/users/me", headers=mine),
        "graphql": http.post("/api/graphql", json={"query": "{ me { id } }"}, headers=mine),
        "export": http.get("/api/users/me/export", headers=mine),
        "admin link": http.post("/admin/login/x"),
        "refresh": http.post("/api/auth/refresh", headers={"Cookie": "tga_refresh=x"}),
    }
    return {name: await call for name, call in calls.items()}


async def test_graphql_and_exports_too_often(settings: Settings):
    """By the person, from wherever: a problem document with the header fields, and REST reading goes on."""
    async with web(settings, rate_limit_graphql="3:60") as rt, client(rt) as http:
        own, another = await bearer(rt, http), await bearer(rt, http)
        body = {"query": "{ me { id } }"}
        asked = [await http.post("/api/graphql", json=body, headers=own) for _ in range(4)]
        assert [answer.status_code for answer in asked] == [200] * 3 + [429]
        assert asked[0].headers["ratelimit-policy"] == '"graphql";q=3;w=60'
        zipped = [await http.get("/api/users/me/export", headers=own) for _ in range(6)]
        assert [answer.status_code for answer in zipped] == [200] * 5 + [429]
        for refused, policy in ((asked[3], '"graphql";q=3;w=60'), (zipped[5], '"export";q=5;w=3600')):
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.headers["ratelimit-policy"] == policy and int(refused.headers["retry-after"]) > 0
        async with client(rt, "192.0.2.79") as elsewhere:
            assert (await elsewhere.post("/api/graphql", json=body, headers=own)).status_code == 429
        assert (await http.post("/api/graphql", json=body, headers=another)).status_code == 200
        assert (await http.get("/api/users/me", headers=own)).status_code == 200


@pytest.mark.parametrize("fault", ["killed", "frozen"])
async def test_redis_away(settings: Settings, redis: Redis, fault: str):
    """Sign-in, QR and invites fail closed within seconds; reading goes on, and all is well afterwards."""
    async with web(settings, redis=redis.url) as rt, client(rt) as http:
        mine = await bearer(rt, http)
        assert (await sign_in(http)).status_code == 200
        redis.kill() if fault == "killed" else redis.freeze()
        began = time.monotonic()
        found = await closed(rt, http, mine)
        assert time.monotonic() - began < 60
        assert {name: answer.status_code for name, answer in found.items()} == {
            "sign-in": 503,
            "qr start": 503,
            "qr status": 503,
            "invite": 503,
            "reading": 200,
            "graphql": 200,
            "export": 503,
            "admin link": 503,
            "refresh": 401,
        }
        refused = found["sign-in"]
        assert refused.json()["code"] == "limits.unavailable" and refused.headers["retry-after"] == "5"
        assert "redis" not in refused.text.lower() and f":{redis.port}" not in refused.text
        with pytest.raises(Unavailable):
            await rate_limits.spend(rt, Rule.invites, user_id=uuid4())
        redis.kill()
        redis.start()
        assert (await sign_in(http)).status_code == 200


async def test_redis_flushed(settings: Settings, redis: Redis):
    """A flush, also of the scripts: counts start anew, and nothing breaks."""
    counting = RateLimits({"sign_in": "2:60"}, redis.url)
    assert [(await counting.hit("sign_in", "x")).allowed for _ in range(3)] == [True, True, False]
    redis.kill()
    redis.start()
    assert [(await counting.hit("sign_in", "x")).allowed for _ in range(3)] == [True, True, False]
    await counting.close()


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_the_questions_of_the_day_are_used_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, accept: str
):
    """The plan's 429 says in the same header fields as the others when the next question is allowed."""
    monkeypatch.setitem(plans.PLANS, "free", replace(plans.PLANS["free"], questions_per_day=1))
    async with web(settings) as rt, client(rt) as http:
        own = {**await bearer(rt, http), "Accept": accept}
        asked = [await http.post("/api/rag/query", json={"query": "Ferry?"}, headers=own) for _ in range(2)]
        assert [answer.status_code for answer in asked] == [200, 429]
        assert asked[0].headers["content-type"].startswith(accept)
        assert asked[1].headers["content-type"] == "application/problem+json"
        wait = asked[1].headers["retry-after"]
        assert 86_000 < int(wait) <= 86_400
        assert asked[1].headers["ratelimit-policy"] == '"questions";q=1;w=86400'
        assert asked[1].headers["ratelimit"] == f'"questions";r=0;t={wait}'
