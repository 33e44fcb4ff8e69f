"""Each way in which Telegram ends an account's session: noticed at once wherever it is met, told, data kept.

The local Telegram records a third request of a session that it has ended, which fails the test.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import col, select

from sandbox.control import Sandbox
from tests.ingest.conftest import Ingest
from tests.ingest.connecting import all_of
from tests.ingest.reading import Side, connect, eventually, follow, listed, make_channel
from tg_assistant.core.accounts import accounts, tasks
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import dialogs
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, Notification, Post

SECONDS = 30.0  # within which the notice has to be written down
REVOKED = {
    "SESSION_REVOKED": "SESSION_REVOKED",
    "AUTH_KEY_UNREGISTERED": "AUTH_KEY_UNREGISTERED",
    "AUTH_KEY_DUPLICATED": "AUTH_KEY_DUPLICATED",
    "USER_DEACTIVATED": "USER_DEACTIVATED",
    "USER_DEACTIVATED_BAN": "USER_DEACTIVATED_BAN",
    "SESSION_PASSWORD_NEEDED": "SESSION_PASSWORD_NEEDED",
    "ACTIVE_USER_REQUIRED": "UNAUTHORIZED",  # a 401 that nobody has told us about
}
ENDS = [*REVOKED, "FROZEN"]


@pytest.fixture(autouse=True)
def _refreshed_at_will(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialogs, "REFRESH_SECONDS", 0)


def end(sandbox: Sandbox, how: str) -> None:
    if how == "FROZEN":
        sandbox.freeze("anna")
    else:
        sandbox.revoke("anna", how)


async def is_told(rt: Runtime, how: str) -> None:
    async def told() -> bool:
        return "account.ended" in [note.code for note in await all_of(rt, Notification)]

    await eventually(told, f"told of {how}", SECONDS)
    (account,) = await all_of(rt, Account)
    assert (account.status, account.ended_reason) == ("ended", REVOKED.get(how, how))
    assert (account.sealed_session is not None) == (how == "FROZEN")
    (note,) = [note for note in await all_of(rt, Notification) if note.code == "account.ended"]
    assert note.args == {"reason": REVOKED.get(how, how)}


async def reading(rt: Runtime, sandbox: Sandbox, actor: Actor) -> Side:
    """The account is connected, follows a channel and is at rest."""
    side = make_channel(rt, sandbox, "City Life", ["anna"], posts=5)
    await connect(rt, sandbox, actor, "anna")
    await listed(rt, actor)
    await follow(rt, actor, side)
    await side.arrives()
    await asyncio.sleep(2)
    return side


async def live(sandbox: Sandbox, rt: Runtime, actor: Actor, side: Side) -> None:
    """A post arrives that has to be compared, or an update says that there is more."""
    sandbox.too_long(side.telegram.id)
    side.publish("One more")
    sandbox.channels.change(side.telegram, title="City Life Now")


async def task(sandbox: Sandbox, rt: Runtime, actor: Actor, side: Side) -> None:
    """Somebody waits for the list of channels."""
    async with rt.db.transaction(actor.tenant) as db:
        account = (await db.exec(select(Account))).one()
        await tasks.add(db, account.id, "dialogs", priority=10)


async def dropped(sandbox: Sandbox, rt: Runtime, actor: Actor, side: Side) -> None:
    """The connection is cut and made again."""
    sandbox.drop_connections()


PLACES = [(dropped, how) for how in ENDS]
PLACES += [(place, how) for place in (live, task) for how in ("FROZEN", "USER_DEACTIVATED_BAN")]


@pytest.mark.parametrize(("place", "how"), PLACES, ids=lambda each: getattr(each, "__name__", each))
async def test_an_end_is_met_once_and_told(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor, how: str, place: Callable[..., Any]
) -> None:
    """While reading live, by a task, at a reconnect: told in half a minute, no post gone, asked no more."""
    async with ingest.running():
        side = await reading(ingest_rt, sandbox, anna)
        end(sandbox, how)
        await place(sandbox, ingest_rt, anna, side)
        await is_told(ingest_rt, how)
        await asyncio.sleep(3)
    async with ingest_rt.db.transaction() as db:
        kept = (await db.exec(select(Post.id).where(col(Post.deleted_at).is_(None)))).all()
    assert len(kept) >= 5


@pytest.mark.parametrize("how", ["FROZEN", "SESSION_REVOKED", "AUTH_KEY_DUPLICATED"])
async def test_an_end_while_nothing_runs_is_met_at_the_next_start(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor, how: str
) -> None:
    """Two starts later the account is still left alone."""
    async with ingest.running():
        await reading(ingest_rt, sandbox, anna)
    end(sandbox, how)
    async with ingest.running():
        await is_told(ingest_rt, how)
    async with ingest.running():
        await asyncio.sleep(3)


async def test_an_end_of_a_quiet_account_is_noticed_by_itself(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """Telegram says nothing and nothing is asked: the state is, every 20 seconds."""
    async with ingest.running():
        await reading(ingest_rt, sandbox, anna)
        for key in sandbox.phone("anna").sessions():
            key.error, key.person_id = "USER_DEACTIVATED_BAN", None  # without the push
        await is_told(ingest_rt, "USER_DEACTIVATED_BAN")


async def test_an_end_is_written_down_however_long_the_database_is_away(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saving fails twice: Telegram is not asked again to learn what is known."""
    written, failures = accounts.end, list[str]()

    async def failing(db: Any, account: Account, reason: str) -> None:
        if len(failures) < 2:
            failures.append(reason)
            raise OSError("the database is away")
        await written(db, account, reason)

    async with ingest.running():
        await reading(ingest_rt, sandbox, anna)
        monkeypatch.setattr(accounts, "end", failing)
        sandbox.revoke("anna", "USER_DEACTIVATED")
        await is_told(ingest_rt, "USER_DEACTIVATED")
    assert failures == ["USER_DEACTIVATED"] * 2


async def test_a_thawed_account_can_be_connected_again(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """The session that was kept while it was frozen is logged out by the new one."""
    async with ingest.running():
        await reading(ingest_rt, sandbox, anna)
        sandbox.freeze("anna")
        await dropped(sandbox, ingest_rt, anna, make_channel(ingest_rt, sandbox, "X", ["anna"]))
        await task(sandbox, ingest_rt, anna, make_channel(ingest_rt, sandbox, "Y", ["anna"]))
        await is_told(ingest_rt, "FROZEN")
        sandbox.freeze("anna", False)
        await connect(ingest_rt, sandbox, anna, "anna")

        async def one_session() -> bool:
            return len(sandbox.phone("anna").sessions()) == 1

        await eventually(one_session, "the old session logged out")
