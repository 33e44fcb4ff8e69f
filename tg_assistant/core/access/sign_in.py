"""Authentication: every door gets its Actor here, and core functions check that Actor's rights first."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import case, delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit, plans
from tg_assistant.core.access import access_tokens, sessions
from tg_assistant.core.access.init_data import MAX_AGE, MAX_FUTURE, InitData, TelegramPerson, Validator
from tg_assistant.core.actor import Actor, scoped
from tg_assistant.errors import NotAllowed, NotFound, SignInNeeded
from tg_assistant.infra import clock
from tg_assistant.infra.clock import Clock, agreed
from tg_assistant.infra.postgres.db import set_tenant, set_user
from tg_assistant.models import Membership, Role, SeenInitData, SignIn, Tenant, User
from tg_assistant.texts import language_of


@dataclass(frozen=True)
class SignedIn:
    actor: Actor
    session_id: UUID
    resume_secret: str
    refresh_token: str
    start_param: str | None


@dataclass(frozen=True)
class SignInOrigin:
    """Where a sign-in came from. It is shown to the session's owner only and never logged."""

    door: str = "app"
    device: str = ""
    address: str | None = None


async def lock_role(db: AsyncSession, actor: Actor, least: Role) -> Role:
    """Return the actor's current role and lock it until this transaction ends.

    For writes that must not outlive the right to them: a concurrent revocation waits, and then sees them.
    Raises NotAllowed when the role is below `least` or the membership is disabled or gone.
    """
    if actor.door == "cli":
        return Role.owner  # the command line needs the database's password
    # the group is locked before its members, in the order its deletion locks them: what is written next also
    # references the group
    await hold_group(db, actor.tenant)
    own = scoped(Membership, actor).where(Membership.user_id == actor.user_id, ~col(Membership.disabled))
    locked = own.with_for_update(read=True).execution_options(populate_existing=True)
    mine = (await db.exec(locked)).first()
    if mine is None or Role(mine.role).rank < least.rank:
        raise NotAllowed("access.role")
    return Role(mine.role)


async def hold_member(db: AsyncSession, tenant_id: UUID, user_id: UUID) -> None:
    """Lock the person's membership until this transaction ends. Raises NotAllowed if disabled or missing.

    For background work that writes in the person's name: it must stop once they are disabled or removed.
    """
    own = select(Membership.disabled).where(Membership.tenant_id == tenant_id, Membership.user_id == user_id)
    disabled = (await db.exec(own.with_for_update(read=True))).first()
    if disabled is not False:
        raise NotAllowed("access.no_membership" if disabled is None else "access.disabled")


async def hold_group(db: AsyncSession, tenant_id: UUID) -> bool:
    """Set the transaction's tenant and lock the group against deletion until it ends.

    Returns False when the group no longer exists.
    """
    await set_tenant(db, tenant_id)
    group = select(Tenant.id).where(Tenant.id == tenant_id).with_for_update(read=True, key_share=True)
    return (await db.exec(group)).first() is not None


async def actor(db: AsyncSession, user_id: UUID, *, door: str, session_id: UUID | None = None) -> Actor:
    """Return the person with current rights, and set the transaction's user and tenant.

    Raises SignInNeeded for an unknown user and NotAllowed for a disabled member.
    """
    await set_user(db, user_id)
    query = (
        select(User, Membership)
        .join(Membership, col(Membership.user_id) == col(User.id), isouter=True)
        .where(User.id == user_id)
    )
    row = (await db.exec(query)).first()
    if row is None:
        raise SignInNeeded("access.signed_out")
    user, membership = row
    if membership and membership.disabled:  # an outer join: a user may have no membership
        raise NotAllowed("access.disabled")
    return await _checked(db, _described(db, user, membership, door), session_id)


async def actor_for_operator(db: AsyncSession, telegram_id: int) -> Actor:
    """Return the person with a Telegram id, even if disabled: their data remains theirs. Raises NotFound.

    Only for the operator, who exports or deletes data at the person's request; no public door may call this.
    """
    user = (await db.exec(select(User).where(User.telegram_id == telegram_id))).first()
    if user is None:
        raise NotFound("users.not_found")
    await set_user(db, user.id)
    membership = (await db.exec(select(Membership).where(Membership.user_id == user.id))).first()
    return await _checked(db, _described(db, user, membership, "cli"), None)


async def by_session(db: AsyncSession, session_id: UUID, *, door: str = "") -> Actor:
    """Return the person a live session belongs to, with current rights. Raises SignInNeeded, NotAllowed.

    `door` defaults to the one the session was started by.
    """
    session = await sessions.live(db, session_id)
    return await actor(db, session.user_id, door=door or session.door, session_id=session.id)


async def by_token(db: AsyncSession, token: str, *, secret: str, door: str) -> Actor:
    """Return the person an access token names, for REST and GraphQL. Raises SignInNeeded, NotAllowed."""
    claims = access_tokens.read(token, secret=secret)
    found = await by_session(db, claims.session_id, door=door)
    if found.user_id != claims.user_id:
        raise SignInNeeded("access.token")
    return found


def _described(db: AsyncSession, user: User, membership: Membership | None, door: str) -> Actor:
    return Actor(
        user_id=user.id,
        telegram_id=user.telegram_id,
        language=user.language,
        tenant_id=membership.tenant_id if membership else None,
        role=Role(membership.role) if membership else None,
        plan=plans.of_member(membership, clock.now(db)).name if membership else "free",
        door=door,
        name=f"{user.first_name} {user.last_name}".strip() or f"@{user.username}",
    )


async def _checked(db: AsyncSession, found: Actor, session_id: UUID | None) -> Actor:
    if found.tenant_id is not None:
        await set_tenant(db, found.tenant_id)
    return replace(found, session_id=session_id)


async def upsert_user(db: AsyncSession, person: TelegramPerson, *, door: str) -> Actor:
    """Insert or update a user whose identity Telegram confirmed (an update, init data); return the actor.

    Raises NotAllowed for a disabled member.
    """
    values = {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "username": person.username,
        "last_seen_at": clock.now(db),
    }
    # SQLAlchemy Core's insert skips the model's defaults, so every column without a server default is listed
    language = language_of(person.language_code)
    first = {"telegram_id": person.telegram_id, "language": language, "language_chosen": False}
    statement = insert(User).values(id=uuid4(), **first, **values)
    spoken = case((col(User.language_chosen), col(User.language)), else_=language)
    statement = statement.on_conflict_do_update(
        index_elements=["telegram_id"], set_={**values, "language": spoken}
    ).returning(col(User.id))
    user_id = (await db.exec(statement)).scalar_one()
    return await actor(db, user_id, door=door)


async def set_language(db: AsyncSession, actor: Actor, language: str) -> Actor:
    """Store the chosen language; from then on the language code from Telegram is ignored."""
    user = await db.get_one(User, actor.user_id)
    user.language, user.language_chosen = language, True
    return replace(actor, language=language)


async def sign_in(
    db: AsyncSession, init_data: str, *, validator: Validator, clock: Clock, origin: SignInOrigin
) -> SignedIn:
    """Exchange init data for a session of our own.

    Raises SignInNeeded for invalid or already used init data, and NotAllowed for a disabled member.
    """
    data = validator.check(init_data, clock.now())
    await _use_once(db, data)
    person = await upsert_user(db, data.person, door=origin.door)
    return await start_session(db, person, now=clock.now(), origin=origin, start_param=data.start_param)


async def start_session(
    db: AsyncSession, person: Actor, *, now: datetime, origin: SignInOrigin, start_param: str | None = None
) -> SignedIn:
    """Start a session for a person whose identity is proven. Raises NotAllowed for a disabled member."""
    if person.tenant_id is not None:
        # a concurrent disabling waits for this transaction, and then ends this session with the others
        query = select(Membership.disabled).where(Membership.user_id == person.user_id)
        if (await db.exec(query.with_for_update(read=True))).first():
            raise NotAllowed("access.disabled")
    session = await sessions.start(db, person.user_id, device=origin.device, now=now, door=origin.door)
    await note_sign_in(db, origin, user_id=person.user_id, session_id=session.id)
    await audit.record(db, person, "session.start", session.id)
    signed = replace(person, session_id=session.id)
    return SignedIn(signed, session.id, session.resume_secret, session.refresh_token, start_param)


async def note_sign_in(
    db: AsyncSession,
    origin: SignInOrigin,
    *,
    outcome: str = "ok",
    user_id: UUID | None = None,
    session_id: UUID | None = None,
) -> None:
    """Store a sign-in, or the error code of a failed one in `outcome`; never the credentials presented."""
    device = origin.device.replace("\x00", "")[:200]
    row = SignIn(user_id=user_id, session_id=session_id, door=origin.door, device=device, outcome=outcome)
    row.address = origin.address
    db.add(row)


async def forget_used(db: AsyncSession, clock: Clock) -> None:
    """Delete digests of init data that expired more than a day ago; none while the clocks disagree."""
    if (now := await agreed(db, clock)) is not None:
        old = col(SeenInitData.expires_at) < now - timedelta(days=1)
        await db.exec(delete(SeenInitData).where(old))


async def _use_once(db: AsyncSession, data: InitData) -> None:
    expires = datetime.fromtimestamp(data.auth_date + MAX_AGE + MAX_FUTURE, UTC)
    statement = (
        insert(SeenInitData)
        .values(digest=data.digest, expires_at=expires)
        .on_conflict_do_nothing()
        .returning(col(SeenInitData.digest))
    )
    if (await db.exec(statement)).first() is None:
        raise SignInNeeded("access.init_data_seen")
