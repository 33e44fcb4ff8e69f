"""A group as its owner finds it after some weeks: members, invites, a job that needs a decision."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tests.product import Product
from tg_assistant.core.access import one_time_links, sessions, sign_in
from tg_assistant.core.access.init_data import TelegramPerson
from tg_assistant.core.access.one_time_links import Purpose
from tg_assistant.core.actor import Actor
from tg_assistant.core.group import invites, members
from tg_assistant.demo.seed import TENANT
from tg_assistant.infra.postgres.db import Database, set_operator, set_tenant
from tg_assistant.models import Membership, Role, Tenant, User

# first name, last name, role, plan, hours since they were last seen
_MEMBERS = [
    ("Мария", "Лебедева", Role.admin, "plus", 2),
    ("Jonas", "Keller", Role.user, "free", 5),
    ("Илья", "Соколов", Role.user, "plus", 26),
    ("Priya", "Nair", Role.user, "free", 49),
    ("Ольга", "Ветрова", Role.user, "free", 170),
    ("Tom", "Ashby", Role.user, "free", 600),
]
_DEVICES = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36",
]
_HELD = (
    "INSERT INTO pgqueuer (priority, status, entrypoint, payload, attempts)"
    " VALUES (0, 'failed', :name, convert_to(jsonb_build_object('tenant_id', :tenant)::text, 'UTF8'), 5)"
)


@dataclass
class Group:
    """The demo's tenant; its owner is a person of the demo."""

    database: Database
    owner: Actor

    async def link(self, language: str) -> str:
        """The one-time link the bot sends the owner for /admin; the panel then speaks this language."""
        async with self.database.transaction() as db:
            await set_operator(db)
            (await db.get_one(User, self.owner.user_id)).language = language
            await set_tenant(db, self.owner.tenant)
            return await one_time_links.make(db, self.owner, Purpose.admin)


@asynccontextmanager
async def owned_by(product: Product, telegram_id: int) -> AsyncIterator[Group]:
    """While it lasts this person owns the demo's group; the people invited stay."""
    database = Database(product.demo.running_database().owner_url, pool_size=2)
    try:
        async with database.transaction() as db:
            owner = await _peopled(db, telegram_id)
        yield Group(database, owner)
        async with database.transaction() as db:
            await set_operator(db)
            await _ranks(db, owner, Role.user)
            await _say(db, "DELETE FROM pgqueuer WHERE status = 'failed'")
    finally:
        await database.close()


async def _peopled(db: AsyncSession, telegram_id: int) -> Actor:
    await set_operator(db)
    tenant = (await db.exec(select(Tenant).where(Tenant.name == TENANT))).one()
    user = (await db.exec(select(User).where(User.telegram_id == telegram_id))).one()
    await set_tenant(db, tenant.id)
    plain = await sign_in.actor(db, user.id, door="test")
    await _ranks(db, plain, Role.owner)
    owner = await sign_in.actor(db, user.id, door="test")
    await _invites(db, owner)
    for number, values in enumerate(_MEMBERS):
        await _joins(db, owner, 7_400_000 + number, *values)
    for name in ("index", "purge_channel"):
        await _say(db, _HELD, name=name, tenant=str(tenant.id))
    return owner


async def _ranks(db: AsyncSession, whose: Actor, role: Role) -> None:
    query = select(Membership).where(col(Membership.user_id) == whose.user_id)
    (await db.exec(query)).one().role = role.value
    await db.flush()


async def _say(db: AsyncSession, statement: str, **values: Any) -> None:
    await db.exec(text(statement).bindparams(**values))


async def _invites(db: AsyncSession, owner: Actor) -> None:
    soon = datetime.now(UTC) + timedelta(days=9)
    await invites.create(db, owner, uses_limit=25, expires_at=soon, notes="Ветров: редакция")
    await invites.create(db, owner, role=Role.admin, notes="Jonas, second pair of eyes")
    spent = await invites.create(db, owner, notes="old wiki page")
    await invites.revoke(db, owner, spent.code)


async def _joins(db: AsyncSession, owner: Actor, telegram_id: int, first: str, last: str, *rank: Any) -> None:
    role, plan, hours = rank
    invite = await invites.create(db, owner, notes=f"{first} {last}")
    person = TelegramPerson(telegram_id=telegram_id, first_name=first, last_name=last, language_code="ru")
    stranger = await sign_in.upsert_user(db, person, door="test")
    await invites.redeem(db, stranger, invite.code)
    member = await members.get(db, owner, stranger.user_id)
    changes: members.Changes = {"role": role, "plan": plan, "disabled": hours > 500}
    await members.change(db, owner, stranger.user_id, version=member.membership.version, **changes)
    seen = datetime.now(UTC) - timedelta(hours=hours)
    (await db.get_one(User, stranger.user_id)).last_seen_at = seen
    if hours < 100:
        for device in _DEVICES[: 1 + hours % 2]:
            await sessions.start(db, stranger.user_id, device=device, now=datetime.now(UTC))
    await db.flush()
