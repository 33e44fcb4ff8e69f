"""Who can write to the database moves sealed sessions between rows, or bends them: ingest opens none."""

import random
from collections.abc import AsyncIterator, Callable
from uuid import UUID

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
from tests.ingest.connecting import all_of, connect, eventually
from tests.servers import all_tenants
from tg_assistant.core import accounts
from tg_assistant.core.access import Actor
from tg_assistant.infra.crypto import Keyring, SealBroken
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, AuditEvent, Tenant
from tg_assistant.settings import session_keys

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
            await db.exec(row.values(sealed_session=envelope))  # type: ignore[call-overload]


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
