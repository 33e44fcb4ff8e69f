"""FLOOD_WAITs hold wherever they are met; the account's own budget is kept, live updates never wait for it.

The local Telegram records each call that is made before its wait has passed, which fails the test.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select
from telethon.errors import FloodWaitError
from telethon.tl import functions, types

from ingest.budget import Budget, BudgetSpent, for_person, further, kind_of
from ingest.client import ALLOWED
from ingest.persistence import persistently
from sandbox.control import Sandbox
from sandbox.faults import Failure, flood_wait
from tests.ingest.conftest import Ingest
from tests.ingest.connecting import all_of, ended, shown, start, until
from tests.ingest.reading import connect, eventually, follow, listed, make_channel
from tg_assistant.core.accounts import accounts, budgets, flood_waits, tasks
from tg_assistant.core.accounts.budgets import Rate
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import dialogs
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, AccountBudget, LoginStatus, MethodWait
from tg_assistant.settings.groups import Settings

HISTORY = functions.messages.GetHistoryRequest(types.InputPeerEmpty(), 0, None, 0, 1, 0, 0, 0)
NAME = functions.contacts.ResolveUsernameRequest("name")


@pytest.fixture(autouse=True)
def _refreshed_at_will(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialogs, "REFRESH_SECONDS", 0)


async def waits(rt: Runtime) -> set[str]:
    return {row.method for row in await all_of(rt, MethodWait)}


AT_START = ("help.getConfig", "users.getUsers", "updates.getState", "updates.getDifference")


@pytest.mark.parametrize("method", [*AT_START, "messages.getDialogs"])
async def test_a_wait_met_at_a_start_holds_for_the_next_owner(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor, method: str
) -> None:
    """Whatever the first request was: the owner goes, another one comes, and neither calls early."""
    async with ingest.running():
        await connect(ingest_rt, sandbox, anna, "anna")
        await listed(ingest_rt, anna)
    sandbox.fail(method, flood_wait(6))
    async with ingest.running():
        if method == "messages.getDialogs":
            await ask_for_list(ingest_rt, anna)

        async def stored() -> bool:
            return method in await waits(ingest_rt)

        await eventually(stored, "the wait stored", 30)
    async with ingest.running():
        await asyncio.sleep(8)
        if method == "messages.getDialogs":
            await ask_for_list(ingest_rt, anna)
        await asyncio.sleep(1)


async def ask_for_list(rt: Runtime, actor: Actor) -> None:
    async with rt.db.transaction(actor.tenant) as db:
        account = (await db.exec(select(Account))).one()
        await tasks.add(db, account.id, "dialogs")


async def test_a_wait_outlives_the_session(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """Logged out and connected again, it is the same Telegram account: the new session waits, too."""
    async with ingest.running():
        await connect(ingest_rt, sandbox, anna, "anna")
        await listed(ingest_rt, anna)
        sandbox.fail("messages.getDialogs", flood_wait(15))
        await ask_for_list(ingest_rt, anna)

        async def stored() -> bool:
            return "messages.getDialogs" in await waits(ingest_rt)

        await eventually(stored, "the wait stored", 30)
        (account,) = await all_of(ingest_rt, Account)
        assert await accounts.disconnect(ingest_rt, anna, account.id, seconds=30)
        await connect(ingest_rt, sandbox, anna, "anna")
        await asyncio.sleep(3)
        assert "messages.getDialogs" in await waits(ingest_rt)


async def test_a_wait_of_a_login_holds_for_the_process_that_takes_it_over(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """The same key shows no code before Telegram allows it, though another process asks for it."""
    sandbox.fail("auth.exportLoginToken", flood_wait(8))
    async with ingest.running():
        started = await start(ingest_rt, anna)
        await until(ingest_rt, anna, started.login.id, lambda row: row.reason == "flood_wait")
    async with ingest.running():
        sandbox.phone("anna").scan(await shown(ingest_rt, anna, started.login.id))
        await until(ingest_rt, anna, started.login.id, ended(LoginStatus.authorized))


async def test_a_premium_wait_is_a_wait(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """FLOOD_PREMIUM_WAIT, which Telethon has another class for, is stored and waited out like any other."""
    side = make_channel(ingest_rt, sandbox, "Patience", ["anna"], posts=20)
    sandbox.fail("messages.getHistory", Failure(420, "FLOOD_PREMIUM_WAIT_3", 3))
    async with ingest.running():
        await connect(ingest_rt, sandbox, anna, "anna")
        await listed(ingest_rt, anna)
        await follow(ingest_rt, anna, side)
        await side.arrives(60)
    assert "messages.getHistory" in await waits(ingest_rt)


async def test_what_must_be_stored_is_stored_though_its_caller_is_cancelled() -> None:
    """The database is away, the lease is lost: the wait is still written when it is back."""
    away, stored = asyncio.Event(), asyncio.Event()

    async def write() -> None:
        if not away.is_set():
            away.set()
            raise OSError("away")
        stored.set()

    caller = asyncio.create_task(persistently(write))
    await away.wait()
    caller.cancel()
    async with asyncio.timeout(10):
        await stored.wait()
    assert caller.cancelled() or caller.cancelling()


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_budget_is_used_up_and_comes_back() -> None:
    """Three quarters for what runs by itself, the rest for people; a second gives one request back."""
    clock = Clock()
    budget = Budget(lambda: {"read": Rate(60, 60)}, clock, {})
    for _ in range(45):
        budget.spend(HISTORY)
    with pytest.raises(BudgetSpent) as refused:
        budget.spend(HISTORY)
    assert isinstance(refused.value, FloodWaitError) and refused.value.seconds == 1
    with for_person(True):
        for _ in range(15):
            budget.spend(HISTORY)
        with pytest.raises(BudgetSpent):
            budget.spend(HISTORY)
    clock.now += 16
    budget.spend(HISTORY)
    assert Rate(60, 60).used(budget.spent["read"], clock.now) == 45


def test_a_clock_set_back_stops_no_account() -> None:
    """A moment far ahead, stored before the clock was set back, is no more than one full budget."""
    clock = Clock()
    budget = Budget(lambda: {"read": Rate(60, 60)}, clock, {"read": clock.now + 10**6})
    clock.now += 16
    with pytest.raises(BudgetSpent) as refused:
        budget.spend(HISTORY)
    assert refused.value.seconds <= 60


def test_every_allowed_request_has_its_kind() -> None:
    """Names are their own budget, lists, too; live updates, login and log-out are in none."""
    kinds = {kind.__name__: kind_of(kind.__new__(kind)) for kind in ALLOWED}
    free = {name for name, kind in kinds.items() if kind is None}
    assert {name for name, kind in kinds.items() if kind == "resolve"} == {"ResolveUsernameRequest"}
    assert {"GetDialogsRequest", "GetDialogFiltersRequest"} <= {n for n, k in kinds.items() if k == "list"}
    assert {"GetChannelDifferenceRequest", "GetDifferenceRequest", "LogOutRequest"} <= free
    assert not {"GetHistoryRequest", "GetMessagesRequest", "GetChannelsRequest"} & free


def test_a_further_page_of_the_list_is_not_refused() -> None:
    """Stopping in the middle would waste the pages before it; the next list waits."""
    first = functions.messages.GetDialogsRequest(None, 0, types.InputPeerEmpty(), 100, 0)
    further = functions.messages.GetDialogsRequest(None, 5, types.InputPeerChannel(1, 1), 100, 0)
    budget = Budget(lambda: {"list": Rate(4, 3600)}, Clock(), {})
    for request in (first, further, further, further):
        budget.spend(request)
    budget.spend(further)
    with pytest.raises(BudgetSpent):
        budget.spend(first)


def test_what_completes_an_answer_passes_and_is_counted() -> None:
    """A page whose missing posts may not be asked for would be read again and again and never be saved."""
    budget = Budget(lambda: {"read": Rate(60, 60)}, Clock(), {})
    for _ in range(45):
        budget.spend(HISTORY)
    used = budget.spent["read"]
    with further():
        budget.spend(HISTORY)
    assert budget.spent["read"] == used + 1
    with pytest.raises(BudgetSpent):
        budget.spend(HISTORY)


async def test_short_histories_are_read_at_the_end_of_the_budget(
    ingest_rt: Runtime, sandbox: Sandbox, ingest_settings: Settings, anna: Actor
) -> None:
    """Each takes two requests, a page and the posts it lacks, of which the budget leaves room for one."""
    telegram = ingest_settings.telegram.model_copy(update={"requests_per_minute": 30, "history_pause": 0.0})
    few = Ingest(ingest_settings.model_copy(update={"telegram": telegram}))
    sides = [make_channel(ingest_rt, sandbox, f"Short {n}", ["anna"], posts=3) for n in range(8)]
    async with few.running():
        await connect(ingest_rt, sandbox, anna, "anna")
        await listed(ingest_rt, anna)
        for side in sides:
            await follow(ingest_rt, anna, side)
        for side in sides:
            await side.arrives(150)


def test_the_first_days_are_slower() -> None:
    """Half on the first day, all from the fourth on; 0 a minute is no limit at all."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    limits = [budgets.rates(at, at + timedelta(days=n), 100)["read"].limit for n in range(5)]
    assert limits == [50, 60, 80, 100, 100]
    assert budgets.rates(at, at, 0) == {}


@pytest.fixture
def tight(ingest_settings: Settings) -> Ingest:
    """An ingest whose accounts may ask 20 times a minute: 10 on this first day."""
    telegram = ingest_settings.telegram.model_copy(update={"requests_per_minute": 20, "history_pause": 0.0})
    return Ingest(ingest_settings.model_copy(update={"telegram": telegram}))


async def test_live_posts_and_people_do_not_wait_for_a_spent_budget(
    ingest_rt: Runtime, sandbox: Sandbox, tight: Ingest, anna: Actor
) -> None:
    """While the history waits, live posts arrive and what a person asks for is done; the rest in the end."""
    side = make_channel(ingest_rt, sandbox, "Long Story", ["anna"], posts=900)
    async with tight.running():
        await connect(ingest_rt, sandbox, anna, "anna")
        await listed(ingest_rt, anna)
        await follow(ingest_rt, anna, side)

        async def spent() -> bool:
            rows = {row.kind: row.spent_until.timestamp() for row in await all_of(ingest_rt, AccountBudget)}
            now = ingest_rt.clock.now().timestamp()
            return Rate(10, 60).used(rows.get("read", 0.0), now) >= 6

        await eventually(spent, "the budget spent", 60)
        assert len(await side.ours()) < 900
        (post,) = side.publish("Live")

        async def is_here() -> bool:
            return post.id in await side.ours()

        await eventually(is_here, "the live post", 10)
        assert len(await listed(ingest_rt, anna)) >= 1
        await side.arrives(200)
    assert await waits(ingest_rt) == set()


async def test_a_spent_budget_is_spent_for_the_next_owner(
    ingest_rt: Runtime, sandbox: Sandbox, tight: Ingest, anna: Actor
) -> None:
    """It is stored every few seconds and restored when another process takes the account over."""
    async with tight.running():
        await connect(ingest_rt, sandbox, anna, "anna")
        await listed(ingest_rt, anna)
        await asyncio.sleep(4)
    (account,) = await all_of(ingest_rt, Account)
    async with ingest_rt.db.transaction(anna.tenant) as db:
        before: dict[str, Any] = await budgets.spent(db, account.id)
        assert before["list"] > ingest_rt.clock.now().timestamp()
        await budgets.save(db, account.id, {"list": before["list"] + 7200})
        assert await flood_waits.left(db, account.telegram_id) == {}
    async with tight.running():
        await ask_for_list(ingest_rt, anna)
        await asyncio.sleep(4)
    async with ingest_rt.db.transaction(anna.tenant) as db:
        assert len(await tasks.open_of_kind(db, account.id, "dialogs")) == 1
