"""Tenants: a tenant is one self-hosted group with its members, created on the command line only."""

from datetime import timedelta
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit
from tg_assistant.core.actor import Actor
from tg_assistant.core.group import invites
from tg_assistant.errors import Invalid, NotFound
from tg_assistant.infra import clock
from tg_assistant.infra.postgres.db import set_tenant
from tg_assistant.models import Invite, Role, Tenant

_OWNER_INVITE_LIFE = timedelta(days=7)


async def create(db: AsyncSession, name: str) -> tuple[Tenant, Invite]:
    """Create a tenant; return it with the single-use invite for its owner. No other invite makes an owner.

    Raises Invalid for a name that is not 1…100 characters long.
    """
    name = name.strip()
    if not 1 <= len(name) <= 100:
        raise Invalid("tenants.name", max=100)
    tenant = Tenant(name=name)
    await set_tenant(db, tenant.id)
    db.add(tenant)
    await db.flush()
    invite = invites.new(tenant.id, role=Role.owner, expires_at=clock.now(db) + _OWNER_INVITE_LIFE)
    db.add(invite)
    await audit.record(db, None, "tenant.create", tenant.id, tenant_id=tenant.id)
    await db.flush()
    return tenant, invite


async def ids(db: AsyncSession) -> list[UUID]:
    """Return the ids of all groups in a stable order; for work that is done group by group."""
    return list(await db.exec(select(Tenant.id).order_by(col(Tenant.id))))


async def name_of(db: AsyncSession, actor: Actor) -> str:
    """Return the name of the actor's group. Raises NotFound once it is deleted."""
    actor.require()
    group = await db.get(Tenant, actor.tenant)
    if group is None:
        raise NotFound("tenants.not_found")
    return group.name


async def called(db: AsyncSession, name: str) -> Tenant | None:
    """Return a group with this name, or None; for the operator, who sees all groups."""
    return (await db.exec(select(Tenant).where(Tenant.name == name))).first()
