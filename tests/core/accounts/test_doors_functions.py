"""What doors cause without the right to do it: PostgreSQL's functions of migration 0012, called by core."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlmodel import col, select, update

from tests.core.conftest import for_people, lowered
from tests.corpus import a_reader, a_tenant
from tests.followed import account, found, listed
from tests.servers import all_tenants, as_door
from tg_assistant.core.accounts import accounts
from tg_assistant.core.channels import channels
from tg_assistant.core.privacy import erasure
from tg_assistant.errors import NotFound
from tg_assistant.models import Account, AuditEvent, ChannelAccess, Dialog, Login


async def test_doors_follow_and_forget_without_reading_a_hash(rt):
    """With the rights of web and bot: a listed hash is filled in, an ended account leaves nothing."""
    where = await a_tenant(rt)
    reader = await a_reader(rt, where, 68_901)
    listed_one = found(private=True, username=None, access_hash=7_654_321)
    async with rt.db.transaction(where.id) as db:
        own = await account(db, reader)
        own.dialogs_at = rt.clock.now()
        await listed(db, own, listed_one)
    async with as_door(rt) as door:
        added = await channels.add(door, reader, telegram_id=listed_one.telegram_id)
        assert added.channel
        async with all_tenants(rt) as db:
            hashes = select(ChannelAccess.access_hash).where(ChannelAccess.account_id == own.id)
            assert (await db.exec(hashes)).all() == [7_654_321]
        with pytest.raises(NotFound):
            await channels.add(door, reader, telegram_id=listed_one.telegram_id + 1)
        async with all_tenants(rt) as db:
            kept = {"status": "ended", "ended_reason": "KEY_MISSING", "sealed_session": b"kept"}
            await db.exec(update(Account).where(col(Account.id) == own.id).values(**kept))
        for _ in range(2):  # the second time there is nothing to do
            assert await accounts.disconnect(door, reader, own.id)
    async with all_tenants(rt) as db:
        gone = AuditEvent.action == "account.logged_out", AuditEvent.subject == str(own.id)
        assert len((await db.exec(select(AuditEvent.id).where(*gone))).all()) == 1
        left = select(Account.status, Account.ended_reason, Account.sealed_session)
        assert (await db.exec(left.where(Account.id == own.id))).all() == [("logged_out", None, None)]
        for model in (ChannelAccess, Dialog):
            assert (await db.exec(select(model.account_id).where(model.account_id == own.id))).all() == []


async def test_a_connected_accounts_key_is_not_a_doors_to_destroy(rt):
    """The function that forgets an ended account leaves one that is connected alone, and another group's."""
    where, other = await a_tenant(rt), await a_tenant(rt)
    reader = await a_reader(rt, where, 68_902)
    async with rt.db.transaction(where.id) as db:
        own = await account(db, reader)
        own.sealed_session = b"kept"
    async with as_door(rt) as door:
        for tenant_id, status in ((where.id, "connected"), (other.id, "ended")):
            async with all_tenants(rt) as db:
                await db.exec(update(Account).where(col(Account.id) == own.id).values(status=status))
            async with door.db.transaction(tenant_id) as db:
                await db.exec(text("SELECT forget_ended_account(:id)").bindparams(id=own.id))
            async with all_tenants(rt) as db:
                left = select(Account.sealed_session).where(Account.id == own.id)
                assert (await db.exec(left)).one() == b"kept"


async def test_core_is_tried_with_the_rights_of_doors(rt):
    """In this folder what a person causes may read no more than web and bot may, whatever `rt` may."""
    assert len(list(for_people())) > 60
    assert all(hasattr(wrapped, "__wrapped__") for wrapped in (accounts.list_, erasure.erase))
    half_made = select(Login.id).where(col(Login.pending_session).is_not(None))
    async with rt.db.transaction() as db:
        await db.exec(half_made)
        async with lowered(db):
            await db.exec(select(Login.id).where(col(Login.key_pending)))
        await db.exec(half_made)
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with lowered(db):
                await db.exec(half_made)
