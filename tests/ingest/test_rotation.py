"""Key rotation: online, resumable, honest about what it cannot open."""

import asyncio
import base64
import json
import sys
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import structlog
from pydantic import SecretStr
from typer.testing import CliRunner

from ingest import rotation
from sandbox.control import Sandbox
from tests.ingest.conftest import Ingest
from tests.ingest.connecting import all_of, connect, eventually
from tests.ingest.test_process import environment
from tests.servers import SESSION_KEY
from tg_assistant.cli import app
from tg_assistant.core.accounts import accounts, key_rotation
from tg_assistant.core.actor import Actor
from tg_assistant.demo.ports import free_port
from tg_assistant.demo.postgres import Postgres
from tg_assistant.infra.crypto import Keyring
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, AuditEvent, KeyRotation, Login, LoginStatus
from tg_assistant.settings.groups import Settings
from tg_assistant.settings.load import session_keys

OLD, NEW = base64.b64decode(SESSION_KEY), b"n" * 32
BOTH = Keyring({"k1": OLD, "k2": NEW})
ONLY_NEW = Keyring({"k2": NEW})


def written(**named: bytes) -> str:
    return "\n".join(f"{id_}:{base64.b64encode(key).decode()}" for id_, key in named.items())


async def sealed(rt: Runtime, actor: Actor, count: int, keyring: Keyring) -> list[Account]:
    """Accounts whose sessions ended long ago, so that nobody serves them, each with a session kept."""
    made = []
    async with rt.db.transaction(actor.tenant) as db:
        for number in range(count):
            assert actor.tenant_id
            account = Account(
                id=uuid4(),
                tenant_id=actor.tenant_id,
                user_id=actor.user_id,
                telegram_id=1_000 + number,
                status="ended",
                ended_reason="SESSION_REVOKED",
            )
            account.sealed_session = keyring.seal(f"session {number}".encode(), accounts.binding(account))
            db.add(account)
            made.append(account)
    return made


async def rotated(rt: Runtime, seconds: float = 30) -> KeyRotation:
    async with rt.db.transaction() as db:
        asked = await key_rotation.request(db)
    found: list[KeyRotation] = []

    async def done() -> bool:
        async with rt.db.transaction() as db:
            found.append(await key_rotation.read(db, asked.id))
        return found[-1].done_at is not None

    await eventually(done, seconds)
    return found[-1]


async def opens(rt: Runtime, keyring: Keyring) -> list[bytes]:
    return sorted([accounts.open_session(each, keyring) for each in await all_of(rt, Account)])


async def test_online_with_a_key_file(
    ingest_rt: Runtime, ingest_settings: Settings, sandbox: Sandbox, anna: Actor, tmp_path: Path
) -> None:
    """A line added to the key file and one request: re-wrapped while connected; then the old key may go."""
    file = tmp_path / "keys"
    file.write_text(written(k1=OLD))
    security = ingest_settings.security.model_copy(
        update={"session_crypto_key": None, "session_crypto_key_file": file}
    )
    ingest = Ingest(ingest_settings.model_copy(update={"security": security}))
    async with ingest.running():
        await connect(ingest_rt, sandbox, anna)

        async def served() -> Account | None:
            (account,) = await all_of(ingest_rt, Account)
            return account if account.last_ok_at else None

        await eventually(served)
        before = await served()
        file.write_text(written(k1=OLD, k2=NEW))
        done = await rotated(ingest_rt)
        after = await served()
        assert before and after and (before.lease_epoch, "connected") == (after.lease_epoch, after.status)
    assert (done.keys, done.rewrapped, done.unknown, done.broken) == (["k1", "k2"], 1, {}, 0)
    assert len(await opens(ingest_rt, ONLY_NEW)) == 1
    file.write_text(written(k2=NEW))
    async with ingest.running():

        async def taken() -> bool:
            account = await served()
            return account is not None and account.lease_epoch > after.lease_epoch

        await eventually(taken)
        assert (await all_of(ingest_rt, Account))[0].status == "connected"
    assert len(sandbox.phone("anna").sessions()) == 1


async def test_a_killed_rotation_goes_on(
    ingest_rt: Runtime, ingest_settings: Settings, fresh_database: Postgres, anna: Actor
) -> None:
    """kill -9 between two batches: what was committed stays, the next process does the rest, once."""
    made = await sealed(ingest_rt, anna, key_rotation.BATCH * 3, Keyring({"k1": OLD}))
    last = max(made, key=lambda account: account.id)

    async def under_new() -> int:
        async with ingest_rt.db.transaction() as db:
            return sum(use.sessions for use in await key_rotation.uses(db) if use.key_id == "k2")

    def process(key: str):
        surroundings = environment(ingest_settings, free_port()) | {"SESSION_CRYPTO_KEY": key}
        return asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ingest"), env=surroundings, stdout=asyncio.subprocess.DEVNULL
        )

    # the superuser, whom row-level security hides nothing from
    with psycopg.connect(fresh_database.admin_url) as busy:
        busy.execute("SELECT 1 FROM accounts WHERE id = %s FOR UPDATE", [last.id])
        async with ingest_rt.db.transaction() as db:
            asked = await key_rotation.request(db)
        first = await process(written(k1=OLD, k2=NEW))
        try:
            await eventually(lambda: _is(under_new, key_rotation.BATCH * 2), 60)
        finally:
            first.kill()
            await first.wait()
    assert await under_new() == key_rotation.BATCH * 2
    second = await process(written(k1=OLD, k2=NEW))
    try:
        done = await rotated(ingest_rt, 60)
    finally:
        second.kill()
        await second.wait()
    assert (done.id, done.rewrapped) == (asked.id, key_rotation.BATCH * 3)
    assert await opens(ingest_rt, ONLY_NEW) == sorted(f"session {n}".encode() for n in range(len(made)))


async def _is(count, wanted: int) -> bool:
    return await count() == wanted


async def test_half_made_login_keys_are_rotated_too(ingest_rt: Runtime, anna: Actor) -> None:
    """A key that still has to be logged out must not be lost with the old key-encryption key."""
    async with ingest_rt.db.transaction(anna.tenant) as db:
        now = ingest_rt.clock.now()
        login = Login(
            tenant_id=anna.tenant, user_id=anna.user_id, status=LoginStatus.failed.value, expires_at=now
        )
        binding = replace(accounts.binding(Account(**_who(anna))), session_id=login.id)
        login.pending_session = Keyring({"k1": OLD}).seal(b"half-made", binding)
        db.add(login)
    await _worked(ingest_rt, BOTH)
    (login,) = await all_of(ingest_rt, Login)
    assert ONLY_NEW.open(login.pending_session, binding) == b"half-made"


async def test_what_does_not_open_is_counted_and_left_as_it_is(ingest_rt: Runtime, anna: Actor) -> None:
    """A row swapped with another, flipped bits, and a key nobody has: none becomes a good envelope."""
    one, two, flipped = await sealed(ingest_rt, anna, 3, Keyring({"k1": OLD}))
    (lost,) = await sealed(ingest_rt, anna, 1, Keyring({"k0": b"0" * 32}))
    altered = bytearray(flipped.sealed_session or b"")
    altered[20] ^= 1
    put = {one.id: two.sealed_session, two.id: one.sealed_session, flipped.id: bytes(altered)}
    async with ingest_rt.db.transaction(anna.tenant) as db:
        for id_, envelope in put.items():
            (await db.get_one(Account, id_)).sealed_session = envelope
    done = await _worked(ingest_rt, BOTH)
    assert (done.rewrapped, done.broken, done.unknown) == (0, 3, {"k0": 1})
    left = {account.id: account.sealed_session for account in await all_of(ingest_rt, Account)}
    assert left == put | {lost.id: lost.sealed_session}


async def test_asking_twice_is_one_rotation(ingest_rt: Runtime, anna: Actor) -> None:
    """The second request joins the one under way; a later one finds nothing to do. Both are written down."""
    async with ingest_rt.db.transaction() as db:
        assert (await key_rotation.request(db)).id == (await key_rotation.request(db)).id
    await sealed(ingest_rt, anna, 2, Keyring({"k1": OLD}))
    assert (await _worked(ingest_rt, BOTH)).rewrapped == 2
    assert (await _worked(ingest_rt, BOTH)).rewrapped == 0
    actions = [event.action for event in await all_of(ingest_rt, AuditEvent)]
    assert actions.count("keys.rotate") == actions.count("keys.rotated") == 2


async def test_an_unreadable_key_file_changes_nothing(
    ingest_rt: Runtime, anna: Actor, tmp_path: Path
) -> None:
    """A typing error in the file is said to whoever asked; the keys ingest has go on."""
    await sealed(ingest_rt, anna, 1, Keyring({"k1": OLD}))
    security = ingest_rt.settings.security.model_copy(update={"session_crypto_key_file": tmp_path / "none"})
    keyring = Keyring({"k1": OLD}, lambda: session_keys(security))
    done = await _worked(ingest_rt, keyring)
    assert done.error and "cannot be read" in done.error and done.rewrapped == 0
    assert len(await opens(ingest_rt, keyring)) == 1


async def _worked(rt: Runtime, keyring: Keyring) -> KeyRotation:
    async with rt.db.transaction() as db:
        asked = await key_rotation.request(db)
    await rotation._work(rt, keyring)
    async with rt.db.transaction() as db:
        return await key_rotation.read(db, asked.id)


def _who(actor: Actor) -> dict[str, object]:
    return {"tenant_id": actor.tenant, "user_id": actor.user_id, "telegram_id": actor.telegram_id}


@pytest.fixture
def command(fresh_database: Postgres, monkeypatch: pytest.MonkeyPatch):
    """`tg-assistant keys …` in a thread, as its user sees it."""
    monkeypatch.setenv("DATABASE_URL", fresh_database.owner_url)
    monkeypatch.delenv("MIGRATIONS_DATABASE_URL", raising=False)
    logging = structlog.get_config()

    async def run(*words: str) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner().invoke, app, ["keys", *words])
        return result.exit_code, result.output

    yield run
    structlog.configure(**logging)


async def test_the_command_says_what_may_go_and_what_to_do(
    ingest_rt: Runtime, ingest_settings: Settings, anna: Actor, command
) -> None:
    """Without ingest it says so; then it names the key that may be removed, and the one that is missing."""
    assert "Nothing is sealed" in (await command("status"))[1]
    await sealed(ingest_rt, anna, 2, Keyring({"k1": OLD}))
    code, said = await command("rotate", "--wait", "1")
    assert code == 1 and "is it running" in said
    security = ingest_settings.security.model_copy(
        update={"session_crypto_key": SecretStr(written(k1=OLD, k2=NEW))}
    )
    ingest = Ingest(ingest_settings.model_copy(update={"security": security}))
    async with ingest.running():
        code, said = await command("rotate", "--wait", "30")
        assert code == 0 and "2 brought under 'k2'" in said and "No longer used: k1." in said
        await sealed(ingest_rt, anna, 3, Keyring({"k0": b"0" * 32}))
        code, said = await command("rotate", "--wait", "30")
        assert code == 1 and "3 sealed under 'k0', which ingest does not have" in said
    lines = [line.split() for line in (await command("status"))[1].splitlines()[1:]]
    assert lines == [["k0", "3", "0"], ["k2", "2", "0"]]
    assert SESSION_KEY not in json.dumps([event.detail for event in await all_of(ingest_rt, AuditEvent)])
