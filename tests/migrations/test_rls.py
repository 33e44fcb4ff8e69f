"""Row-level security: what each role sees of two tenants' rows, asked for with plain SQL and no condition."""

import re
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from tests.corpus import a_channel, a_reader, a_tenant
from tests.followed import account
from tests.people import person
from tg_assistant.core import audit
from tg_assistant.core.accounts import logins
from tg_assistant.core.messaging import outbox
from tg_assistant.core.retrieval import full_text
from tg_assistant.core.retrieval.scope import Scope
from tg_assistant.infra.postgres.db import Database, set_operator
from tg_assistant.models import Invite, Question

DOCUMENT = Path(__file__).parents[2] / "docs" / "row-level-security.md"
WALLED = """
    SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    AND c.relrowsecurity AND c.relforcerowsecurity
    AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
WITH_TENANT = """
    SELECT table_name FROM information_schema.columns
    WHERE column_name = 'tenant_id' AND table_schema = 'public'
"""


def names(connection: psycopg.Connection, query: str) -> set[str]:
    return {row[0] for row in connection.execute(query)}


def documented() -> dict[str, str]:
    """Tables outside row-level security as docs/row-level-security.md lists them, each with its reason."""
    section = DOCUMENT.read_text().split("Outside it\n", 1)[1].split("\n#", 1)[0]
    rows = re.findall(r"^\| (`[^|]+) \| ([^|]+) \|$", section, flags=re.M)
    return {name: reason for cell, reason in rows for name in re.findall(r"`(\w+)`", cell)}


@pytest.fixture(scope="module")
async def two(rt):
    """Two tenants, each with a reader, a channel with posts, an account, a question and a login."""
    made = []
    for n in (1, 2):
        where = await a_tenant(rt)
        channel = await a_channel(rt, where, [f"Мост номер {n}", "Второй пост"])
        reader = await a_reader(rt, where, 71_000 + n, [channel.id])
        async with rt.db.transaction(where.id) as db:
            await account(db, reader)
            own = {"tenant_id": where.id, "user_id": reader.user_id}
            db.add(Question(question="Where?", door="bot", **own))
            started = await logins.start(db, reader)
            await outbox.add(db, reader.user_id, "account.ended", tenant_id=where.id)
        made.append((where, channel, reader, started))
    return made


def test_every_table_is_walled_or_listed_with_its_reason(database):
    """A new table needs `protect` in its migration, or its reason in docs/row-level-security.md."""
    with psycopg.connect(database.admin_url) as admin:
        walled, tables = names(admin, WALLED), names(admin, TABLES)
        views = names(admin, "SELECT viewname FROM pg_views WHERE schemaname = 'public'")
        with_tenant = names(admin, WITH_TENANT)
    outside = documented()
    assert tables - walled - outside.keys() == set(), "neither protected nor listed"
    assert outside.keys() & walled == set(), "listed as outside, but protected"
    assert outside.keys() - tables == set(), "listed, but there is no such table"
    assert with_tenant - walled - views == set(), "a tenant's table can never be outside"
    assert views == {"searchable_posts"}, "a view reads as its owner: it needs its own condition"
    assert all(len(reason) > 20 for reason in outside.values())


@pytest.mark.parametrize("role", ["app", "owner"])
async def test_without_a_tenant_nothing_is_seen(two, database, role):
    """Neither on a new connection nor on one that has served a tenant before; nor can anything be changed."""
    url = database.app_url if role == "app" else database.owner_url
    with psycopg.connect(database.admin_url) as admin:
        walled = [*sorted(names(admin, WALLED)), "searchable_posts"]
    forced = [table for table in walled if (role, table) != ("owner", "posts")]  # see make_searchable_posts
    with psycopg.connect(url) as connection:
        for _ in range(2):
            for table in forced:
                query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
                assert connection.execute(query).fetchone() == (0,), table
            assert connection.execute("UPDATE questions SET answer = 'x'").rowcount == 0
            assert connection.execute("DELETE FROM subscriptions").rowcount == 0
            connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(two[0][0].id)])
            assert connection.execute("SELECT count(*) FROM channels").fetchone() == (1,)
            connection.commit()
            assert connection.execute("SELECT current_setting('app.tenant_id', true)").fetchone() == ("",)


async def test_a_pooled_connection_carries_no_tenant_on(two, database):
    """The pool hands the same connection to the next caller, who sees nothing."""
    pooled = Database(database.app_url, pool_size=1)
    backends = set()
    for tenant_id, expected in ((two[0][0].id, 2), (None, 0), (two[1][0].id, 2), (None, 0)):
        async with pooled.transaction(tenant_id) as db:
            rows = (await db.exec(text("SELECT pg_backend_pid(), (SELECT count(*) FROM posts)"))).one()
            backends.add(rows[0])
            assert rows[1] == expected
    await pooled.close()
    assert len(backends) == 1


async def test_a_tenant_sees_its_own_rows_alone(two, rt, database):
    """Every protected table, without any condition in the statement."""
    with psycopg.connect(database.admin_url) as admin:
        tables = sorted(names(admin, WITH_TENANT))
        for where, *_ in two:
            with psycopg.connect(database.app_url) as connection:
                connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(where.id)])
                for table in tables:
                    rows = sql.SQL("SELECT count(*) FROM {} WHERE tenant_id = %s").format(
                        sql.Identifier(table)
                    )
                    every = sql.SQL("SELECT DISTINCT tenant_id FROM {}").format(sql.Identifier(table))
                    seen = {row[0] for row in connection.execute(every)}
                    there = admin.execute(rows, [where.id]).fetchone()
                    expected = {where.id} if there != (0,) and table != "searchable_posts" else seen
                    assert seen == expected <= {where.id}, table


async def test_nobody_writes_into_another_tenant(two, rt):
    """An insert or an update that names another tenant is refused by PostgreSQL itself."""
    (mine, channel, reader, _), (other, *_) = two
    with pytest.raises(Exception, match="row-level security"):
        async with rt.db.transaction(mine.id) as db:
            db.add(Question(question="?", door="bot", tenant_id=other.id, user_id=reader.user_id))
    with pytest.raises(Exception, match="row-level security"):
        async with rt.db.transaction(mine.id) as db:
            move = text("UPDATE channels SET tenant_id = :t WHERE id = :c")
            await db.exec(move.bindparams(t=other.id, c=channel.id))
    with pytest.raises(Exception, match="permission denied"):
        async with rt.db.transaction(mine.id) as db:
            await db.exec(text("DELETE FROM searchable_posts"))


async def test_the_worker_sees_all_until_it_names_a_tenant(two, everything):
    """Ingest finds work of every tenant; while it works for one, it sees that one alone."""
    tenants = {where.id for where, *_ in two}
    query = text("SELECT DISTINCT tenant_id FROM posts")
    async with everything.transaction() as db:
        assert {row[0] for row in await db.exec(query)} >= tenants
    async with everything.transaction(two[0][0].id) as db:
        assert {row[0] for row in await db.exec(query)} == {two[0][0].id}


async def test_only_the_owner_can_be_the_operator(two, rt, database):
    """`app.operator` opens everything to the owner's role, and nothing to the app's."""
    query = text("SELECT count(*) FROM questions")
    async with rt.db.transaction() as db:
        assert await set_operator(db) is False
        assert (await db.exec(query)).scalar_one() == 0
    owner = Database(database.owner_url, pool_size=1)
    async with owner.transaction() as db:
        assert await set_operator(db) is True
        assert (await db.exec(query)).scalar_one() >= 2
    async with owner.transaction() as db:
        assert (await db.exec(query)).scalar_one() == 0
    await owner.close()


async def test_before_the_tenant_is_known_one_row_can_be_found(two, rt):
    """By the caller's id, an invite's code or a link's token: exactly the row that it names."""
    count = "SELECT count(*) FROM {}"
    async with rt.db.transaction() as db:
        stranger = await person(db, 71_010)
        await audit.record(db, stranger, "session.start")
    (where, _, reader, started), _ = two
    invite = Invite(code="RLSINVITE001", tenant_id=where.id)
    async with rt.db.transaction(where.id) as db:
        db.add(invite)

    async def seen(table: str, **settings: object) -> int:
        async with rt.db.transaction() as db:
            for name, value in settings.items():
                said = text("SELECT set_config(:n, :v, true)")
                await db.exec(said.bindparams(n=f"app.{name}", v=str(value)))
            return (await db.exec(text(count.format(table)))).scalar_one()

    assert await seen("memberships", user_id=reader.user_id) == 1
    assert await seen("memberships", user_id=UUID(int=0)) == 0
    assert await seen("invites", invite_code=invite.code) == 1
    assert await seen("invites", invite_code="RLSINVITE002") == 0
    assert await seen("logins", link_hash=bytes(started.login.link_hash or b"").hex()) == 1
    assert await seen("logins", link_hash="00") == 0
    assert await seen("audit_events", user_id=stranger.user_id) == 1
    assert await seen("audit_events") == 0
    assert await seen("notifications", delivering="on") >= 2
    assert await seen("notifications", delivering="yes") == 0


async def test_full_text_uses_its_index_under_the_wall(two, rt, database):
    """`@@` is not leakproof: over `posts` itself the GIN index would never be looked at by the app's role."""
    (where, channel, *_), _ = two
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(
            "INSERT INTO posts (id, tenant_id, channel_id, message_id, posted_at, text, text_hash, version,"
            " indexed_generation, index_attempts) SELECT gen_random_uuid(), %s, %s, n, now(),"
            " 'слово' || n || ' слово' || n %% 97, '', 1, 1, 0 FROM generate_series(1000, 6000) n",
            [where.id, channel.id],
        )
        admin.execute("ANALYZE posts")
    async with rt.db.transaction(where.id) as db:
        found = await full_text.search(db, "слово4242", Scope([channel.id]))
        assert len(found.scores) == 1
    explain = "EXPLAIN SELECT 1 FROM {} WHERE channel_id = %s AND tsv @@ 'слово4242'::tsquery"
    with psycopg.connect(database.app_url) as connection:
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(where.id)])
        plans = {
            table: str(connection.execute(explain.format(table), [channel.id]).fetchall())
            for table in ("posts", "searchable_posts")
        }
    assert "ix_posts_tsv" in plans["searchable_posts"]
    assert "ix_posts_tsv" not in plans["posts"], "PostgreSQL has learned: the view can go"
