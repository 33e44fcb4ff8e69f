"""Somebody with one of everything, all of it marked, and the people who should never see any of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from tests.people import member, person, tenant
from tests.servers import all_tenants
from tg_assistant.core.access import sessions, sign_in
from tg_assistant.core.access.init_data import TelegramPerson
from tg_assistant.core.accounts import logins
from tg_assistant.core.actor import Actor
from tg_assistant.core.group import invites
from tg_assistant.core.posts import ingestion
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import (
    Account,
    AccountTask,
    Channel,
    ChannelAccess,
    Dialog,
    Feed,
    Notification,
    Post,
    Question,
    Role,
    Subscription,
    Tenant,
)

MARK = "CANARY7f3a"  # in everything the victim owns
HERS = f"{MARK}-hers"  # in what is nobody else's business, the owner's of her group neither
VICTIM = 8_100_001
# Tables whose rows no attack may change; a row is compared as a whole.
OWNED = {
    "users": "id = :user",
    "memberships": "tenant_id = :tenant",
    "channels": "tenant_id = :tenant",
    "subscriptions": "user_id = :user",
    "channel_access": "tenant_id = :tenant",
    "posts": "tenant_id = :tenant",
    "questions": "tenant_id = :tenant AND user_id = :user",
    "accounts": "tenant_id = :tenant",
    "account_tasks": "tenant_id = :tenant",
    "logins": "tenant_id = :tenant AND user_id = :user",
    "invites": "tenant_id = :tenant",
    "app_sessions": "user_id = :user",
    "feeds": "tenant_id = :tenant",
    "tenants": "id = :tenant",
}


@dataclass
class World:
    """`ids` are the victim's, by the names routes and functions give them; `attackers` by role.

    `boss` owns the victim's group: may see who is in it, and nothing of what they read and ask.
    """

    victim: Actor
    ids: dict[str, Any]
    attackers: dict[str, Actor]
    boss: Actor

    def random(self, name: str) -> Any:
        """Something of the same form that does not exist."""
        own = self.ids[name]
        if isinstance(own, UUID):
            return uuid4()
        if isinstance(own, int):
            return own + 777_000
        return "".join(chr(ord("A") + ord(character) % 26) for character in reversed(own))

    async def snapshot(self, rt: Runtime) -> dict[str, list[str]]:
        """Every row of the victim's, as text."""
        where = {"user": self.victim.user_id, "tenant": self.victim.tenant_id}
        async with all_tenants(rt) as db:
            found = {}
            for table, condition in OWNED.items():
                query = f"SELECT to_jsonb(t)::text FROM {table} t WHERE {condition} ORDER BY 1"
                named = {name: value for name, value in where.items() if f":{name}" in condition}
                rows = await db.exec(text(query).bindparams(**named))
                found[table] = [row[0] for row in rows]
        return found


async def make(rt: Runtime, first: int = VICTIM) -> World:
    """Telegram ids are counted from `first`."""
    async with rt.db.transaction() as db:
        home, away = await tenant(db, f"Home {MARK}"), await tenant(db, "Away")
    async with rt.db.transaction() as db:
        owner = await member(db, home, first + 1, Role.admin)
        await _named(db, first)
        victim = await member(db, home, first)
        await _named(db, first)
        attackers = {
            "a stranger": await person(db, first + 2, "Stan"),
            "a user of another tenant": await member(db, away, first + 3),
            "an admin of another tenant": await member(db, away, first + 4, Role.admin),
            "an owner of another tenant": await member(db, away, first + 6, Role.owner),
            "a user of the same tenant": await member(db, home, first + 5),
        }
        boss = await member(db, home, first + 7, Role.owner)
    async with rt.db.transaction(home.id) as db:
        ids = await _belongings(db, home, victim, owner)
    return World(victim, ids, attackers, boss)


async def _named(db: AsyncSession, telegram_id: int) -> None:
    named = TelegramPerson(telegram_id=telegram_id, first_name=f"Anna {MARK}", language_code="en")
    await sign_in.upsert_user(db, named, door="test")


async def _belongings(db: AsyncSession, home: Tenant, victim: Actor, owner: Actor) -> dict[str, Any]:
    own = {"tenant_id": home.id, "user_id": victim.user_id}
    account = Account(**own, telegram_id=victim.telegram_id, device=MARK)
    channel = Channel(
        tenant_id=home.id, telegram_id=victim.telegram_id, title=f"Private {HERS}", private=True
    )
    question = Question(
        **own, door="test", question=f"Where is {HERS}?", answer=f"Here: {HERS}", abstained=False
    )
    invite = invites.new(home.id, role=Role.user, uses_limit=0)
    invite.notes, invite.expires_at = MARK, datetime.now(UTC) - timedelta(days=1)
    db.add_all([account, channel, question, invite])
    await db.flush()
    task = AccountTask(tenant_id=home.id, account_id=account.id, kind="resolve", args={"username": HERS})
    db.add_all([task, Notification(**own, code="account.connected")])
    db.add(Subscription(user_id=victim.user_id, channel_id=channel.id, tenant_id=home.id))
    access_seen = {"account_id": account.id, "channel_id": channel.id, "access_hash": 1}
    db.add(ChannelAccess(**own, **access_seen))
    db.add(Dialog(account_id=account.id, tenant_id=home.id, telegram_id=99, access_hash=1, title=HERS))
    await db.flush()
    incoming = ingestion.IncomingPost(message_id=1, posted_at=datetime.now(UTC), text=f"Read this: {HERS}")
    await ingestion.save_page(db, channel.id, [incoming], [], via="backfill")
    started = await logins.start(db, victim, device=MARK)
    app = await sessions.start(db, victim.user_id, device=MARK, now=datetime.now(UTC))
    feed = Feed(**own, hash=victim.user_id.bytes, query=HERS)
    db.add(feed)
    await db.flush()
    post = (await db.exec(select(Post).where(Post.channel_id == channel.id))).one()
    return {
        "user_id": victim.user_id,
        "telegram_id": victim.telegram_id,
        "tenant_id": home.id,
        "channel_id": channel.id,
        "post_id": post.id,
        "question_id": question.id,
        "account_id": account.id,
        "task_id": task.id,
        "session_id": app.id,
        "code": invite.code,
        "feed_id": feed.id,
        "login_id": started.login.id,
        "qr_session_id": started.login.id,
    }
