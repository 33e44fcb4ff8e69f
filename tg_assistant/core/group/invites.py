"""Invites: the only way into a tenant. Redeeming is one atomic transaction."""

import re
import secrets
import string
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, Unpack
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, func, or_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit, pagination
from tg_assistant.core.access.sign_in import hold_group, lock_role
from tg_assistant.core.actor import Actor, scoped
from tg_assistant.core.moments import settable
from tg_assistant.errors import AlreadyExists, Invalid, InviteSpent, NotFound
from tg_assistant.infra import bot_api
from tg_assistant.infra.postgres.db import set_invite
from tg_assistant.infra.postgres.pg_text import storable
from tg_assistant.models import Invite, InviteUse, Membership, Role, User
from tg_assistant.settings.groups import TelegramSettings

CODE_LENGTH = 12
_ALPHABET = string.ascii_uppercase + string.digits
_BETWEEN = re.compile(r"[\s\-]")
DEFAULT_USES = 1  # of an invite that an admin creates, through any door
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
    """Return an unsaved invite with a new random code of 12 letters and digits (62 bits)."""
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
    uses_limit: int = DEFAULT_USES,
    expires_at: datetime | None = None,
    notes: str = "",
) -> Invite:
    """Create an invite; `uses_limit` 0 means unlimited. Admins only. Raises Invalid, also for role owner."""
    actor.require(Role.admin)
    _check(role, uses_limit, expires_at, notes)
    await lock_role(db, actor, Role.admin)
    invite = new(
        actor.tenant,
        role=role,
        uses_limit=uses_limit,
        expires_at=expires_at,
        created_by=actor.user_id if actor.telegram_id else None,
        notes=storable(notes),
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
    if not settable(expires_at):
        raise Invalid("invites.expires_at")
    if len(notes) > 500:
        raise Invalid("invites.notes", max=500)


def state_of(invite: Invite, now: datetime) -> str:
    """Return "revoked", "expired", "spent" or "active"; only an active invite can be redeemed."""
    if not invite.active:
        return "revoked"
    if invite.expires_at is not None and invite.expires_at <= now:
        return "expired"
    return "spent" if 0 < invite.uses_limit <= invite.uses_count else "active"


def operator(tenant_id: UUID) -> Actor:
    """Return the actor of the command line: access to the database implies owner's rights in every tenant."""
    return Actor(UUID(int=0), 0, "en", tenant_id, Role.owner, "free", "cli")


def _seen_by(actor: Actor) -> Any:
    """Return a query without owner invites for all but owners: an admin could make an owner with the code."""
    query = scoped(Invite, actor)
    return query if actor.role is Role.owner else query.where(Invite.role != Role.owner)


async def get(db: AsyncSession, actor: Actor, code: str) -> Invite:
    """Return an invite the actor may see. Admins only. Raises NotFound, and Invalid for a malformed code."""
    actor.require(Role.admin)
    invite = (await db.exec(_seen_by(actor).where(Invite.code == clean(code)))).first()
    if invite is None:
        raise NotFound("invites.not_found")
    return invite


def _status(status: str | None) -> ColumnElement[bool]:
    expired = func.coalesce(col(Invite.expires_at) <= func.now(), false())
    conditions: dict[str | None, ColumnElement[bool]] = {
        "active": col(Invite.active) & ~expired,
        "revoked": ~col(Invite.active),
        "expired": col(Invite.active) & expired,
        None: ~false(),
    }
    if status not in conditions:
        raise Invalid("invites.status")
    return conditions[status]


async def list_(
    db: AsyncSession, actor: Actor, *, status: str | None = None, limit: int = 50, cursor: str | None = None
) -> pagination.Page[Invite]:
    """Return the group's invites, the newest first. Admins only.

    `status` is "active" (spent ones included), "revoked", "expired" or None for all; Invalid for any other.
    """
    actor.require(Role.admin)
    order = pagination.Order[Invite](
        col(Invite.created_at), col(Invite.code), lambda one: (one.created_at, one.code), clean
    )
    query = _seen_by(actor).where(_status(status))
    return await pagination.page(db, query, order, limit=limit, cursor=cursor)


async def revoke(db: AsyncSession, actor: Actor, code: str) -> Invite:
    """Revoke the invite and return it; those that joined with it stay members. Raises what `get` does."""
    invite = await get(db, actor, code)
    invite.active = False
    await audit.record(db, actor, "invite.revoke", _hint(invite.code))
    return invite


def regaining_invites(user_id: UUID, was: Role, to: Role) -> ColumnElement[bool]:
    """Return the condition of invites with which a person could regain a role that they lose.

    These are the invites they created, and all that grant a role they lose: they could have read those codes.
    """
    lost = [role.value for role in Role if to.rank < role.rank <= was.rank]
    return col(Invite.active) & ((col(Invite.created_by) == user_id) | col(Invite.role).in_(lost))


async def revoke_way_back(db: AsyncSession, actor: Actor, user_id: UUID, was: Role, to: Role) -> None:
    """Revoke the invites of `regaining_invites`; call when a person's role is lowered from `was` to `to`."""
    actor.require(Role.admin)
    for invite in (await db.exec(scoped(Invite, actor).where(regaining_invites(user_id, was, to)))).all():
        invite.active = False
        await audit.record(db, actor, "invite.revoke", _hint(invite.code), member=str(user_id))


class Changes(TypedDict, total=False):
    """What may be changed of an invite, which excludes its role. A missing key leaves the value unchanged."""

    uses_limit: int
    expires_at: datetime | None
    notes: str


async def change(db: AsyncSession, actor: Actor, code: str, **changes: Unpack[Changes]) -> Invite:
    """Change the invite and return it. Raises what `get` does, and Invalid for values out of range."""
    invite = await get(db, actor, code)
    wanted: dict[str, Any] = {"uses_limit": invite.uses_limit, "expires_at": None, "notes": "", **changes}
    _check(Role.user, **wanted)
    for name, value in changes.items():
        setattr(invite, name, storable(value))
    db.add(invite)
    await db.flush()
    await audit.record(db, actor, "invite.change", _hint(invite.code), fields=sorted(changes))
    return invite


async def delete(db: AsyncSession, actor: Actor, code: str) -> None:
    """Delete the invite and the record of its uses; the audit trail remains. Raises what `get` does."""
    invite = await get(db, actor, code)
    await db.delete(invite)
    await audit.record(db, actor, "invite.delete", _hint(invite.code), uses_count=invite.uses_count)
    await db.flush()


@dataclass(frozen=True)
class Use:
    """A use of an invite; `user` is None if the person has been erased since."""

    use: InviteUse
    user: User | None


async def usage(
    db: AsyncSession, actor: Actor, code: str, *, limit: int = 50, cursor: str | None = None
) -> pagination.Page[Use]:
    """Return the uses of the invite, the latest first. Raises what `get` does."""
    invite = await get(db, actor, code)
    query = (
        select(InviteUse, User)
        .join(User, col(User.id) == col(InviteUse.user_id), isouter=True)
        .where(InviteUse.tenant_id == actor.tenant, InviteUse.code == invite.code)
    )
    order = pagination.Order[Any](col(InviteUse.at), col(InviteUse.id), lambda row: (row[0].at, row[0].id))
    found = await pagination.page(db, query, order, limit=limit, cursor=cursor)
    return pagination.Page([Use(*row) for row in found.items], found.next_cursor)


async def link(telegram: TelegramSettings, code: str) -> str:
    """Return the URL that opens the bot and redeems the invite. Raises Unavailable if Telegram is."""
    return f"https://t.me/{await bot_api.username(telegram)}?start=inv_{code}"


def clean(code: str) -> str:
    """Normalise a code to its stored form. Accepts `inv_`, spaces, dashes, lower case. Raises Invalid."""
    text = _BETWEEN.sub("", code.strip().removeprefix("inv_")).upper()
    if not _CODE.fullmatch(text):
        raise Invalid("invites.bad_code")
    return text


async def redeem(db: AsyncSession, actor: Actor, code: str) -> Membership:
    """Join the invite's tenant; return the membership.

    Raises Invalid for a malformed code, and InviteSpent when it is used up, revoked, expired or unknown.
    Raises AlreadyExists for a member with a valid code, without counting a use.
    """
    await set_invite(db, code := clean(code))
    if actor.tenant_id is not None:
        if (await db.exec(select(Invite.code).where(_good(code)))).first() is None:
            raise InviteSpent("invites.spent")
        raise AlreadyExists("invites.already_member")
    whose = (await db.exec(select(Invite.tenant_id).where(Invite.code == code))).first()
    if whose is None or not await hold_group(db, whose):  # locks in the order of a group's deletion
        raise InviteSpent("invites.spent")
    invite = await _use(db, code, actor.user_id)
    who: Any = {"tenant_id": whose, "user_id": actor.user_id}
    await _insert(db, membership := Membership(**who, role=invite.role))
    db.add(InviteUse(**who, code=invite.code))
    await audit.record(db, None, "invite.redeem", _hint(code), **who)
    return membership


def _hint(code: str) -> str:
    """Return enough of the code to recognise it; the whole code grants access, so it is never logged."""
    return f"{code[:4]}…"


def _good(code: str) -> ColumnElement[bool]:
    """Return the condition of the invite with this code, provided it can be redeemed."""
    return and_(
        col(Invite.code) == code,
        col(Invite.active),
        or_(col(Invite.uses_limit) == 0, col(Invite.uses_count) < col(Invite.uses_limit)),
        or_(col(Invite.expires_at).is_(None), col(Invite.expires_at) > func.now()),
    )


async def _use(db: AsyncSession, code: str, user_id: UUID) -> Invite:
    # condition and increment are one statement: of concurrent calls for the last use one changes the row
    statement = (
        update(Invite)
        .where(_good(code))
        .values(uses_count=Invite.uses_count + 1, last_used_at=func.now(), last_used_by=user_id)
        .returning(col(Invite.code))
    )
    if (await db.exec(statement)).first() is None:
        raise InviteSpent("invites.spent")
    return (await db.exec(select(Invite).where(Invite.code == code))).one()


async def _insert(db: AsyncSession, membership: Membership) -> None:
    db.add(membership)
    try:
        await db.flush()
    except IntegrityError:
        raise AlreadyExists("invites.already_member") from None
