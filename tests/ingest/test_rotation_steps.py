"""A rotation that ends at each of its steps, and is begun again: every session opens, and none is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from sqlalchemy import event

from ingest import rotation
from tests.ingest.connecting import all_of
from tests.ingest.test_rotation import BOTH, NEW, OLD, ONLY_NEW, sealed
from tg_assistant.core.accounts import accounts, key_rotation
from tg_assistant.core.actor import Actor
from tg_assistant.infra.crypto import Keyring
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, Login, LoginStatus

ONLY_OLD = Keyring({"k1": OLD})
SESSIONS, BATCH = 5, 2


class Killed(BaseException):
    """The process is gone: nothing in the code catches it."""


@asynccontextmanager
async def killed_at(rt: Runtime, step: int) -> AsyncIterator[list[str]]:
    """The connection dies before its `step`-th statement or commit; what was met until then."""
    met: list[str] = []

    def count(conn, what: str) -> None:
        met.append(what)
        if len(met) == step:
            conn.invalidate()
            raise Killed

    def statement(conn, cursor, words, *rest) -> None:
        count(conn, words.split()[0])

    def commit(conn) -> None:
        count(conn, "COMMIT")

    engine = rt.db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", commit)
    try:
        yield met
    finally:
        event.remove(engine, "before_cursor_execute", statement)
        event.remove(engine, "commit", commit)


async def a_half_made_key(rt: Runtime, actor: Actor) -> Login:
    async with rt.db.transaction(actor.tenant) as db:
        now = rt.clock.now()
        who = {"tenant_id": actor.tenant, "user_id": actor.user_id}
        login = Login(**who, status=LoginStatus.failed.value, expires_at=now)
        binding = accounts.binding(Account(**who, telegram_id=actor.telegram_id))
        login.pending_session = ONLY_OLD.seal(b"half-made", replace(binding, session_id=login.id))
        db.add(login)
    return login


async def opened(rt: Runtime, actor: Actor, keyring: Keyring) -> list[bytes]:
    """What the keyring opens; raises for an envelope it does not."""
    found = [accounts.open_session(each, keyring) for each in await all_of(rt, Account)]
    for login in await all_of(rt, Login):
        binding = replace(accounts.binding((await all_of(rt, Account))[0]), session_id=login.id)
        found.append(keyring.open(login.pending_session, replace(binding, telegram_id=actor.telegram_id)))
    return sorted(found)


async def used(rt: Runtime) -> dict[str, int]:
    async with rt.db.transaction() as db:
        return {use.key_id: use.sessions + use.logins for use in await key_rotation.uses(db)}


async def test_killed_at_each_step(
    ingest_rt: Runtime, anna: Actor, monkeypatch: pytest.MonkeyPatch, at_length: bool
) -> None:
    """Killed before its first statement, its second, … its last commit; then done by the next process."""
    monkeypatch.setattr(key_rotation, "BATCH", BATCH)
    await sealed(ingest_rt, anna, SESSIONS, ONLY_OLD)
    await a_half_made_key(ingest_rt, anna)
    wanted = await opened(ingest_rt, anna, ONLY_OLD)
    step = 0
    while True:
        step += 1 if at_length else 3
        async with ingest_rt.db.transaction() as db:
            asked = await key_rotation.request(db)
        ended = False
        async with killed_at(ingest_rt, step) as met:
            try:
                await rotation._work(ingest_rt, BOTH)
                ended = True
            except Killed:
                pass
        # nothing is lost at any moment, whatever is wrapped with which key
        assert await opened(ingest_rt, anna, BOTH) == wanted
        if ended:
            break
        in_between = await used(ingest_rt)
        await rotation._work(ingest_rt, BOTH)
        async with ingest_rt.db.transaction() as db:
            done = await key_rotation.read(db, asked.id)
        assert done.done_at and (done.unknown, done.broken, done.error) == ({}, 0, None), (step, met[-1])
        # the old key may go now, and might not before
        assert await used(ingest_rt) == {"k2": SESSIONS + 1}
        assert in_between == {"k2": SESSIONS + 1} or in_between["k1"] > 0
        assert await opened(ingest_rt, anna, ONLY_NEW) == wanted
        await _back(ingest_rt)
    assert step > 20 and "COMMIT" in met


async def _back(rt: Runtime) -> None:
    """Everything under the old key again, as the next step finds it."""
    async with rt.db.transaction() as db:
        asked = await key_rotation.request(db)
    back = Keyring({"k2": NEW, "k1": OLD})
    assert back.ids[-1] == "k1"
    await rotation._work(rt, back)
    async with rt.db.transaction() as db:
        assert (await key_rotation.read(db, asked.id)).rewrapped == SESSIONS + 1


async def test_two_processes_rotate_at_once(
    ingest_rt: Runtime, anna: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each envelope is wrapped anew once, and both see the end."""
    monkeypatch.setattr(key_rotation, "BATCH", BATCH)
    await sealed(ingest_rt, anna, SESSIONS * 3, ONLY_OLD)
    wanted = await opened(ingest_rt, anna, ONLY_OLD)
    async with ingest_rt.db.transaction() as db:
        asked = await key_rotation.request(db)
    await asyncio.gather(*(rotation._work(ingest_rt, BOTH) for _ in range(3)))
    async with ingest_rt.db.transaction() as db:
        done = await key_rotation.read(db, asked.id)
    assert done.done_at and done.rewrapped == SESSIONS * 3
    assert await opened(ingest_rt, anna, ONLY_NEW) == wanted


async def test_a_process_without_the_new_key_takes_nothing_back(ingest_rt: Runtime, anna: Actor) -> None:
    """A rotation done is not undone by an ingest that still has only the old key, nor called done by it."""
    await sealed(ingest_rt, anna, SESSIONS, ONLY_OLD)
    async with ingest_rt.db.transaction() as db:
        await key_rotation.request(db)
    await rotation._work(ingest_rt, BOTH)
    async with ingest_rt.db.transaction() as db:
        again = await key_rotation.request(db)
    await rotation._work(ingest_rt, ONLY_OLD)
    async with ingest_rt.db.transaction() as db:
        said = await key_rotation.read(db, again.id)
    assert said.rewrapped == 0 and said.unknown == {"k2": SESSIONS}
    assert len(await opened(ingest_rt, anna, ONLY_NEW)) == SESSIONS
