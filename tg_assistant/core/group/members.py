"""The members of a group: listing them, changing role and plan, and disabling them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, Unpack
from uuid import UUID

from sqlalchemy import func, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit, pagination, plans
from tg_assistant.core.access.sign_in import lock_role
from tg_assistant.core.accounts import logins
from tg_assistant.core.actor import Actor, scoped
from tg_assistant.core.group import invites
from tg_assistant.core.moments import settable
from tg_assistant.core.pagination import Order, Page
from tg_assistant.errors import Conflict, Invalid, NotAllowed, NotFound
from tg_assistant.infra.postgres.pg_text import storable
from tg_assistant.models import AppSession, Feed, Membership, Role, Tenant, User


@dataclass(frozen=True)
class Member:
    user: User
    membership: Membership


class Changes(TypedDict, total=False):
    """What an admin may change. A missing key leaves the value unchanged."""

    role: Role
    plan: str
    plan_expires_at: datetime | None
    disabled: bool


class Filter(TypedDict, total=False):
    """Filters of the list. `search` covers names, usernames and Telegram ids."""

    search: str
    role: Role | None
    plan: str | None
    disabled: bool | None


def _members(actor: Actor) -> Any:
    joined = select(Membership, User).join(User, col(User.id) == col(Membership.user_id))
    return joined.where(Membership.tenant_id == actor.tenant)


async def list_(
    db: AsyncSession, actor: Actor, *, limit: int = 50, cursor: str | None = None, **wanted: Unpack[Filter]
) -> Page[Member]:
    """Return the group's members, the latest to join first. Admins only. Raises Invalid for a bad cursor."""
    actor.require(Role.admin)
    query = _members(actor)
    if words := wanted.get("search", "").strip():
        pattern = pagination.like(words.removeprefix("@"))
        whole = func.concat(User.first_name, " ", User.last_name)
        by_name = or_(whole.ilike(pattern), col(User.username).ilike(pattern))
        is_id = words.isascii() and words.isdigit() and len(words) < 19
        query = query.where(or_(by_name, col(User.telegram_id) == int(words)) if is_id else by_name)
    for name in ("role", "plan", "disabled"):
        if (value := wanted.get(name)) is not None:
            query = query.where(col(getattr(Membership, name)) == storable(value))
    order = Order[Any](
        col(Membership.created_at), col(Membership.id), lambda row: (row[0].created_at, row[0].id)
    )
    found = await pagination.page(db, query, order, limit=limit, cursor=cursor)
    return Page([Member(user, membership) for membership, user in found.items], found.next_cursor)


async def get(db: AsyncSession, actor: Actor, user_id: UUID) -> Member:
    """Return a member. Admins only. Raises NotFound for an unknown person and one of another group."""
    actor.require(Role.admin)
    query = _members(actor).where(Membership.user_id == user_id).execution_options(populate_existing=True)
    row = (await db.exec(query)).first()
    if row is None:
        raise NotFound("users.not_found")
    return Member(row[1], row[0])


async def change(
    db: AsyncSession, actor: Actor, user_id: UUID, *, version: int, **changes: Unpack[Changes]
) -> Member:
    """Change role, plan or access and return the member; takes effect with the person's next request.

    Lowering a role or disabling revokes the invites with which the person could regain it; disabling also
    ends their sessions and login attempts.
    `version` is the one the caller has seen. Raises Conflict when it has changed since, NotAllowed for a role
    above the actor's own, for disabling oneself and for the last owner, Invalid for an unknown plan or a date
    out of range, NotFound.
    """
    actor.require(Role.admin)
    # rights are read after the lock: of two owners that demote each other at once, only one succeeds
    await db.exec(select(Tenant.id).where(Tenant.id == actor.tenant).with_for_update(key_share=True))
    role = await lock_role(db, actor, Role.admin)
    member = await get(db, actor, user_id)
    if member.membership.version != version:
        raise Conflict("members.changed", version=member.membership.version)
    if "plan" in changes and changes["plan"] not in plans.PLANS:
        raise Invalid("members.plan", plans=", ".join(plans.PLANS))
    if not settable(changes.get("plan_expires_at")):
        raise Invalid("members.plan_expires_at")
    _check_rank(role, Role(member.membership.role), changes)
    if changes.get("disabled") and user_id == actor.user_id:
        raise NotAllowed("members.self_disable")
    steps_down = changes.get("role", Role.owner) is not Role.owner or changes.get("disabled")
    if member.membership.role == Role.owner and steps_down:
        await _check_other_owner(db, actor, user_id)
    await _apply(db, actor, member, changes)
    return member


def _check_rank(own: Role, theirs: Role, changes: Changes) -> None:
    """Raise NotAllowed for changing a person with a higher role, or granting a role above one's own."""
    if theirs.rank > own.rank:
        raise NotAllowed("members.above_you")
    if changes.get("role", Role.user).rank > own.rank:
        raise NotAllowed("members.make_owner")


async def _check_other_owner(db: AsyncSession, actor: Actor, user_id: UUID) -> None:
    others = scoped(Membership, actor).where(
        Membership.role == Role.owner, ~col(Membership.disabled), Membership.user_id != user_id
    )
    if (await db.exec(others)).first() is None:
        raise NotAllowed("members.last_owner")


async def _apply(db: AsyncSession, actor: Actor, member: Member, changes: Changes) -> None:
    membership = member.membership
    was = Role(membership.role)
    for name, value in changes.items():
        setattr(membership, name, value.value if isinstance(value, Role) else value)
    membership.version += 1
    db.add(membership)
    await db.flush()
    if changes.get("disabled"):
        await end_sessions(db, membership.user_id)
        await logins.end_all(db, actor, membership.user_id)
    now = Role.user if changes.get("disabled") else Role(membership.role)
    if changes.get("disabled") or now.rank < was.rank:
        await invites.revoke_way_back(db, actor, membership.user_id, was, now)
    said = {name: str(value) for name, value in changes.items()}
    await audit.record(db, actor, "member.change", membership.user_id, **said)


async def end_sessions(db: AsyncSession, user_id: UUID) -> None:
    """End all sessions of the person, and the addresses of their feeds."""
    for model in (AppSession, Feed):
        live = col(model.user_id) == user_id, col(model.revoked_at).is_(None)
        await db.exec(update(model).where(*live).values(revoked_at=func.now()))
