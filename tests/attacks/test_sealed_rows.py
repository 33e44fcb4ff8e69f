"""Who can write to the database moves sealed sessions between rows, or bends them: ingest opens none."""

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update
from sqlmodel import col

from ingest import account as serving
from sandbox.control import Sandbox
from tests.ingest import conftest as ingesting
from tests.ingest.conftest import (
    Ingest,
    anna,
    fresh_database,
    ingest,
    ingest_rt,
    ingest_settings,
    sandbox,
    tenant,
    world_template,
)
from tests.ingest.connecting import all_of, connect, eventually, forgotten
from tests.servers import all_tenants
from tg_assistant.core.accounts import accounts, tasks
from tg_assistant.core.actor import Actor
from tg_assistant.core.names import TaskKind
from tg_assistant.infra.crypto import Keyring, SealBroken
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, AuditEvent, Login, Tenant
from tg_assistant.settings.load import session_keys

__all__ = ["anna", "fresh_database", "ingest", "ingest_rt", "ingest_settings", "sandbox", "tenant"]
__all__ += ["world_template"]

FLIPS = 200
Bend = Callable[[list[bytes]], list[bytes]]
BENT: dict[str, Bend] = {
    "swapped": lambda sealed: sealed[::-1],
    "the other's wrapped key": lambda sealed: [one[:4] + two[4:64] + one[64:] for one, two in _pairs(sealed)],
    "the other's ciphertext": lambda sealed: [one[:64] + two[64:] for one, two in _pairs(sealed)],
    "one bit": lambda sealed: [_flipped(one, len(one) * 4) for one in sealed],
    "cut": lambda sealed: [one[:-1] for one in sealed],
    "another version": lambda sealed: [b"\x02" + one[1:] for one in sealed],
    "empty": lambda sealed: [b"" for _ in sealed],
}


def _pairs(sealed: list[bytes]) -> list[tuple[bytes, bytes]]:
    return list(zip(sealed, sealed[::-1], strict=True))


def _flipped(sealed: bytes, bit: int) -> bytes:
    bent = bytearray(sealed)
    bent[bit // 8] ^= 1 << bit % 8
    return bytes(bent)


@pytest.fixture
async def connected(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, tenant: Tenant, anna: Actor
) -> AsyncIterator[dict[UUID, bytes]]:
    """Anna's and Max's accounts, connected a moment ago; their sealed sessions."""
    max_ = await ingesting.member(ingest_rt, sandbox, tenant, "max")
    async with ingest.running():
        made = [await connect(ingest_rt, sandbox, *who) for who in ((anna, "anna"), (max_, "max"))]
    yield {one.id: one.sealed_session or b"" for one in made}


async def _write(rt: Runtime, sealed: dict[UUID, bytes]) -> None:
    async with all_tenants(rt) as db:
        for account_id, envelope in sealed.items():
            row = update(Account).where(col(Account.id) == account_id)
            await db.exec(row.values(sealed_session=envelope))


@pytest.mark.parametrize("how", BENT)
async def test_a_row_swapped_or_bent(
    ingest_rt: Runtime,
    ingest: Ingest,
    connected: dict[UUID, bytes],
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No connection is made with either; both people are told once, the trail says so, nothing is lost."""
    tried: list[object] = []
    await _write(ingest_rt, dict(zip(connected, BENT[how](list(connected.values())), strict=True)))
    before = {one.id: one.status for one in await all_of(ingest_rt, Account)}
    assert set(before.values()) == {"connected"}

    async def locked_away() -> bool:
        found = await all_of(ingest_rt, Account)
        return {(one.status, one.ended_reason) for one in found} == {("ended", accounts.KEY_MISSING)}

    with monkeypatch.context() as patch:
        patch.setattr(serving, "new_client", lambda *facts, **_: tried.append(facts))
        async with ingest.running():
            await eventually(locked_away)
    assert tried == []
    trail = [event.action for event in await all_of(ingest_rt, AuditEvent)]
    assert trail.count("account.key_missing") == 2
    await _write(ingest_rt, connected)

    async def back() -> bool:
        return all(one.status == "connected" for one in await all_of(ingest_rt, Account))

    async with ingest.running():
        await eventually(back)


async def test_bits_flipped_anywhere(
    ingest_rt: Runtime, ingest: Ingest, connected: dict[UUID, bytes]
) -> None:
    """Two hundred places in each envelope as it stands in the table: none opens, with any other row's ids."""
    keyring, dice = Keyring(session_keys(ingest.settings.security)), random.Random(7)
    found = await all_of(ingest_rt, Account)
    for one in found:
        assert accounts.open_session(one, keyring)
        for _ in range(FLIPS):
            bent = _flipped(connected[one.id], dice.randrange(len(connected[one.id]) * 8))
            for other in found:
                with pytest.raises(SealBroken):
                    keyring.open(bent, accounts.binding(other))


async def works(rt: Runtime, actor: Actor, account_id: UUID) -> bool:
    """Its owner asks Telegram for the account's list, and gets it."""
    async with rt.db.transaction(actor.tenant) as db:
        asked = await tasks.add(db, account_id, TaskKind.dialogs, priority=10)
    done = await tasks.wait(rt, actor, asked.id, seconds=60)
    return done is not None and done.error is None


async def test_swapped_while_they_are_served(
    ingest_rt: Runtime, ingest: Ingest, sandbox: Sandbox, anna: Actor, connected: dict[UUID, bytes]
) -> None:
    """Ingest goes on with what it opened, through cut connections, too; the next start locks both away."""
    one, two = connected
    swapped = dict(zip(connected, list(connected.values())[::-1], strict=True))
    async with ingest.running():
        assert await works(ingest_rt, anna, one)
        await _write(ingest_rt, swapped)
        sandbox.drop_connections()
        assert await works(ingest_rt, anna, one)
        assert {row.status for row in await all_of(ingest_rt, Account)} == {"connected"}
    assert [len(sandbox.phone(who).sessions()) for who in ("anna", "max")] == [1, 1]

    async def locked_away() -> bool:
        return {row.ended_reason for row in await all_of(ingest_rt, Account)} == {accounts.KEY_MISSING}

    async with ingest.running():
        await eventually(locked_away)
    await _write(ingest_rt, connected)
    async with ingest.running():
        assert await works(ingest_rt, anna, one)
    assert {row.id: row.status for row in await all_of(ingest_rt, Account)} == {
        one: "connected",
        two: "connected",
    }


async def test_an_accounts_key_in_an_attempts_row(
    ingest_rt: Runtime, ingest: Ingest, sandbox: Sandbox, anna: Actor, connected: dict[UUID, bytes]
) -> None:
    """The janitor logs out what an ended attempt left behind: it opens and ends no account's key."""
    now = ingest_rt.clock.now()
    async with all_tenants(ingest_rt) as db:
        for sealed in connected.values():
            own = {"tenant_id": anna.tenant, "user_id": anna.user_id, "expires_at": now}
            db.add(Login(status="failed", pending_session=sealed, **own))

    async def cleared() -> bool:
        return not any(row.key_pending for row in await all_of(ingest_rt, Login))

    async with ingest.running():
        await eventually(cleared)
        assert await works(ingest_rt, anna, next(iter(connected)))
    assert [len(sandbox.phone(who).sessions()) for who in ("anna", "max")] == [1, 1]


async def test_an_attempts_key_in_an_accounts_row(
    ingest_rt: Runtime, ingest: Ingest, anna: Actor, connected: dict[UUID, bytes]
) -> None:
    """Also of the same person and the same Telegram account: the envelope says which row it was made for."""
    keyring = Keyring(session_keys(ingest.settings.security))
    mine = next(row for row in await all_of(ingest_rt, Account) if row.user_id == anna.user_id)
    opened = accounts.open_session(mine, keyring)
    half_made = keyring.seal(opened, replace(accounts.binding(mine), session_id=uuid4()))
    await _write(ingest_rt, {mine.id: half_made})

    async def locked_away() -> bool:
        rows = await all_of(ingest_rt, Account)
        return {row.id for row in rows if row.ended_reason == accounts.KEY_MISSING} == {mine.id}

    async with ingest.running():
        await eventually(locked_away)
    kept = next(row for row in await all_of(ingest_rt, Account) if row.id == mine.id)
    assert kept.sealed_session == half_made, "the key may come back: nothing is destroyed"


async def test_an_old_value_put_back(
    ingest_rt: Runtime, ingest: Ingest, sandbox: Sandbox, anna: Actor
) -> None:
    """The same row's own envelope of a connection before opens, and is a key Telegram has ended."""
    async with ingest.running():
        old = await connect(ingest_rt, sandbox, anna)
        new = await connect(ingest_rt, sandbox, anna)
        await eventually(lambda: forgotten(ingest_rt))  # the old key is logged out
        assert old.id == new.id and old.sealed_session != new.sealed_session
        await _write(ingest_rt, {old.id: old.sealed_session or b""})
        assert await works(ingest_rt, anna, old.id)  # with what was opened

    async def ended() -> bool:
        return [row.status for row in await all_of(ingest_rt, Account)] == ["ended"]

    async with ingest.running():
        await eventually(ended)
        again = await connect(ingest_rt, sandbox, anna)
        assert again.id == old.id and await works(ingest_rt, anna, again.id)
    trail = [event.action for event in await all_of(ingest_rt, AuditEvent)]
    assert trail.count("account.ended") == 1
