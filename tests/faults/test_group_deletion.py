"""A group is deleted in the middle of everything: nothing of it is left, and nobody else is hurt."""

import asyncio
from contextlib import suppress

import httpx
import pytest
from sqlalchemy import text
from sqlmodel import SQLModel, col, select

from tests.corpus import a_channel, a_reader, a_tenant, incoming_post
from tests.followed import account
from tests.people import member, person
from tests.servers import all_tenants, settings_for
from tg_assistant.core.accounts import tasks
from tg_assistant.core.answers import answers
from tg_assistant.core.group import invites
from tg_assistant.core.messaging import outbox
from tg_assistant.core.names import Job
from tg_assistant.core.posts import ingestion
from tg_assistant.core.privacy import erasure, export
from tg_assistant.core.retrieval import indexing, rebuilding, vector_cache
from tg_assistant.errors import AssistantError, InviteSpent, Unavailable
from tg_assistant.infra.postgres import jobs
from tg_assistant.infra.vectors import Space
from tg_assistant.models import (
    Account,
    Channel,
    Invite,
    Login,
    LoginStatus,
    Membership,
    Question,
    Role,
    Tenant,
)

NEXT = iter(range(7_700_000, 7_799_999))


@pytest.fixture(scope="module")
def settings(database, chroma_url, model_dir):
    """The worker's role, which does what a deletion leaves to do."""
    return settings_for(database, chroma_url, model_dir, role="worker")


async def owned(rt):
    """A group and its owner."""
    where = await a_tenant(rt)
    async with rt.db.transaction(where.id) as db:
        return where, await member(db, where, next(NEXT), Role.owner)


async def collections(rt):
    async with httpx.AsyncClient(trust_env=False) as http:
        root = "/api/v2/tenants/default_tenant/databases/default_database/collections"
        found = await http.get(rt.settings.retrieval.chroma_url + root, params={"limit": 10_000})
    return [each["name"] for each in found.json()]


async def left_of(rt, where):
    """Names of whatever still holds something of the group: tables, the queue, collections."""
    left = set()
    async with all_tenants(rt) as db:
        for table in SQLModel.metadata.sorted_tables:
            if "tenant_id" in table.c:
                query = select(table).where(table.c.tenant_id == where.id)
                left |= {table.name} if (await db.exec(query)).first() else set()
        about = "SELECT entrypoint FROM pgqueuer WHERE position(convert_to(:id, 'UTF8') IN payload) > 0"
        queued = text(about)
        left |= {row[0] for row in await db.exec(queued.bindparams(id=str(where.id)))}
        left |= {"tenants"} if await db.get(Tenant, where.id) else set()
    return left | {name for name in await collections(rt) if name.startswith(where.id.hex)}


async def blocked(rt, count=1):
    """Wait until so many wait for a lock of another."""
    waiting = text(
        "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) "
        "WHERE NOT granted AND datname = current_database()"
    )
    async with asyncio.timeout(60):
        while True:
            async with rt.db.transaction() as db:
                if (await db.exec(waiting)).scalar_one() >= count:
                    return
            await asyncio.sleep(0.01)


async def gone(rt, where):
    """What the workers do after a deletion, in the worst order: the group's own jobs last."""
    await erasure.forget_tenant(rt, where.id)
    async with all_tenants(rt) as db:
        await db.exec(text("DELETE FROM pgqueuer WHERE entrypoint = :n").bindparams(n=Job.forget_tenant))
    return await left_of(rt, where)


async def test_while_an_invite_is_redeemed(rt, monkeypatch):
    """Somebody is between using the invite and joining: both go through, in one order or the other."""
    where, owner = await owned(rt)
    async with rt.db.transaction(where.id) as db:
        invite = await invites.create(db, owner, uses_limit=0)
        guest = await person(db, next(NEXT))
    join = invites._insert

    async def late(db, membership):
        await blocked(rt)
        await join(db, membership)

    monkeypatch.setattr(invites, "_insert", late)

    async def redeem():
        async with rt.db.transaction() as db:
            return await invites.redeem(db, guest, invite.code)

    joining = asyncio.create_task(redeem())
    await asyncio.sleep(0)
    deleting = asyncio.create_task(erasure.erase(rt, owner, with_group=True))
    done = await asyncio.gather(joining, deleting, return_exceptions=True)
    assert isinstance(done[0], Membership | InviteSpent) and done[1].group
    assert await gone(rt, where) == set()


async def test_many_redeem_while_it_goes(rt, at_length):
    """Whoever comes joins, or finds the invite spent; nobody gets an error of the database's."""
    for _ in range(40 if at_length else 4):
        where, owner = await owned(rt)
        async with rt.db.transaction(where.id) as db:
            invite = await invites.create(db, owner, uses_limit=0)
            guests = [await person(db, next(NEXT)) for _ in range(6)]

        async def redeem(guest, code=invite.code):
            async with rt.db.transaction() as db:
                return await invites.redeem(db, guest, code)

        calls = [redeem(guest) for guest in guests]
        calls.insert(3, erasure.erase(rt, owner, with_group=True))
        done = await asyncio.gather(*calls, return_exceptions=True)
        receipt = done.pop(3)
        assert receipt.group
        assert {type(each) for each in done} <= {Membership, InviteSpent}, done
        assert await gone(rt, where) == set()


async def test_while_history_is_being_saved(rt):
    """A page of posts is in the middle of its transaction: it is saved, and then goes with the rest."""
    where, owner = await owned(rt)
    channel = await a_channel(rt, where, ["One post"])

    async def save():
        async with rt.db.transaction(where.id) as db:
            await db.exec(select(Channel).where(Channel.id == channel.id).with_for_update(key_share=True))
            await blocked(rt)
            await ingestion.save_page(db, channel.id, [incoming_post(2, "Another")], [], via="backfill")

    saving = asyncio.create_task(save())
    await asyncio.sleep(0.1)
    receipt, saved = await asyncio.gather(
        erasure.erase(rt, owner, with_group=True), saving, return_exceptions=True
    )
    assert saved is None and receipt.group
    assert await gone(rt, where) == set()


async def test_a_lock_that_is_never_given_back(rt, monkeypatch):
    """It says so after its tries, and everything is where it was."""
    monkeypatch.setattr(erasure, "_TRIES", 2)
    where, owner = await owned(rt)
    async with rt.db.transaction(where.id) as db:
        await db.exec(select(Tenant).where(Tenant.id == where.id).with_for_update(read=True, key_share=True))
        with pytest.raises(Unavailable, match=r"database\.unavailable"):
            await erasure.erase(rt, owner, with_group=True)
    assert "memberships" in await left_of(rt, where)
    assert (await erasure.erase(rt, owner, with_group=True)).group


@pytest.mark.parametrize("status", list(LoginStatus))
@pytest.mark.parametrize("half_made", [False, True], ids=["no key", "a half-made key"])
async def test_an_attempt_in_each_state(rt, monkeypatch, status, half_made):
    """An attempt of a member goes with the group; not before ingest has logged its half-made key out."""
    settle = erasure.logins.settled

    async def settled(rt, actor):
        return await settle(rt, actor, seconds=0.1)

    monkeypatch.setattr(erasure.logins, "settled", settled)
    where, owner = await owned(rt)
    kim = await a_reader(rt, where, next(NEXT))
    attempt = Login(
        tenant_id=where.id,
        user_id=kim.user_id,
        status=status.value,
        expires_at=rt.clock.now(),
        pending_session=b"sealed" if half_made else None,
    )
    async with rt.db.transaction(where.id) as db:
        db.add(attempt)
    if half_made:
        with pytest.raises(Unavailable, match="log_out_pending"):
            await erasure.erase(rt, owner, with_group=True)
        async with rt.db.transaction(where.id) as db:
            row = await db.get_one(Login, attempt.id)
            assert LoginStatus(row.status).final, "it is ended, so that ingest logs it out"
            row.pending_session = None
    assert (await erasure.erase(rt, owner, with_group=True)).group
    assert await gone(rt, where) == set()


@pytest.mark.parametrize("what", ["account", "attempt"])
async def test_connected_after_everybody_was_logged_out(rt, monkeypatch, what):
    """A session made between the log-out and the deletion is not left behind at Telegram."""
    where, owner = await owned(rt)
    kim = await a_reader(rt, where, next(NEXT))
    end, own = erasure._end, {"tenant_id": where.id, "user_id": kim.user_id}
    rows = {
        "account": Account(telegram_id=kim.telegram_id, sealed_session=b"x", **own),
        "attempt": Login(status="pending", expires_at=rt.clock.now(), pending_session=b"x", **own),
    }

    async def late(*args):
        if what in rows:
            async with rt.db.transaction(where.id) as db:
                db.add(rows.pop(what))
        return await end(*args)

    monkeypatch.setattr(erasure, "_end", late)
    with pytest.raises(Unavailable, match="log_out_pending"):
        await erasure.erase(rt, owner, with_group=True)
    assert {"memberships", "accounts" if what == "account" else "logins"} <= await left_of(rt, where)


async def test_with_everything_waiting_and_open(rt):
    """Jobs queued and held, tasks, messages, invites, an export half read and a question being answered."""
    where, owner = await owned(rt)
    channel = await a_channel(rt, where, [f"Post {n} about bees" for n in range(20)])
    kim = await a_reader(rt, where, next(NEXT), [channel.id])
    await indexing.index_dirty(rt, where.id)
    async with rt.db.transaction(where.id) as db:
        linked = await account(db, kim)
        linked.status = "ended"
        await tasks.add(db, linked.id, "history", {"channel_id": str(channel.id)})
        await outbox.add(db, kim.user_id, "account.ended", tenant_id=where.id)
        await invites.create(db, owner)
        db.add(Question(question="A question", door="bot", tenant_id=where.id, user_id=kim.user_id))
        for name in ("index", "purge_channel"):
            payload = {"tenant_id": str(where.id), "channel_id": str(channel.id)}
            await jobs.enqueue(db, name, payload)
            await jobs.enqueue(db, name, {**payload, "again": "1"})
        held = "UPDATE pgqueuer SET status = 'failed' WHERE convert_from(payload, 'UTF8') LIKE '%again%'"
        await db.exec(text(held))
    zipped = export.archive(rt, kim)
    assert await anext(zipped)
    asking = answers.ask(rt, kim, "What about bees?")
    await anext(asking)
    assert (await erasure.erase(rt, owner, with_group=True)).group
    with suppress(AssistantError, Exception):
        async for _ in asking:
            pass
    with suppress(AssistantError, Exception):
        async for _ in zipped:
            pass
    await erasure.forget_tenant(rt, where.id)
    await indexing.take_turn(rt, where.id)
    await indexing.forget_channel(rt, where.id, channel.id)
    await rebuilding.rebuild_if_needed(rt)
    assert await gone(rt, where) == set()
    async with all_tenants(rt) as db:
        asked = select(Question).where(col(Question.user_id) == kim.user_id)
        assert (await db.exec(asked)).first() is None
        assert (await db.exec(select(Invite).where(col(Invite.tenant_id) == where.id))).first() is None


async def test_while_posts_are_being_indexed(rt, monkeypatch):
    """Their vectors arrive after the group went: the index is dropped behind them, not before."""
    where, owner = await owned(rt)
    await a_channel(rt, where, ["One post about bees"])
    embed, begun, go = vector_cache.passages, asyncio.Event(), asyncio.Event()

    async def slow(rt, texts, *, background):
        begun.set()
        await go.wait()
        return await embed(rt, texts)

    monkeypatch.setattr(vector_cache, "passages", slow)
    turn = asyncio.create_task(indexing.take_turn(rt, where.id))
    await begun.wait()
    assert (await erasure.erase(rt, owner, with_group=True)).group
    forgetting = asyncio.create_task(gone(rt, where))
    await blocked(rt)
    go.set()
    with suppress(Exception):
        await turn
    assert await forgetting == set()


async def test_looking_into_an_index_that_is_gone(rt):
    """Whoever still searches, counts or deletes there finds nothing, and makes nothing."""
    where, _ = await owned(rt)
    space = Space(where.id, rt.embedder.model)
    [vector] = await vector_cache.passages(rt, ["bees"])
    assert await rt.vectors.query([where.id], space, vector) == []
    assert await rt.vectors.fetch(space, [where.id]) == {}
    assert await rt.vectors.ids(space) == set() and await rt.vectors.count(space) == 0
    await rt.vectors.delete_ids(space, [where.id])
    await rt.vectors.delete_channel(space, where.id)
    assert [name for name in await collections(rt) if name.startswith(where.id.hex)] == []
