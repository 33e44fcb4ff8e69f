"""/admin in the bot: a link for admins, nothing for others, and rights that are read with each message."""

import pytest
from sqlmodel import col, update

from tests.bot.chat import buttons, until
from tests.people import member, tenant
from tg_assistant.core.access import one_time_links
from tg_assistant.core.access.one_time_links import Purpose
from tg_assistant.errors import InviteSpent
from tg_assistant.models import Membership, Role
from tg_assistant.texts import text

PANEL = "https://ask.example.org/admin/login/"


@pytest.fixture(scope="module")
async def admin(bot, rt, telegram):
    """Anna administers a group."""
    async with rt.db.transaction() as db:
        return await member(db, await tenant(db), telegram.phone("anna").person.id, Role.admin)


async def _change(rt, actor, **values):
    async with rt.db.transaction(actor.tenant_id) as db:
        await db.exec(update(Membership).where(col(Membership.user_id) == actor.user_id).values(**values))


async def test_an_admin_gets_a_link_that_opens_once(admin, chat, rt, telegram):
    """The button's address carries the token, the text does not, and the list of commands knows /admin."""
    anna = chat("anna")
    said = await anna.says("/admin", contains="10")
    [button] = buttons(said)
    assert button["url"].startswith(PANEL) and PANEL not in said.text
    token = button["url"].removeprefix(PANEL)
    async with rt.db.transaction() as db:
        assert (await one_time_links.look(db, token, Purpose.admin)).spent is False
        assert (await one_time_links.spend(db, token, Purpose.admin)).user_id == admin.user_id
        with pytest.raises(InviteSpent):
            await one_time_links.spend(db, token, Purpose.admin)

    async def known():
        return "admin" in {one["command"] for one in telegram.world.bot.commands_for(anna.person)}

    assert await until(known)


async def test_who_is_no_admin_gets_none(admin, chat, rt, telegram):
    """A stranger is told about invites, an admin of a minute ago that only admins may."""
    missing = text("errors.access.no_membership", "en")
    assert (await chat("max").says("/admin")).text.startswith(missing[:20])
    await _change(rt, admin, role="user")
    refused = await chat("anna").says("/admin", contains=text("errors.access.role", "ru"))
    assert buttons(refused) == []

    async def forgotten():
        known = telegram.world.bot.commands_for(chat("anna").person)
        return "admin" not in {one["command"] for one in known}

    await until(forgotten)
    await _change(rt, admin, role="admin")


async def test_a_disabled_member_is_out_at_the_next_message(admin, chat, rt):
    """Whatever they write; and in again as soon as they are let."""
    anna = chat("anna")
    await _change(rt, admin, disabled=True)
    for message in ("/admin", "/channels", "/start", "Что нового?"):
        refused = await anna.says(message, contains=text("errors.access.disabled", "ru")[:20])
        assert PANEL not in str(buttons(refused))
    await _change(rt, admin, disabled=False)
    await anna.says("/admin", contains="10")
