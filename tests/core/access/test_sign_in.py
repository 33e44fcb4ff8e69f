"""Sign-in, actors, app sessions and tokens, against a real database."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
import pytest

from tests.people import VALIDATOR, init_data, member, person, tenant
from tg_assistant.core.access import access_tokens, sessions, sign_in
from tg_assistant.core.actor import scoped
from tg_assistant.errors import NotAllowed, NotFound, SignInNeeded
from tg_assistant.infra.clock import Clock
from tg_assistant.infra.postgres.db import set_tenant
from tg_assistant.models import AppSession, Membership, Role

SECRET = "s" * 48
HERE = sign_in.SignInOrigin("app", "test", "192.0.2.1")


async def signed_in(db, telegram_id=5001, **fields):
    data = init_data({"id": telegram_id, "first_name": "Max", "language_code": "ru"}, **fields)
    return await sign_in.sign_in(db, data, validator=VALIDATOR, clock=Clock(), origin=HERE)


async def test_sign_in_works_once(rt):
    """The same init data never signs in twice: the second time is refused, whoever brings it."""
    data = init_data({"id": 5001, "first_name": "Max"})
    async with rt.db.transaction() as db:
        await sign_in.sign_in(db, data, validator=VALIDATOR, clock=Clock(), origin=HERE)
    with pytest.raises(SignInNeeded, match="init_data_seen"):
        async with rt.db.transaction() as db:
            await sign_in.sign_in(db, data, validator=VALIDATOR, clock=Clock(), origin=HERE)


async def test_language_comes_from_telegram_until_chosen(rt):
    """A Russian client speaks Russian; a choice of the person's own outlives the next sign-in."""
    async with rt.db.transaction() as db:
        signed = await signed_in(db, 5002)
        assert signed.actor.language == "ru"
        await sign_in.set_language(db, signed.actor, "en")
        assert (await signed_in(db, 5002, query_id="again")).actor.language == "en"


async def test_resume_secret_finds_the_session_until_it_ends(rt):
    """The resume secret binds a socket to its session, and stops doing so the moment it is ended."""
    async with rt.db.transaction() as db:
        signed = await signed_in(db, 5003)
        assert (await sessions.resume(db, signed.resume_secret)).id == signed.session_id
        await sessions.end(db, signed.actor, signed.session_id)
        with pytest.raises(SignInNeeded):
            await sessions.resume(db, signed.resume_secret)


@pytest.mark.parametrize(
    ("device", "unused", "lives"),
    [("Mozilla/5.0 (iPhone)", 25, False), ("Mozilla/5.0 (iPhone)", 23, True), ("curl/8.5", 25, True)],
)
async def test_a_browser_signing_in_ends_its_session_unused_for_a_day(rt, device, unused, lives):
    """Closing the Mini App tells us nothing; what is in use, and what names no browser, is left alone."""
    now = datetime.now(UTC)
    async with rt.db.transaction() as db:
        whose = (await person(db, 5011)).user_id
        old = await sessions.start(db, whose, device=device, now=now)
        other = await sessions.start(db, whose, device="Mozilla/5.0 (X11; Linux)", now=now)
        for begun in (old, other):
            (await db.get_one(AppSession, begun.id)).last_seen_at = now - timedelta(hours=unused)
        await db.flush()
        await sessions.start(db, whose, device=device, now=now)
        rows = [await db.get_one(AppSession, one.id, populate_existing=True) for one in (old, other)]
    assert [row.revoked_at is None for row in rows] == [lives, True]


async def test_nobody_ends_anothers_session(rt):
    """Another's session id answers as if it did not exist."""
    async with rt.db.transaction() as db:
        mine, other = await signed_in(db, 5004), await signed_in(db, 5005)
        with pytest.raises(NotFound):
            await sessions.end(db, other.actor, mine.session_id)
        assert [s.id for s in await sessions.list_(db, mine.actor)] == [mine.session_id]


async def test_refresh_rotates_and_forgives_one_lost_answer(rt):
    """The previous token gets the same successor within 20 s."""
    async with rt.db.transaction() as db:
        first = (await signed_in(db, 5006)).refresh_token
        now = datetime.now(UTC)
        second = (await sessions.refresh(db, first, now=now)).refresh_token
        again = (await sessions.refresh(db, first, now=now + timedelta(seconds=19))).refresh_token
    assert first != second == again


async def test_late_reuse_ends_the_session(rt):
    """A refresh token that comes back late was stolen: the whole session ends, and stays ended."""
    async with rt.db.transaction() as db:
        signed = await signed_in(db, 5007)
        now = datetime.now(UTC)
        second = (await sessions.refresh(db, signed.refresh_token, now=now)).refresh_token
    async with rt.db.transaction() as db:  # the door commits, for the ending must stand
        with pytest.raises(SignInNeeded):
            await sessions.refresh(db, signed.refresh_token, now=now + timedelta(seconds=21))
    async with rt.db.transaction() as db:
        with pytest.raises(SignInNeeded):
            await sessions.refresh(db, second, now=now + timedelta(seconds=22))


async def test_rights_are_read_anew(rt):
    """A disabled member is out at the next call; a stranger is in no tenant."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        actor = await member(db, friends, 5008)
        actor.require(Role.user)
        with pytest.raises(NotAllowed, match=r"access\.role"):
            actor.require(Role.admin)
        with pytest.raises(NotAllowed, match="no_membership"):
            (await person(db, 5009)).require()
        await set_tenant(db, friends.id)
        row = (await db.exec(scoped(Membership, actor))).one()
        row.disabled = True
        await db.flush()
        with pytest.raises(NotAllowed, match=r"access\.disabled"):
            await sign_in.actor(db, actor.user_id, door="test")


def test_access_tokens_are_read_strictly():
    """Only our own live access tokens name anybody; anything else is the same 401."""
    claims, now = access_tokens.Claims(uuid4(), uuid4()), datetime.now(UTC)
    good = access_tokens.issue(claims, secret=SECRET, ttl_seconds=60, now=now)
    assert access_tokens.read(good, secret=SECRET) == claims
    payload = jwt.decode(good, options={"verify_signature": False})
    bad = [
        "",
        "a.b.c",
        good[:-2] + "xx",
        access_tokens.issue(claims, secret=SECRET, ttl_seconds=60, now=now - timedelta(hours=1)),
        access_tokens.issue(claims, secret="t" * 48, ttl_seconds=60, now=now),
        jwt.encode(payload, None, algorithm="none"),
        jwt.encode(payload, SECRET * 2, algorithm="HS512"),
        jwt.encode({**payload, "typ": "refresh"}, SECRET),
        jwt.encode({**payload, "aud": "other"}, SECRET),
        jwt.encode({k: v for k, v in payload.items() if k != "exp"}, SECRET),
        jwt.encode(payload, SECRET, headers={"crit": ["x"]}),
    ]
    for token in bad:
        with pytest.raises(SignInNeeded):
            access_tokens.read(token, secret=SECRET)
