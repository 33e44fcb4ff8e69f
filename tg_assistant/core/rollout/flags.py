"""Feature flags that a group's admins can turn on and off."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit
from tg_assistant.core.actor import Actor, scoped
from tg_assistant.errors import NotFound
from tg_assistant.infra import clock
from tg_assistant.models import Role, TenantFlag


@dataclass(frozen=True)
class Flag:
    name: str
    description: str
    default: bool


MODEL = Flag(
    "answers.model", "Answers may be written by the language model; off: sentences of the posts", default=True
)
SEMANTIC = Flag("search.semantic", "Search by meaning beside search by words", default=True)
NOTIFICATIONS = Flag(
    "bot.notifications", "The bot tells people of what happened to their account and channels", default=True
)
FLAGS = {flag.name: flag for flag in (MODEL, SEMANTIC, NOTIFICATIONS)}


@dataclass(frozen=True)
class FlagState:
    """The state of a flag in one group; `changed_at` is None for the default."""

    flag: Flag
    enabled: bool
    changed_at: datetime | None = None


async def enabled(db: AsyncSession, tenant_id: UUID, flag: Flag) -> bool:
    """Return whether the group has `flag` on; read each time, so a change applies from the next use on."""
    query = select(TenantFlag.enabled).where(TenantFlag.tenant_id == tenant_id, TenantFlag.name == flag.name)
    found = (await db.exec(query)).first()
    return flag.default if found is None else found


async def list_(db: AsyncSession, actor: Actor) -> list[FlagState]:
    """Return every flag with its state in the actor's group. Admins only."""
    actor.require(Role.admin)
    rows = {row.name: row for row in await db.exec(scoped(TenantFlag, actor))}
    return [
        FlagState(flag, row.enabled, row.changed_at)
        if (row := rows.get(flag.name))
        else FlagState(flag, flag.default)
        for flag in FLAGS.values()
    ]


async def set_(db: AsyncSession, actor: Actor, name: str, enabled: bool) -> FlagState:
    """Set a flag for the actor's group; return its state. Admins only. Raises NotFound if undeclared."""
    actor.require(Role.admin)
    if name not in FLAGS:
        raise NotFound("flags.not_found")
    now = clock.now(db)
    changed_by = None if actor.door == "cli" else actor.user_id
    values = {"enabled": enabled, "changed_at": now, "changed_by": changed_by}
    statement = insert(TenantFlag).values(tenant_id=actor.tenant, name=name, **values)
    statement = statement.on_conflict_do_update(index_elements=["tenant_id", "name"], set_=values)
    await db.exec(statement)
    await audit.record(db, actor, "flag.set", name, enabled=enabled)
    return FlagState(FLAGS[name], enabled, now)


async def forget(db: AsyncSession, actor: Actor, name: str) -> FlagState:
    """Reset a flag to its default; return its state. Admins only. Raises NotFound if undeclared."""
    actor.require(Role.admin)
    if name not in FLAGS:
        raise NotFound("flags.not_found")
    row = (await db.exec(scoped(TenantFlag, actor).where(col(TenantFlag.name) == name))).first()
    if row is not None:
        await db.delete(row)
        await audit.record(db, actor, "flag.reset", name)
    return FlagState(FLAGS[name], FLAGS[name].default)
