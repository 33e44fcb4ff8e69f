"""Adding a channel in the chat: by name, by link, by forwarding a post, and what is no channel."""

import pytest
from sqlmodel import select

from sandbox.bot_api import inbox
from tests.corpus import a_reader, a_tenant
from tg_assistant.core.accounts import tasks
from tg_assistant.errors import NotFound
from tg_assistant.models import Account, AccountTask, Dialog, Subscription
from tg_assistant.texts import text

pytestmark = pytest.mark.usefixtures("bot")
LISTED = {801: ("harbour", False), 802: ("pier_club", False), 803: (None, True)}


@pytest.fixture(scope="module")
async def anna(rt, telegram):
    """Anna has an account whose list of channels is known."""
    where = await a_tenant(rt)
    actor = await a_reader(rt, where, telegram.phone("anna").person.id)
    async with rt.db.transaction(where.id) as db:
        account = Account(
            tenant_id=where.id,
            user_id=actor.user_id,
            telegram_id=actor.telegram_id,
            dialogs_at=rt.clock.now(),
        )
        db.add(account)
        await db.flush()
        for number, (username, private) in LISTED.items():
            db.add(
                Dialog(
                    account_id=account.id,
                    telegram_id=number,
                    tenant_id=where.id,
                    access_hash=1,
                    title=f"Title {number}",
                    username=username,
                    private=private,
                )
            )
    return actor


async def follows(rt, anna):
    async with rt.db.transaction(anna.tenant_id) as db:
        return len((await db.exec(select(Subscription).where(Subscription.user_id == anna.user_id))).all())


@pytest.mark.parametrize(("words", "title"), [("/add @Harbour", "801"), ("t.me/pier_club/5", "802")])
async def test_by_name_and_link(rt, anna, chat, words, title):
    """A channel of the account's own list is followed at once; the second time that is said."""
    before = await follows(rt, anna)
    added = await chat("anna").says(words)
    assert f"Title {title}" in added.text and await follows(rt, anna) == before + 1
    again = await chat("anna").says(words)
    assert again.text == text("errors.channels.already_followed", "ru", channel=f"Title {title}")


async def test_a_forwarded_post_adds_its_channel(rt, anna, telegram, chat):
    """Also a private one, which has no name: its id is enough when the account is subscribed."""
    person = telegram.phone("anna").person
    channel = telegram.channels.create("Secret", private=True, members=[person.id], id=803)
    post = telegram.channels.publish(channel, "Only for us")
    sent = inbox.forward(telegram.world, person, channel.id, post.id)
    telegram.world.commit()
    assert "Title 803" in (await chat("anna").hears(sent.id)).text


async def test_a_name_telegram_must_be_asked_for(rt, anna, chat):
    """The account is asked; while that takes, the chat says so, then tells what came of it."""
    sent = chat("anna").sends("/add @nobody_here")
    await chat("anna").hears(sent.id, text("bot.add.checking", "ru"))
    async with rt.db.transaction(anna.tenant_id) as db:
        task = (await db.exec(select(AccountTask).where(AccountTask.kind == "resolve"))).one()
        await tasks.claim(db, task.account_id, 1)
        await tasks.finish(db, task, epoch=1, error=NotFound("channels.not_found"))
    assert (await chat("anna").hears(sent.id, text("errors.channels.not_found", "ru"))).id > sent.id
