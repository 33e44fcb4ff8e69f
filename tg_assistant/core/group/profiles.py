"""Profiles of people: for themselves and for their group's admins."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit, plans
from tg_assistant.core.access import sign_in
from tg_assistant.core.actor import Actor
from tg_assistant.core.plans import Plan
from tg_assistant.errors import Invalid, NotAllowed, NotFound
from tg_assistant.infra import clock
from tg_assistant.models import Membership, Role, User
from tg_assistant.texts import LANGUAGES


@dataclass(frozen=True)
class Profile:
    """A person and their membership, None until an invite is redeemed."""

    user: User
    membership: Membership | None


@dataclass(frozen=True)
class PlanInForce:
    """The current plan; at `expires_at`, if set, the free plan replaces it."""

    plan: Plan
    expires_at: datetime | None


async def get(db: AsyncSession, actor: Actor, who: int | UUID) -> Profile:
    """Return a person by id or Telegram id: the actor or, for admins, a member of their group.

    Raises NotFound for anyone else.
    """
    query = select(User, Membership).join(Membership, col(Membership.user_id) == col(User.id), isouter=True)
    if isinstance(who, UUID):
        query = query.where(User.id == who)
    elif 0 < who < 2**63:
        query = query.where(User.telegram_id == who)
    else:
        raise NotFound("users.not_found")
    row = (await db.exec(query)).first()
    if row is None or not _visible(actor, *row):
        raise NotFound("users.not_found")
    return Profile(*row)


def _visible(actor: Actor, user: User, membership: Membership | None) -> bool:
    if user.id == actor.user_id:
        return True
    is_admin = actor.role is not None and actor.role.rank >= Role.admin.rank
    return is_admin and membership is not None and membership.tenant_id == actor.tenant_id


async def set_language(db: AsyncSession, actor: Actor, who: int | UUID, language: str) -> Profile:
    """Set the language the product uses for this person; return the profile.

    Raises NotFound as `get` does, Invalid for an unknown language, NotAllowed for a higher-ranking person.
    """
    profile = await get(db, actor, who)
    if language not in LANGUAGES:
        raise Invalid("users.language", languages=", ".join(LANGUAGES))
    role = Role(profile.membership.role) if profile.membership else Role.user
    if profile.user.id != actor.user_id and (actor.role is None or role.rank > actor.role.rank):
        raise NotAllowed("members.above_you")
    if profile.user.id == actor.user_id:
        await sign_in.set_language(db, actor, language)
    else:
        profile.user.language, profile.user.language_chosen = language, True
        db.add(profile.user)
        await audit.record(db, actor, "member.language", profile.user.id, language=language)
    return profile


async def plan_of(db: AsyncSession, actor: Actor, who: int | UUID) -> PlanInForce:
    """Return the person's current plan. Raises NotFound as `get` does."""
    membership = (await get(db, actor, who)).membership
    if membership is None:
        return PlanInForce(plans.of("free"), None)
    now, ends = clock.now(db), membership.plan_expires_at
    return PlanInForce(plans.of_member(membership, now), ends if ends is not None and ends > now else None)
