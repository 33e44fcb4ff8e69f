"""Access that was lost comes back by itself, names lead where Telegram says, nothing is lost by mistake."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from sandbox.control import Sandbox
from sandbox.faults import Failure
from tests.ingest.conftest import Ingest, member
from tests.ingest.connecting import all_of
from tests.ingest.connecting import shown as code_of
from tests.ingest.reading import Side, connect, eventually, follow, listed, make_channel
from tg_assistant.core.accounts import accounts, login_steps, logins, tasks
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import channels, dialogs, following, regaining
from tg_assistant.errors import AlreadyExists, NotAllowed
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import (
    Account,
    AccountTask,
    Channel,
    ChannelAccess,
    Dialog,
    Login,
    Notification,
    Tenant,
)
from tg_assistant.settings.groups import Settings

REFUSED = Failure(400, "USERNAME_INVALID")


@pytest.fixture
def ingest_settings(ingest_settings: Settings) -> Settings:
    """No pause between pages: the local Telegram is patient."""
    telegram = ingest_settings.telegram.model_copy(update={"history_pause": 0.0})
    return ingest_settings.model_copy(update={"telegram": telegram})


@pytest.fixture(autouse=True)
def _refreshed_at_will(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialogs, "REFRESH_SECONDS", 0)


async def readable(rt: Runtime, actor: Actor) -> list[Any]:
    async with rt.db.transaction(actor.tenant) as db:
        return await channels.readable_ids(db, actor)


async def is_hidden(rt: Runtime, actor: Actor, what: str = "hidden") -> None:
    async def hidden() -> bool:
        return await readable(rt, actor) == []

    await eventually(hidden, what)


async def is_back(rt: Runtime, actor: Actor, what: str) -> None:
    async def back() -> bool:
        return len(await readable(rt, actor)) == 1

    await eventually(back, what, 60)


async def shown(rt: Runtime, actor: Actor) -> channels.Followed:
    async with rt.db.transaction(actor.tenant) as db:
        (followed,) = await channels.list_(db, actor)
    return followed


async def following_it(rt: Runtime, sandbox: Sandbox, actor: Actor, side: Side) -> Channel:
    """The actor's account is connected and they follow the channel, all of whose posts are here."""
    await connect(rt, sandbox, actor, "anna")
    await listed(rt, actor)
    channel = await follow(rt, actor, side)
    await side.arrives()
    await asyncio.sleep(2)  # until the reader has looked
    return channel


def leave(sandbox: Sandbox, side: Side, who: str = "anna") -> None:
    sandbox.channels.leave(side.telegram, sandbox.world.people.get(who))
    sandbox.world.commit()


def join(sandbox: Sandbox, side: Side, who: str = "anna") -> None:
    sandbox.channels.join(side.telegram, sandbox.world.people.get(who))
    sandbox.world.commit()


async def test_a_channel_joined_again_is_back_at_once_with_what_was_missed(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """updateChannel says so; the list is not read again, the gap is filled, the person is told both times."""
    side = make_channel(ingest_rt, sandbox, "Inner Circle", ["anna"], posts=30, private=True)
    async with ingest.running():
        await following_it(ingest_rt, sandbox, anna, side)
        leave(sandbox, side)
        await is_hidden(ingest_rt, anna)
        assert side.telegram.id not in [row.telegram_id for row in await all_of(ingest_rt, Dialog)]
        side.publish(*(f"Meanwhile {n}" for n in range(150)))
        join(sandbox, side)
        await is_back(ingest_rt, anna, "joined again")
        await side.arrives()
        side.publish("Live again")
        await side.arrives(30)
    assert side.telegram.id in [row.telegram_id for row in await all_of(ingest_rt, Dialog)]
    codes = [note.code for note in await all_of(ingest_rt, Notification)]
    assert codes.count("channels.access_lost") == codes.count("channels.access_back") == 1
    assert await side.gaps() == []


async def test_adding_a_lost_channel_asks_telegram_instead_of_promising_answers(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """Still closed: said so. Open again, though no update told: added again it is back."""
    side = make_channel(ingest_rt, sandbox, "Inner Circle", ["anna"], posts=5, private=True)
    async with ingest.running():
        channel = await following_it(ingest_rt, sandbox, anna, side)
        leave(sandbox, side)
        await is_hidden(ingest_rt, anna)
        with pytest.raises(NotAllowed, match=r"channels\.access_lost"):
            await channels.add(ingest_rt, anna, telegram_id=side.telegram.id)
        side.telegram.members.append(sandbox.world.people.get("anna").id)  # without an update
        added = await channels.add(ingest_rt, anna, link=f"https://t.me/c/{side.telegram.id}/2")
        assert added.channel is not None and added.channel.id == channel.id
        assert await readable(ingest_rt, anna) == [channel.id]
        with pytest.raises(AlreadyExists):
            await channels.add(ingest_rt, anna, telegram_id=side.telegram.id)


async def test_a_channel_public_again_is_back_for_all_who_had_lost_it(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor, tenant: Tenant
) -> None:
    """Anna is out of the private channel; Max reads on, sees its new name, and that opens it to her, too."""
    max_ = await member(ingest_rt, sandbox, tenant, "max")
    side = make_channel(ingest_rt, sandbox, "Inner Circle", ["anna", "max"], posts=5, private=True)
    async with ingest.running():
        await connect(ingest_rt, sandbox, max_, "max")
        await listed(ingest_rt, max_)
        await follow(ingest_rt, max_, side)
        await following_it(ingest_rt, sandbox, anna, side)
        leave(sandbox, side)
        await is_hidden(ingest_rt, anna)
        sandbox.channels.change(side.telegram, title="Renamed in private")
        sandbox.world.commit()

        async def seen_by_max() -> bool:
            return (await shown(ingest_rt, max_)).channel.title == "Renamed in private"

        await eventually(seen_by_max, "the new title, for Max")
        assert (await shown(ingest_rt, anna)).channel.title == "Inner Circle"
        sandbox.channels.change(side.telegram, title="Open House", username="open_house")
        sandbox.world.commit()
        await is_back(ingest_rt, anna, "public again")
        assert (await shown(ingest_rt, anna)).channel.title == "Open House"


async def test_a_lost_channel_is_looked_at_once_a_day(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """No sign at all, not even a list: a day later Telegram is asked, once, and the channel is back."""
    side = make_channel(ingest_rt, sandbox, "Inner Circle", ["anna"], posts=5, private=True)
    async with ingest.running():
        await following_it(ingest_rt, sandbox, anna, side)
        leave(sandbox, side)
        await is_hidden(ingest_rt, anna)

        async def nothing_left() -> bool:
            return not [row for row in await all_of(ingest_rt, AccountTask) if row.done_at is None]

        await eventually(nothing_left, "every task done")
    asked = await looks(ingest_rt)
    side.telegram.members.append(sandbox.world.people.get("anna").id)  # without an update
    async with ingest.running():
        await asyncio.sleep(3)
        assert await looks(ingest_rt) == asked  # it was lost a moment ago
    day_before = ingest_rt.clock.now() - timedelta(days=1, minutes=1)
    async with ingest_rt.db.transaction() as db:
        long_ago = {"lost_at": day_before, "looked_at": day_before}
        await db.exec(update(ChannelAccess).where(col(ChannelAccess.lost_at).is_not(None)).values(**long_ago))
    async with ingest.running():
        await is_back(ingest_rt, anna, "looked at after a day")
    assert await looks(ingest_rt) == asked + 1


async def looks(rt: Runtime) -> int:
    return len([row for row in await all_of(rt, AccountTask) if row.kind == "look"])


async def test_a_name_passed_on_opens_the_channel_that_has_it_now(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """The list says @town_news is the old one. Telegram says it is another by now, and links follow."""
    old = make_channel(ingest_rt, sandbox, "Town News", ["anna"], posts=5)
    async with ingest.running():
        first = await following_it(ingest_rt, sandbox, anna, old)
        sandbox.channels.change(old.telegram, username="town_news_archive")
        other = make_channel(ingest_rt, sandbox, "Other News", [], posts=3)
        sandbox.channels.change(other.telegram, username="town_news")
        sandbox.world.commit()
        await make_list_old(ingest_rt)
        await follow(ingest_rt, anna, other)
        await other.arrives()

        async def links() -> dict[int, str | None]:
            async with ingest_rt.db.transaction(anna.tenant) as db:
                return {row.telegram_id: row.username for row in await db.exec(select(Channel))}

        async def right() -> bool:
            return await links() == {old.telegram.id: "town_news_archive", other.telegram.id: "town_news"}

        await eventually(right, "both links", 60)
        with pytest.raises(AlreadyExists) as refused:
            await channels.add(ingest_rt, anna, username="Town_News_Archive")
        assert refused.value.values == {"channel": first.title}


async def test_a_name_that_is_still_the_channels_is_not_looked_up(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """An old list is checked by the channel's id, which Telegram does not mind: a look-up would fail here."""
    side = make_channel(ingest_rt, sandbox, "Town News", ["anna"], posts=5)
    async with ingest.running():
        await connect(ingest_rt, sandbox, anna, "anna")
        await listed(ingest_rt, anna)
        await make_list_old(ingest_rt)
        sandbox.fail("contacts.resolveUsername", REFUSED, times=9)
        await follow(ingest_rt, anna, side)
        await side.arrives()
    sandbox.faults.clear()


async def make_list_old(rt: Runtime) -> None:
    async with rt.db.transaction() as db:
        await db.exec(update(Account).values(dialogs_at=rt.clock.now() - timedelta(hours=1)))


async def test_connecting_again_loses_no_private_channel(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """Logged out and connected again, the list comes late: nothing is called lost before it is there."""
    side = make_channel(ingest_rt, sandbox, "Inner Circle", ["anna"], posts=5, private=True)
    async with ingest.running():
        await following_it(ingest_rt, sandbox, anna, side)
        account = (await all_of(ingest_rt, Account))[0]
        assert await accounts.disconnect(ingest_rt, anna, account.id, seconds=30)
        sandbox.delay("messages.getDialogFilters", 4)
        await connect(ingest_rt, sandbox, anna, "anna")
        await asyncio.sleep(3)
        await is_back(ingest_rt, anna, "connected again")
        side.publish("Seen by the new session")
        await side.arrives()
    assert "channels.access_lost" not in [note.code for note in await all_of(ingest_rt, Notification)]


async def test_a_refusal_older_than_the_access_is_no_loss(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """Telegram was asked before the account joined, the answer is written down after: out of date."""
    side = make_channel(ingest_rt, sandbox, "Inner Circle", ["anna"], posts=5, private=True)
    async with ingest.running():
        channel = await following_it(ingest_rt, sandbox, anna, side)
    account = (await all_of(ingest_rt, Account))[0]
    asked_at = ingest_rt.clock.now()
    async with ingest_rt.db.transaction(anna.tenant) as db:
        await following.grant(db, await db.get_one(Account, account.id), channel.id, account.telegram_id)
    async with ingest_rt.db.transaction(anna.tenant) as db:
        await channels.access_lost(db, account.id, channel.id, asked_at=asked_at)
    assert await readable(ingest_rt, anna) == [channel.id]


async def test_a_lost_row_without_a_hash_gets_the_lists(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """Lost, logged out, joined and connected again: the hash went with the session, the list has it."""
    side = make_channel(ingest_rt, sandbox, "Inner Circle", ["anna"], posts=5, private=True)
    async with ingest.running():
        await following_it(ingest_rt, sandbox, anna, side)
        leave(sandbox, side)
        await is_hidden(ingest_rt, anna)
        async with ingest_rt.db.transaction(anna.tenant) as db:
            await channels.remove(db, anna, (await channels.list_(db, anna))[0].channel.id)
        account = (await all_of(ingest_rt, Account))[0]
        assert await accounts.disconnect(ingest_rt, anna, account.id, seconds=30)
        join(sandbox, side)
        await connect(ingest_rt, sandbox, anna, "anna")
        await listed(ingest_rt, anna)
        await channels.add(ingest_rt, anna, telegram_id=side.telegram.id)
        await is_back(ingest_rt, anna, "followed again")
        await side.arrives()
        await asyncio.sleep(2)
        assert len(await readable(ingest_rt, anna)) == 1


async def test_a_list_is_kept_up_by_updates(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """Joined, renamed and left: the list follows, though it is read from Telegram only once."""
    async with ingest.running():
        await connect(ingest_rt, sandbox, anna, "anna")
        await listed(ingest_rt, anna)
        await asyncio.sleep(1)
        side = make_channel(ingest_rt, sandbox, "Brand New", [], posts=2)
        sandbox.fail("messages.getDialogs", REFUSED, times=9)
        for change, title in (
            (lambda: join(sandbox, side), "Brand New"),
            (lambda: sandbox.channels.change(side.telegram, title="Older Now"), "Older Now"),
            (lambda: leave(sandbox, side), None),
        ):
            change()

            async def right(title: str | None = title) -> bool:
                found = {row.telegram_id: row.title for row in await all_of(ingest_rt, Dialog)}
                return found.get(side.telegram.id) == title

            await eventually(right, f"the list with {title}", 20)
    sandbox.faults.clear()
    assert len([row for row in await all_of(ingest_rt, AccountTask) if row.kind == "dialogs"]) <= 2


async def test_tasks_of_a_lost_channel_are_not_piled_up(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """Many signs while one look is open make no second one."""
    side = make_channel(ingest_rt, sandbox, "Inner Circle", ["anna"], posts=5, private=True)
    async with ingest.running():
        channel = await following_it(ingest_rt, sandbox, anna, side)
    account = (await all_of(ingest_rt, Account))[0]
    async with ingest_rt.db.transaction(anna.tenant) as db:
        await channels.access_lost(db, account.id, channel.id)
        for _ in range(3):
            await regaining.ask_about(db, account.id, side.telegram.id)
        assert len(await tasks.open_of_kind(db, account.id, "look")) == 1


async def test_a_login_cancelled_at_its_last_moment_leaves_the_connected_account_alone(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled while the scanned session is stored: nothing of the account is replaced or logged out."""
    side = make_channel(ingest_rt, sandbox, "Inner Circle", ["anna"], posts=5, private=True)
    stored, attempts = login_steps._account, list[UUID]()

    async def cancelled_first(db: Any, login: Login, *rest: Any) -> Account:
        if attempts:
            async with ingest_rt.db.transaction(anna.tenant) as other:
                await logins.cancel(other, anna, login.id)
        attempts.append(login.id)
        return await stored(db, login, *rest)

    monkeypatch.setattr(login_steps, "_account", cancelled_first)
    async with ingest.running():
        channel = await following_it(ingest_rt, sandbox, anna, side)
        (before,) = await all_of(ingest_rt, Account)
        async with ingest_rt.db.transaction(anna.tenant) as db:
            started = await logins.start(db, anna, device="test")
        sandbox.phone("anna").scan(await code_of(ingest_rt, anna, started.login.id))

        async def over() -> bool:
            return len(attempts) == 2 and len(sandbox.phone("anna").sessions()) == 1

        await eventually(over, "the new key logged out")
        await asyncio.sleep(3)
        (after,) = await all_of(ingest_rt, Account)
        assert (after.sealed_session, after.status) == (before.sealed_session, "connected")
        assert (after.lease_epoch, len(sandbox.phone("anna").sessions())) == (before.lease_epoch, 1)
        assert await readable(ingest_rt, anna) == [channel.id]
