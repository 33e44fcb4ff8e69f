"""Invites: the only way into a tenant. Redeeming is one atomic transaction."""

import re
import secrets
import string
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit
from tg_assistant.core.access import Actor, scoped
from tg_assistant.errors import AlreadyExists, Invalid, InviteSpent, NotFound
from tg_assistant.infra.db import set_tenant
from tg_assistant.models import Invite, Membership, Role

CODE_LENGTH = 12
_ALPHABET = string.ascii_uppercase + string.digits
_CODE = re.compile(rf"[A-Z0-9]{{{CODE_LENGTH}}}", re.ASCII)


def new(
    tenant_id: UUID,
    *,
    role: Role,
    uses_limit: int = 1,
    expires_at: datetime | None = None,
    created_by: UUID | None = None,
    notes: str = "",
) -> Invite:
    """An invite with a fresh code of 12 letters and digits (62 bits); not yet saved."""
    code = "".join(secrets.choice(_ALPHABET) for _ in range(CODE_LENGTH))
    return Invite(
        code=code,
        tenant_id=tenant_id,
        role=role.value,
        uses_limit=uses_limit,
        expires_at=expires_at,
        created_by=created_by,
        notes=notes,
    )


async def create(
    db: AsyncSession,
    actor: Actor,
    *,
    role: Role = Role.user,
    uses_limit: int = 1,
    expires_at: datetime | None = None,
    notes: str = "",
) -> Invite:
    """Admins of the tenant only. `uses_limit` 0 = unlimited. Raises Invalid for an owner's role."""
    actor.require(Role.admin)
    _check(role, uses_limit, expires_at, notes)
    invite = new(
        actor.tenant,
        role=role,
        uses_limit=uses_limit,
        expires_at=expires_at,
        created_by=actor.user_id if actor.telegram_id else None,
        notes=notes,
    )
    db.add(invite)
    await audit.record(db, actor, "invite.create", _hint(invite.code), role=role.value, uses_limit=uses_limit)
    await db.flush()
    return invite


def _check(role: Role, uses_limit: int, expires_at: datetime | None, notes: str) -> None:
    if role is Role.owner:
        raise Invalid("invites.owner_role")
    if not 0 <= uses_limit <= 10_000:
        raise Invalid("invites.uses_limit", max=10_000)
    if expires_at is not None and expires_at.tzinfo is None:
        raise Invalid("invites.expires_at")
    if len(notes) > 500:
        raise Invalid("invites.notes", max=500)


def operator(tenant_id: UUID) -> Actor:
    """The actor of the command line: whoever holds the database's password administers every tenant."""
    return Actor(UUID(int=0), 0, "en", tenant_id, Role.owner, "free", "cli")


async def get(db: AsyncSession, actor: Actor, code: str) -> Invite:
    actor.require(Role.admin)
    invite = (await db.exec(scoped(Invite, actor).where(Invite.code == clean(code)))).first()
    if invite is None:
        raise NotFound("invites.not_found")
    return invite


async def list_(
    db: AsyncSession, actor: Actor, *, status: str | None = None, limit: int = 50
) -> list[Invite]:
    """The tenant's invites, the newest first; `status` is active, revoked or expired."""
    actor.require(Role.admin)
    expired = col(Invite.expires_at) <= func.now()
    conditions = {
        "active": [col(Invite.active), or_(col(Invite.expires_at).is_(None), ~expired)],
        "revoked": [~col(Invite.active)],
        "expired": [expired],
        None: [],
    }
    if status not in conditions:
        raise Invalid("invites.status")
    query = (
        scoped(Invite, actor).where(*conditions[status]).order_by(col(Invite.created_at).desc()).limit(limit)
    )
    return list((await db.exec(query)).all())


async def revoke(db: AsyncSession, actor: Actor, code: str) -> Invite:
    invite = await get(db, actor, code)
    invite.active = False
    await audit.record(db, actor, "invite.revoke", _hint(invite.code))
    return invite


def clean(code: str) -> str:
    """The code as stored. Accepts `inv_`, spaces, dashes, lower case. Raises Invalid."""
    text = re.sub(r"[\s\-]", "", code.strip().removeprefix("inv_")).upper()
    if not _CODE.fullmatch(text):
        raise Invalid("invites.bad_code")
    return text


async def redeem(db: AsyncSession, actor: Actor, code: str) -> Membership:
    """Join the invite's tenant. Raises InviteSpent when it is used up, revoked, expired or unknown."""
    code = clean(code)
    if actor.tenant_id is not None:
        raise AlreadyExists("invites.already_member")
    invite = await _use(db, code, actor.user_id)
    await set_tenant(db, invite.tenant_id)
    membership = Membership(tenant_id=invite.tenant_id, user_id=actor.user_id, role=invite.role)
    await _insert(db, membership)
    who = {"tenant_id": invite.tenant_id, "user_id": actor.user_id}
    await audit.record(db, None, "invite.redeem", _hint(code), **who)
    return membership


def _hint(code: str) -> str:
    """Enough to know the invite by; the whole code lets people in, so it stays out of logs and audit."""
    return f"{code[:4]}…"


async def _use(db: AsyncSession, code: str, user_id: UUID) -> Invite:
    # the condition and the increment are one statement: of two racers for the last use, one changes no row
    statement = (
        update(Invite)
        .where(col(Invite.code) == code, col(Invite.active))
        .where(or_(col(Invite.uses_limit) == 0, col(Invite.uses_count) < col(Invite.uses_limit)))
        .where(or_(col(Invite.expires_at).is_(None), col(Invite.expires_at) > func.now()))
        .values(uses_count=Invite.uses_count + 1, last_used_at=func.now(), last_used_by=user_id)
        .returning(col(Invite.code))
    )
    if (await db.exec(statement)).first() is None:  # type: ignore[call-overload]
        raise InviteSpent("invites.spent")
    return (await db.exec(select(Invite).where(Invite.code == code))).one()


async def _insert(db: AsyncSession, membership: Membership) -> None:
    db.add(membership)
    try:
        await db.flush()
    except IntegrityError:
        raise AlreadyExists("invites.already_member") from None
