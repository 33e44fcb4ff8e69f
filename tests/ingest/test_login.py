"""QR attempts against a real Telethon and a local Telegram: every way they can go."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import select
from telethon.password import compute_check

from ingest import password
from sandbox.control import Sandbox
from sandbox.faults import flood_wait
from tests.ingest.conftest import Ingest
from tests.ingest.connecting import all_of, ended, eventually, forgotten, shown, start, until
from tests.servers import all_tenants
from tg_assistant.core.accounts import accounts, logins
from tg_assistant.core.actor import Actor
from tg_assistant.core.names import TaskKind
from tg_assistant.errors import Invalid, InviteSpent, NotFound
from tg_assistant.infra.crypto import Keyring
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, AccountTask, AuditEvent, Login, LoginStatus, Membership, Notification
from tg_assistant.settings.load import session_keys


async def page_of(rt: Runtime, started: logins.Started) -> str:
    """The second screen: looks at the link, then spends it."""
    async with rt.db.transaction() as db:
        assert not (await logins.look(db, started.link_token)).spent
    async with rt.db.transaction() as db:
        return (await logins.spend(db, started.link_token))[0]


async def test_a_scan_connects_the_account(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """The person scans: account, sealed session, first task and message stand in the database."""
    started = await start(ingest_rt, anna)
    async with ingest.running():
        url = await shown(ingest_rt, anna, started.login.id)
        sandbox.phone("anna").scan(url)
        login = await until(ingest_rt, anna, started.login.id, ended(LoginStatus.authorized))
        await eventually(lambda: bool(sandbox.phone("anna").sessions()))
    assert (login.qr_url, login.key_pending, login.password_key) == (None, False, None)
    (account,) = await all_of(ingest_rt, Account)
    assert account.id == login.account_id
    assert account.telegram_id == anna.telegram_id
    keyring = Keyring(session_keys(ingest.settings.security))
    assert accounts.open_session(account, keyring).startswith(b"1")
    (device,) = sandbox.phone("anna").sessions()
    assert (device.device, device.system) == ("Telegram Assistant", "self-hosted")
    assert [note.code for note in await all_of(ingest_rt, Notification)] == ["account.connected"]
    assert [task.kind for task in await all_of(ingest_rt, AccountTask)] == [TaskKind.dialogs]
    async with ingest_rt.db.transaction(anna.tenant) as db:
        assert (await accounts.own(db, anna)) is not None


async def test_another_persons_scan_is_logged_out(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """QRLJacking: Max scans Anna's code. Nothing of his is kept, his new session is gone, a line says so."""
    started = await start(ingest_rt, anna)
    async with ingest.running():
        sandbox.phone("max").scan(await shown(ingest_rt, anna, started.login.id))
        login = await until(ingest_rt, anna, started.login.id, ended(LoginStatus.failed))
        await eventually(lambda: not sandbox.phone("max").sessions())
        assert login.reason == "ownership_mismatch"
        assert await all_of(ingest_rt, Account) == []
        audit = [event.action for event in await all_of(ingest_rt, AuditEvent)]
        assert "account.mismatch" in audit
        await eventually(lambda: forgotten(ingest_rt))


@pytest.mark.parametrize("how", ["switched off", "removed"])
async def test_a_scan_after_access_has_ended(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor, how: str
) -> None:
    """Started just before access ended, so that ending did not see the attempt: nothing is kept."""
    started = await start(ingest_rt, anna)
    async with all_tenants(ingest_rt) as db:
        membership = (await db.exec(select(Membership).where(Membership.user_id == anna.user_id))).one()
        if how == "removed":
            await db.delete(membership)
        else:
            membership.disabled = True
            db.add(membership)
    async with ingest.running():
        sandbox.phone("anna").scan(await shown(ingest_rt, anna, started.login.id))
        login = await until(ingest_rt, anna, started.login.id, ended(LoginStatus.failed))
        await eventually(lambda: not sandbox.phone("anna").sessions())
        await eventually(lambda: forgotten(ingest_rt))
    assert login.reason == "access_ended"
    assert await all_of(ingest_rt, Account) == []


async def test_two_factor_with_a_wrong_password_first(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """The page shows the hint, a wrong password is asked again, the right one connects and is not kept."""
    sandbox.phone("anna").set_password("correct horse", "an animal")
    started = await start(ingest_rt, anna)
    page = await page_of(ingest_rt, started)
    async with ingest.running():
        sandbox.phone("anna").scan(await shown(ingest_rt, anna, started.login.id))
        asked = await until(ingest_rt, anna, started.login.id, ended(LoginStatus.password_required))
        assert (asked.password_hint, asked.qr_url) == ("an animal", None)
        await give(ingest_rt, page, "wrong")
        again = await until(ingest_rt, anna, started.login.id, lambda row: row.password_tries == 1)
        assert (again.status, again.reason) == ("password_required", None)
        await give(ingest_rt, page, "correct horse")
        login = await until(ingest_rt, anna, started.login.id, ended(LoginStatus.authorized))
    assert (login.password_waiting, login.password_hint) == (False, None)


async def give(rt: Runtime, page: str, password: str) -> None:
    async with rt.db.transaction() as db:
        await logins.submit_password(db, page, password)


async def test_three_wrong_passwords_end_the_attempt(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """The third wrong password fails the attempt, and the phone's incomplete login is gone."""
    sandbox.phone("anna").set_password("correct horse")
    started = await start(ingest_rt, anna)
    page = await page_of(ingest_rt, started)
    async with ingest.running():
        sandbox.phone("anna").scan(await shown(ingest_rt, anna, started.login.id))
        await until(ingest_rt, anna, started.login.id, ended(LoginStatus.password_required))
        for tries in (1, 2, 3):
            await give(ingest_rt, page, f"wrong {tries}")
            login = await until(ingest_rt, anna, started.login.id, refused(tries))
        assert (login.status, login.reason) == ("failed", "password_attempts")
        await eventually(lambda: forgotten(ingest_rt))
    assert sandbox.phone("anna").sessions() == []


async def test_links_after_a_wrong_password(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """The spent link stays spent; a newer attempt's page is its own: neither takes the other's password.

    After the third wrong one the page is over, and no password is taken any more.
    """
    sandbox.phone("anna").set_password("correct horse")
    started = await start(ingest_rt, anna)
    page = await page_of(ingest_rt, started)
    async with ingest.running():
        sandbox.phone("anna").scan(await shown(ingest_rt, anna, started.login.id))
        await until(ingest_rt, anna, started.login.id, ended(LoginStatus.password_required))
        await give(ingest_rt, page, "wrong 1")
        await until(ingest_rt, anna, started.login.id, refused(1))
        with pytest.raises(InviteSpent):
            async with ingest_rt.db.transaction() as db:
                await logins.spend(db, started.link_token)
        newer = await start(ingest_rt, anna)
        newer_page = await page_of(ingest_rt, newer)
        assert newer_page != page
        with pytest.raises(Invalid, match="no_password_asked"):
            await give(ingest_rt, newer_page, "correct horse")  # it shows a code, and has no key to seal to
        for tries in (2, 3):
            await give(ingest_rt, page, f"wrong {tries}")
            await until(ingest_rt, anna, started.login.id, refused(tries))
        await until(ingest_rt, anna, started.login.id, ended(LoginStatus.failed))
        with pytest.raises(Invalid, match="no_password_asked"):
            await give(ingest_rt, page, "correct horse")
        with pytest.raises(NotFound):
            async with ingest_rt.db.transaction() as db:
                await logins.look(db, started.link_token)
        sandbox.phone("anna").scan(await shown(ingest_rt, anna, newer.login.id))
        await until(ingest_rt, anna, newer.login.id, ended(LoginStatus.password_required))
        await give(ingest_rt, newer_page, "correct horse")
        await until(ingest_rt, anna, newer.login.id, ended(LoginStatus.authorized))
        await eventually(lambda: forgotten(ingest_rt))
    assert len(sandbox.phone("anna").sessions()) == 1


async def test_many_passwords_at_once_are_no_more_tries(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guesses sent four at a time, as fast as they are taken: Telegram hears three, then it is over."""
    sandbox.phone("anna").set_password("correct horse")
    asked: list[str] = []

    def noted(challenge: Any, guess: str) -> Any:
        asked.append(guess)
        return compute_check(challenge, guess)

    monkeypatch.setattr(password, "compute_check", noted)
    started = await start(ingest_rt, anna)
    page = await page_of(ingest_rt, started)
    async with ingest.running():
        sandbox.phone("anna").scan(await shown(ingest_rt, anna, started.login.id))
        await until(ingest_rt, anna, started.login.id, ended(LoginStatus.password_required))

        async def guess() -> None:
            for n in range(100):
                try:
                    await give(ingest_rt, page, f"wrong {n}")
                except Invalid:
                    return

        await asyncio.gather(*(guess() for _ in range(4)))
        await until(ingest_rt, anna, started.login.id, ended(LoginStatus.failed))
        await eventually(lambda: forgotten(ingest_rt))
    assert len(asked) == 3
    assert sandbox.phone("anna").sessions() == []


def refused(tries: int) -> Callable[[Login], bool]:
    return lambda login: login.password_tries == tries or login.status == "failed"


async def test_a_flood_wait_at_the_password_is_counted_down(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """Telegram asks for two seconds: the person sees it, nothing is sent early, then it connects."""
    sandbox.phone("anna").set_password("correct horse")
    sandbox.fail("auth.checkPassword", flood_wait(2))
    started = await start(ingest_rt, anna)
    page = await page_of(ingest_rt, started)
    async with ingest.running():
        sandbox.phone("anna").scan(await shown(ingest_rt, anna, started.login.id))
        await until(ingest_rt, anna, started.login.id, ended(LoginStatus.password_required))
        await give(ingest_rt, page, "correct horse")
        waiting = await until(ingest_rt, anna, started.login.id, lambda row: row.reason == "flood_wait")
        assert waiting.retry_after == 2
        await give(ingest_rt, page, "correct horse")
        await until(ingest_rt, anna, started.login.id, ended(LoginStatus.authorized))


async def test_the_account_lives_in_another_data_centre(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """LoginTokenMigrateTo: the attempt changes over with a new key and the session works there."""
    sandbox.migrate("anna")
    started = await start(ingest_rt, anna)
    async with ingest.running():
        sandbox.phone("anna").scan(await shown(ingest_rt, anna, started.login.id))
        await until(ingest_rt, anna, started.login.id, ended(LoginStatus.authorized))
        await eventually(lambda: done(ingest_rt))


async def done(rt: Runtime) -> bool:
    """Every account task is finished, without error."""
    tasks = await all_of(rt, AccountTask)
    return all(task.done_at and not task.error for task in tasks)


async def test_an_expired_code_is_replaced(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """A code out of date gives way to a new one, and that one connects."""
    started = await start(ingest_rt, anna)
    async with ingest.running():
        first = await shown(ingest_rt, anna, started.login.id)
        sandbox.expire_codes()
        login = await until(ingest_rt, anna, started.login.id, lambda row: row.qr_url not in (None, first))
        sandbox.phone("anna").scan(login.qr_url or "")
        await until(ingest_rt, anna, started.login.id, ended(LoginStatus.authorized))


async def test_cancelling_logs_the_half_made_key_out(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """Cancelled after the scan, while the password is asked for: the phone shows no incomplete login."""
    sandbox.phone("anna").set_password("correct horse")
    started = await start(ingest_rt, anna)
    async with ingest.running():
        sandbox.phone("anna").scan(await shown(ingest_rt, anna, started.login.id))
        await until(ingest_rt, anna, started.login.id, ended(LoginStatus.password_required))
        async with ingest_rt.db.transaction(anna.tenant) as db:
            await logins.cancel(db, anna, started.login.id)
        await eventually(lambda: forgotten(ingest_rt))
    assert sandbox.phone("anna").sessions() == []


async def test_telegram_away_is_said_and_waited_for(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """Unreachable at first: the person reads so, and the code appears once Telegram is back."""
    await sandbox.unreachable()
    started = await start(ingest_rt, anna)
    async with ingest.running():
        away = await until(
            ingest_rt, anna, started.login.id, lambda row: row.reason == "telegram_unavailable"
        )
        assert away.status == "pending"
        await sandbox.reachable()
        sandbox.phone("anna").scan(await shown(ingest_rt, anna, started.login.id))
        await until(ingest_rt, anna, started.login.id, ended(LoginStatus.authorized))


async def test_cut_connections_lose_no_scan(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """The connection breaks as the code is scanned, so the update is lost: asking again finds the scan."""
    started = await start(ingest_rt, anna)
    async with ingest.running():
        url = await shown(ingest_rt, anna, started.login.id)
        sandbox.drop_connections()
        sandbox.phone("anna").scan(url)
        await until(ingest_rt, anna, started.login.id, ended(LoginStatus.authorized))


async def test_an_attempt_expires(ingest_rt: Runtime, ingest: Ingest, anna: Actor) -> None:
    """Nobody scans: the attempt ends as expired and keeps no key."""
    async with ingest_rt.db.transaction(anna.tenant) as db:
        started = await logins.start(db, anna, ttl=3)
    async with ingest.running():
        login = await until(ingest_rt, anna, started.login.id, ended(LoginStatus.expired))
        assert login.qr_url is None
        await eventually(lambda: forgotten(ingest_rt))


@pytest.mark.parametrize("scanned_first", [False, True])
async def test_a_dead_ingest_is_replaced(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor, scanned_first: bool
) -> None:
    """The process stops while the code is shown: the next one goes on with the same key."""
    started = await start(ingest_rt, anna)
    async with ingest.running():
        url = await shown(ingest_rt, anna, started.login.id)
    async with ingest_rt.db.transaction() as db:
        assert (await db.exec(select(Login.key_pending))).one()
    if scanned_first:
        sandbox.phone("anna").scan(url)
    async with ingest.running():
        if not scanned_first:
            sandbox.phone("anna").scan(await shown(ingest_rt, anna, started.login.id))
        await until(ingest_rt, anna, started.login.id, ended(LoginStatus.authorized))
