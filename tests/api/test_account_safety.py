"""The account-safety meter over REST: one's own, and for admins the group's."""

from tests.corpus import a_reader, a_tenant
from tests.followed import account
from tg_assistant.core.accounts import budgets, flood_waits


async def test_the_meter_says_what_waits_and_until_when(http, rt, sign_in):
    """Numbers and moments of the caller's account; the admins' list is refused to a plain member."""
    where = await a_tenant(rt)
    actor = await a_reader(rt, where, 74_105)
    own = await sign_in(74_105)
    async with rt.db.transaction(where.id) as db:
        linked = await account(db, actor)
        await flood_waits.keep(db, linked.id, "messages.getHistory", 600)
        await budgets.save(db, linked.id, {"read": rt.clock.now().timestamp() + 30})
    answer = await http.get("/api/users/me/accounts/safety", headers=own)
    assert answer.status_code == 200, answer.text
    (one,) = answer.json()["items"]
    assert (one["account_id"], one["status"], one["slow_start"]) == (str(linked.id), "connected", 0.5)
    assert {each["kind"]: each["limit"] for each in one["meters"]} == {"read": 60, "list": 30, "resolve": 25}
    assert [(each["kind"], each["why"], each["tasks"]) for each in one["waiting"]] == [
        ("read", "telegram", 0)
    ]
    assert (await http.get("/api/admin/accounts/safety", headers=own)).status_code == 403
