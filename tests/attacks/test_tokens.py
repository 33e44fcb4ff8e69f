"""Access tokens: forged, bent, borrowed, outlived."""

import asyncio
import base64
import hmac
import json
import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlmodel import col, select, update

from tests.attacks import mutations
from tests.people import init_data, member, tenant
from tests.servers import all_tenants
from tg_assistant.core.access import access_tokens, sessions
from tg_assistant.core.access.access_tokens import Claims
from tg_assistant.errors import SignInNeeded
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import AppSession, Membership, Role, User

SECRET = "j" * 48  # the one of tests/servers.py
OPERATORS = [*mutations.CHARACTERS, *mutations.fields(".")]
HEADER = {"alg": "HS256", "typ": "JWT", "kid": "1"}


def issued(claims: Claims | None = None, *, ttl: int = 600) -> str:
    return access_tokens.issue(
        claims or Claims(uuid4(), uuid4()), secret=SECRET, ttl_seconds=ttl, now=datetime.now(UTC)
    )


def payload_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def made(header: Any, payload: Any, *, key: str = SECRET) -> str:
    """A properly signed HS256 token of any header and payload."""
    signed = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(payload).encode())}"
    return f"{signed}.{b64(hmac.digest(key.encode(), signed.encode(), 'sha256'))}"


def accepted(token: str) -> Claims | None:
    """What is read out of it, or None; any other error than the one 401 is a failure."""
    try:
        return access_tokens.read(token, secret=SECRET)
    except SignInNeeded as error:
        assert error.code == "access.token"
        return None


async def signed_in(http: httpx.AsyncClient, telegram_id: int) -> dict[str, Any]:
    data = init_data({"id": telegram_id, "first_name": "P"}, query_id=uuid4().hex)
    http.cookies.clear()
    answer = await http.post("/api/auth/telegram-webapp", json={"init_data": data})
    http.cookies.clear()
    return answer.json()


async def me(http: httpx.AsyncClient, token: str | bytes) -> httpx.Response:
    raw = token.encode("utf-8", "replace") if isinstance(token, str) else token
    return await http.get("/api/users/me", headers={b"Authorization": b"Bearer " + raw})


def test_mutated_tokens(at_length: bool):
    """10^5 bent tokens (10^6 in `make attacks`): none is read, not even one that decodes alike."""
    good = issued()
    assert accepted(good)
    count = 1_000_000 if at_length else 100_000
    assert [bent for bent in mutations.mutants(good, OPERATORS, count) if accepted(bent)] == []


def test_mutated_contents(at_length: bool):
    """The payload read, changed and put back under the old signature, in a thousand ways."""
    good = issued()
    head, _, signature = good.split(".")
    rng = random.Random(mutations.SEED)
    for _ in range(100_000 if at_length else 10_000):
        payload = payload_of(good)
        name = rng.choice(list(payload))
        payload[name] = rng.choice([payload[rng.choice(list(payload))], None, [], 2**63, "", str(uuid4())])
        bent = f"{head}.{b64(json.dumps(payload).encode())}.{signature}"
        assert accepted(bent) is None


async def test_mutated_tokens_over_http(http: httpx.AsyncClient):
    """2,000 of them in a real header: 401 each time and nothing else."""
    good = (await signed_in(http, 820_001))["access_token"]
    assert (await me(http, good)).status_code == 200
    statuses: dict[int, int] = {}
    for bent in mutations.mutants(good, OPERATORS, 2_000, seed=8):
        answer = await me(http, bent)
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
    assert statuses == {401: 2_000}


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
def test_no_signature_at_all(algorithm: str):
    """`alg: none` in every spelling, with and without something in the signature's place."""
    payload = payload_of(issued())
    unsigned = f"{b64(json.dumps({**HEADER, 'alg': algorithm}).encode())}.{b64(json.dumps(payload).encode())}"
    for signature in ("", "AA", b64(hmac.digest(SECRET.encode(), unsigned.encode(), "sha256"))):
        assert accepted(f"{unsigned}.{signature}") is None
    assert accepted(unsigned) is None


def test_stripped_signature():
    """The header still says HS256; the signature is gone, empty, or another token's."""
    good, other = issued(), issued()
    head, payload, _ = good.split(".")
    for bent in (
        f"{head}.{payload}.",
        f"{head}.{payload}",
        f"{head}.{payload}.{other.split('.')[2]}",
        f"{head}..",
        "..",
    ):
        assert accepted(bent) is None


@pytest.mark.parametrize("algorithm", ["HS384", "HS512", "RS256", "ES256", "PS256", "EdDSA"])
def test_another_algorithm(algorithm: str):
    """Our own key under another algorithm's name, and other kinds of keys altogether."""
    payload = payload_of(issued())
    keys: dict[str, Any] = {
        "RS256": rsa.generate_private_key(65537, 2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
    }
    if algorithm in ("HS384", "HS512"):
        assert accepted(jwt.encode(payload, SECRET * 2, algorithm, headers={"kid": "1"})) is None
    if algorithm in keys:
        assert accepted(jwt.encode(payload, keys[algorithm], algorithm, headers={"kid": "1"})) is None
    assert accepted(made({**HEADER, "alg": algorithm}, payload)) is None


def test_a_public_key_as_the_secret():
    """RS256 turned into HS256: what anybody can know signs nothing here."""
    public = rsa.generate_private_key(65537, 2048).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert accepted(made(HEADER, payload_of(issued()), key=pem)) is None
    assert accepted(made(HEADER, payload_of(issued()), key=access_tokens.ISSUER)) is None
    assert accepted(made(HEADER, payload_of(issued()), key="")) is None


@pytest.mark.parametrize(
    "extra",
    [
        {"kid": "2"},
        {"kid": "../../../../dev/null"},
        {"kid": "1' OR '1'='1"},
        {"kid": 1},
        {"kid": ["1"]},
        {"kid": None},
        {"jku": "https://evil.example/keys.json"},
        {"jwk": {"kty": "oct", "k": b64(SECRET.encode())}},
        {"x5u": "https://evil.example/cert.pem"},
        {"x5c": ["AA"]},
        {"crit": ["exp"]},
        {"crit": []},
        {"b64": False, "crit": ["b64"]},
        {"zip": "DEF"},
        {"cty": "JWT"},
        {"typ": "at+jwt"},
        {"typ": "jwt"},
        {"typ": None},
        {"alg": "hs256"},
        {"alg": ["HS256"]},
        {"enc": "A256GCM"},
    ],
    ids=str,
)
def test_headers_that_name_a_key_or_a_rule(extra: dict[str, Any]):
    """Signed by our own key, yet with a header of the attacker's: exactly our header, or nothing."""
    assert accepted(made(HEADER, payload_of(issued())))
    assert accepted(made({**HEADER, **extra}, payload_of(issued()))) is None


def test_headers_that_lack_something():
    """No key id, no type, no algorithm, or no object at all."""
    payload = payload_of(issued())
    for lacking in HEADER:
        assert accepted(made({k: v for k, v in HEADER.items() if k != lacking}, payload)) is None
    for nothing in ([], "x", 1, None, {}):
        assert accepted(made(nothing, payload)) is None


@pytest.mark.parametrize("name", ["exp", "iat", "nbf", "sub", "aud", "iss", "jti", "typ", "sid"])
def test_each_claim_is_needed(name: str):
    """A token that lacks one claim, has it empty or of another type is nobody's."""
    payload = payload_of(issued())
    assert accepted(made(HEADER, {k: v for k, v in payload.items() if k != name})) is None
    for wrong in (None, [], {}, True, -1.5, ""):
        assert accepted(made(HEADER, {**payload, name: wrong})) is None, wrong


def test_wrong_claims():
    """Another audience, issuer, kind of token or moment."""
    payload, now = payload_of(issued()), int(time.time())
    for wrong in (
        {"aud": "other"},
        {"aud": [access_tokens.AUDIENCE]},
        {"aud": [access_tokens.AUDIENCE, "other"]},
        {"iss": "other"},
        {"iss": [access_tokens.ISSUER]},
        {"typ": "refresh"},
        {"typ": "Access"},
        {"exp": now - 6},
        {"nbf": now + 60},
        {"iat": now + 60},
        {"exp": "later"},
        {"sub": "1"},
        {"sub": str(uuid4()).upper()},
        {"sid": str(uuid4()) + " "},
        {"sub": "{" + str(uuid4()) + "}"},
        {"sub": "urn:uuid:" + str(uuid4())},
        {"sid": 5},
        {"exp": 10**400},
    ):
        assert accepted(made(HEADER, {**payload, **wrong})) is None, wrong


def test_payloads_that_are_no_claims():
    """Signed arrays, numbers, deep nesting, text in another encoding, a megabyte."""
    for odd in ([], 1, "x", None, [{}]):
        assert accepted(made(HEADER, odd)) is None
    raws = (b"[" * 5000, b"\xff\xfe{}", b"{" + b'"a":' * 300, b'{"exp":1,"exp":99999999999}', b"")
    for raw in raws:
        signed = f"{b64(json.dumps(HEADER).encode())}.{b64(raw)}"
        assert accepted(f"{signed}.{b64(hmac.digest(SECRET.encode(), signed.encode(), 'sha256'))}") is None
    assert accepted("A" * 10**6) is None
    assert accepted(".".join(["A" * 400_000] * 3)) is None


def test_spellings_of_a_good_token():
    """Padding, other alphabets, white space and spare bits decode alike in Python: one spelling is ours."""
    good = issued()
    head, payload, signature = good.split(".")
    last = signature[-1]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spare = [signature[:-1] + alphabet[alphabet.index(last) ^ bits] for bits in (1, 2, 3)]
    for bent in (
        *(f"{head}.{payload}.{one}" for one in spare),
        good + "=",
        good + "==",
        f"{head}.{payload}=.{signature}",
        f" {good}",
        f"{good} ",
        f"{good}\n",
        good + "!",
        f"{head}.{payload}.{signature[:10]}\n{signature[10:]}",
        f"{head}.{payload}.{signature}.",
        good.replace(".", ".."),
        good.replace("-", "+").replace("_", "/") + "\t",
    ):
        assert accepted(bent) is None, bent


def test_short_keys_sign_nothing():
    """RFC 7518: a key as long as the hash, or the process must not issue at all."""
    for short in ("", "secret", "k" * 31):
        with pytest.raises(RuntimeError):
            access_tokens.issue(Claims(uuid4(), uuid4()), secret=short, ttl_seconds=60, now=datetime.now(UTC))
        with pytest.raises(RuntimeError):
            access_tokens.read(issued(), secret=short)


def test_expired_by_a_moment():
    """Five seconds of leeway between our own machines' clocks, and not six."""
    now = datetime.now(UTC)
    old = access_tokens.issue(
        Claims(uuid4(), uuid4()), secret=SECRET, ttl_seconds=60, now=now - timedelta(seconds=66)
    )
    assert accepted(old) is None


async def test_refresh_and_resume_secrets_as_access_tokens(http: httpx.AsyncClient, rt: Runtime):
    """What is good at one door opens no other; an access token is no refresh token either."""
    async with rt.db.transaction() as db:
        actor = await member(db, await tenant(db), 820_002)
        started = await sessions.start(db, actor.user_id, device="x", now=datetime.now(UTC))
    for other in (started.refresh_token, started.resume_secret, str(started.id)):
        assert (await me(http, other)).status_code == 401
    access = issued(Claims(actor.user_id, started.id))
    assert (await me(http, access)).status_code == 200
    for wrong in (access, started.resume_secret):
        answer = await http.post("/api/auth/refresh", headers={"Cookie": f"tga_refresh={wrong}"})
        assert answer.status_code == 401
    async with rt.db.transaction() as db:
        for wrong in (access, started.refresh_token):
            with pytest.raises(SignInNeeded):
                await sessions.resume(db, wrong)


async def test_in_another_place_than_the_header(http: httpx.AsyncClient):
    """No token in an address, a cookie, a body or under another scheme."""
    token = (await signed_in(http, 820_003))["access_token"]
    assert (await me(http, token)).status_code == 200
    for path in (f"/api/users/me?access_token={token}", f"/api/users/me?token={token}"):
        assert (await http.get(path)).status_code == 401
    for headers in (
        {"Cookie": f"access_token={token}"},
        {"Authorization": token},
        {"Authorization": f"Token {token}"},
        {"Authorization": f"tma {token}"},
        {"Authorization": f"Bearer  {token}"},
        {"Authorization": f"Bearer {token}, Bearer {token}"},
        {"X-Authorization": f"Bearer {token}"},
    ):
        assert (await http.get("/api/users/me", headers=headers)).status_code == 401


async def test_anothers_session_in_ones_own_token(http: httpx.AsyncClient, rt: Runtime):
    """Whose session it is stands in SQL: a token that pairs two people is nobody's (had it been signed)."""
    async with rt.db.transaction() as db:
        where = await tenant(db)
        one, other = await member(db, where, 820_004), await member(db, where, 820_005)
        started = await sessions.start(db, one.user_id, device="x", now=datetime.now(UTC))
    assert (await me(http, issued(Claims(one.user_id, started.id)))).status_code == 200
    assert (await me(http, issued(Claims(other.user_id, started.id)))).status_code == 401
    assert (await me(http, issued(Claims(one.user_id, uuid4())))).status_code == 401
    assert (await me(http, issued(Claims(uuid4(), started.id)))).status_code == 401


async def test_after_sign_out_and_after_the_end(http: httpx.AsyncClient, rt: Runtime):
    """The token has half an hour to live; its session ended, so it is worth nothing at the next call."""
    token = (await signed_in(http, 820_006))["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await http.post("/api/auth/logout", headers=bearer)).status_code == 204
    assert (await me(http, token)).status_code == 401
    assert (await http.post("/api/auth/logout", headers=bearer)).status_code == 401
    late = (await signed_in(http, 820_006))["access_token"]
    async with rt.db.transaction() as db:
        past = datetime.now(UTC) - timedelta(seconds=1)
        mine = update(AppSession).where(col(AppSession.id) == UUID(payload_of(late)["sid"]))
        await db.exec(mine.values(expires_at=past))
    assert (await me(http, late)).status_code == 401


async def test_after_a_change_of_role_or_being_disabled(http: httpx.AsyncClient, rt: Runtime):
    """Rights are read with each call: the role of a minute ago, and its token, open nothing."""
    async with rt.db.transaction() as db:
        admin = await member(db, await tenant(db), 820_007, Role.admin)
        started = await sessions.start(db, admin.user_id, device="x", now=datetime.now(UTC))
    token = issued(Claims(admin.user_id, started.id))
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await me(http, token)).json()["role"] == "admin"
    await _set(rt, admin.user_id, role="user")
    assert (await me(http, token)).json()["role"] == "user"
    assert (await http.get("/api/admin/invites", headers=bearer)).status_code in (403, 404)
    await _set(rt, admin.user_id, disabled=True)
    assert (await me(http, token)).status_code == 403
    async with all_tenants(rt) as db:
        await db.delete((await db.exec(select(User).where(User.id == admin.user_id))).one())
    assert (await me(http, token)).status_code == 401


async def _set(rt: Runtime, user_id: UUID, **values: Any) -> None:
    async with all_tenants(rt) as db:
        await db.exec(update(Membership).where(col(Membership.user_id) == user_id).values(**values))


async def test_revoked_while_fifty_requests_are_under_way(http: httpx.AsyncClient):
    """None that begins after the sign-out is answered."""
    token = (await signed_in(http, 820_008))["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    during = [asyncio.create_task(me(http, token)) for _ in range(25)]
    assert (await http.post("/api/auth/logout", headers=bearer)).status_code == 204
    after = await asyncio.gather(*(me(http, token) for _ in range(25)))
    assert {answer.status_code for answer in after} == {401}
    assert {answer.status_code for answer in await asyncio.gather(*during)} <= {200, 401}
