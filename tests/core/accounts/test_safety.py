"""The account-safety meter: what is used, what waits, why and until when; for oneself and for admins."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.corpus import a_tenant
from tests.followed import account
from tests.people import member
from tg_assistant.components import safety_text
from tg_assistant.core.accounts import accounts, budgets, flood_waits, safety, tasks
from tg_assistant.errors import NotAllowed
from tg_assistant.models import Role

_ids = iter(range(91_000, 92_000))


@pytest.fixture
async def linked(rt):
    """An owner with an account that is connected since a moment ago."""
    where = await a_tenant(rt)
    async with rt.db.transaction(where.id) as db:
        actor = await member(db, where, next(_ids), Role.owner)
        return actor, await account(db, actor)


async def test_a_new_account_has_used_nothing_and_starts_slowly(rt, linked):
    """Half of each budget, for three days from its connection."""
    actor, own = linked
    (one,) = await safety.of_own(rt, actor)
    assert [(each.kind, each.used, each.limit) for each in one.meters] == [
        ("read", 0, 60),
        ("list", 0, 30),
        ("resolve", 0, 25),
    ]
    assert (one.waiting, one.slow_start, one.at_risk) == ([], 0.5, False)
    assert one.slow_until == own.connected_at + timedelta(days=3)


async def test_what_telegram_asked_for_and_what_is_used_up_are_told_apart(rt, linked):
    """History waits by Telegram's word, names by the budget; the tasks that wait are counted."""
    actor, own = linked
    now = rt.clock.now()
    async with rt.db.transaction(actor.tenant) as db:
        await flood_waits.keep(db, own.id, "messages.getHistory", 600)
        await flood_waits.keep(db, own.id, "channels.getMessages", 300)
        await budgets.save(db, own.id, {"resolve": now.timestamp() + 86_400, "read": now.timestamp() + 10})
        for kind in ("history", "history", "resolve"):
            await tasks.add(db, own.id, kind, {})
    (one,) = await safety.of_own(rt, actor)
    assert [(each.kind, each.why, each.tasks) for each in one.waiting] == [
        ("read", "telegram", 2),
        ("resolve", "budget", 1),
    ]
    assert 500 < (one.waiting[0].until - now).total_seconds() <= 601
    assert {each.kind: each.used for each in one.meters} == {"read": 10, "list": 0, "resolve": 25}
    assert one.at_risk
    said = safety_text.lines(one, "en")
    assert said[0] == "Reading posts waits for 10 minutes more: Telegram asked for it. 2 tasks are queued."
    assert said[2] == "Reading: 10 of 60 requests used in the last minute"
    because = "Чтение постов ждёт ещё 10 минут: так попросил Telegram."
    assert safety_text.lines(one, "ru")[0].startswith(because)


async def test_an_ended_account_has_no_meter(rt, linked):
    """Nothing is asked with it any more."""
    actor, own = linked
    async with rt.db.transaction(actor.tenant) as db:
        await accounts.end(db, await accounts.read(db, own.id), "USER_DEACTIVATED_BAN")
    (one,) = await safety.of_own(rt, actor)
    assert (one.account.status, one.meters, one.waiting) == ("ended", [], [])
    assert safety_text.lines(one, "en") == []


async def test_admins_see_their_group_and_nobody_elses(rt, linked):
    """By pages, the latest connected first; a plain member is refused."""
    actor, own = linked
    async with rt.db.transaction(actor.tenant) as db:
        other = await member(db, await a_tenant(rt), next(_ids), Role.owner)
    (one,) = (await safety.of_group(rt, actor)).items
    assert one.account.id == own.id
    assert (await safety.of_group(rt, other)).items == []
    with pytest.raises(NotAllowed):
        await safety.of_group(rt, replace(actor, role=Role.user))
