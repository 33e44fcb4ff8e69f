"""/delete_me of a last owner: told of both ways out, and the group goes only at a third press."""

import pytest

from tests.people import member, person, tenant
from tg_assistant.models import Membership, Role, Tenant, User
from tg_assistant.texts import text

pytestmark = pytest.mark.usefixtures("bot")


async def test_a_last_owner_may_take_the_group_along(rt, chat):
    """The second press explains; the third deletes the group, and the receipt says so."""
    max_ = chat("max")
    await max_.says("/privacy")
    async with rt.db.transaction() as db:
        friends = await tenant(db, "Short-lived")
        await member(db, friends, 9_100_001)
        owner = await person(db, max_.person.id, max_.person.first_name, "en")
        db.add(Membership(tenant_id=friends.id, user_id=owner.user_id, role=Role.owner))
    asked = await max_.says("/delete_me")
    await max_.presses(asked, text("bot.button.delete_me", "en"))
    told, _ = await max_.presses(max_.last(), text("bot.button.delete_me_really", "en"))
    assert "only owner" in told
    async with rt.db.transaction() as db:
        assert await db.get(User, owner.user_id) is not None
    done, _ = await max_.presses(max_.last(), text("bot.button.delete_group", "en"))
    assert text("bot.delete.group", "en") in done
    async with rt.db.transaction() as db:
        assert await db.get(User, owner.user_id) is None
        assert await db.get(Tenant, friends.id) is None
