"""The doors' side of connecting an account by QR: start, watch, cancel, and the second screen's page.

Only ingest talks to Telegram (`login_steps` is its side); both sides share the attempt's row.
"""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, insert, text, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit
from tg_assistant.core.access import sessions
from tg_assistant.core.actor import Actor, scoped
from tg_assistant.core.names import Topic
from tg_assistant.errors import Invalid, InviteSpent, NotFound, SignInNeeded
from tg_assistant.infra import metrics
from tg_assistant.infra.crypto import seal_password
from tg_assistant.infra.postgres.db import run_text, set_link, set_tenant
from tg_assistant.infra.postgres.events import notify
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Login, LoginStatus, Membership, User

SESSION_ENDED = "session_ended"  # a value of `Login.reason`, set by the trigger of migration 0012
MAX_LIVE = 3
MAX_PASSWORD = 256
_LINK_SECONDS = 600
_AHEAD_SECONDS = 60  # a reader's transaction may have begun this much before the link was made
_POLL_SECONDS = 2.0
_FINAL = [status.value for status in LoginStatus if status.final]

# cleared when an attempt becomes final; the pending auth key stays until it is logged out
NO_SECRETS: dict[str, Any] = dict.fromkeys(
    ("qr_url", "qr_expires_at", "password_hint", "password_key", "password_sealed")
)


@dataclass(frozen=True)
class Started:
    """A new attempt. `link_token` is shown to the person once; the database stores only its hash."""

    login: Login
    link_token: str


@dataclass(frozen=True)
class LinkView:
    """What is shown about a connect link before it is spent: whose account is being connected."""

    who: str
    language: str
    expires_at: datetime
    spent: bool


async def start(db: AsyncSession, actor: Actor, *, device: str = "", ttl: int = 600) -> Started:
    """Start an attempt that expires after `ttl` seconds, and no later than the actor's session.

    A person has at most MAX_LIVE live attempts; older ones are cancelled. Raises SignInNeeded when the
    session has just ended.
    """
    actor.require()
    one_at_a_time = select(User.id).where(User.id == actor.user_id).with_for_update(key_share=True)
    await db.exec(one_at_a_time)
    query = scoped(Login, actor).where(Login.user_id == actor.user_id, col(Login.status).not_in(_FINAL))
    alive = (await db.exec(query.order_by(col(Login.created_at).desc()).with_for_update())).all()
    for old in alive[MAX_LIVE - 1 :]:
        await _cancel(db, old, "replaced")
    token = secrets.token_urlsafe(32)
    now = (await db.exec(select(func.now()))).one()
    login = await _add(
        db,
        tenant_id=actor.tenant,
        user_id=actor.user_id,
        session_id=actor.session_id,
        device=device.replace("\x00", "")[:200],
        link_hash=_hash(token),
        created_at=now,
        expires_at=min(now + timedelta(seconds=ttl), await _session_ends(db, actor)),
    )
    await audit.record(db, actor, "login.start", login.id)
    metrics.auth_qr_start_total.inc()
    await db.flush()
    await notify(db, Topic.login, str(login.id))
    return Started(login, token)


async def _add(db: AsyncSession, **values: Any) -> Login:
    """Insert without the ORM, which would list every column: the door's role may not write all of them."""
    first = {"id": uuid4(), "status": LoginStatus.pending.value, "password_tries": 0, "lease_epoch": 0}
    made = await db.exec(insert(Login).values(**first, **values).returning(col(Login.id)))
    return await db.get_one(Login, made.scalar_one())


async def _session_ends(db: AsyncSession, actor: Actor) -> datetime:
    """Return the end of the actor's session, which ends the attempt, too. Raises SignInNeeded."""
    if actor.session_id is None:
        return datetime.max.replace(tzinfo=UTC)
    return (await sessions.live(db, actor.session_id)).expires_at


async def status(db: AsyncSession, actor: Actor, login_id: UUID) -> Login:
    """Return one of the actor's attempts. Raises NotFound for an unknown one and for another person's."""
    actor.require()
    query = scoped(Login, actor).where(Login.id == login_id, Login.user_id == actor.user_id)
    login = (await db.exec(query.execution_options(populate_existing=True))).first()
    if login is None:
        raise NotFound("logins.not_found")
    return login


async def newest(db: AsyncSession, actor: Actor) -> Login | None:
    """Return the actor's latest attempt or None, for a screen that has lost its state."""
    actor.require()
    query = scoped(Login, actor).where(Login.user_id == actor.user_id).order_by(col(Login.created_at).desc())
    return (await db.exec(query.limit(1).execution_options(populate_existing=True))).first()


async def watch(rt: Runtime, actor: Actor, login_id: UUID) -> AsyncIterator[Login]:
    """Yield the attempt now and after each change, up to its final status. Raises NotFound."""
    seen: datetime | None = None
    async with rt.events.listening(Topic.login, str(login_id)) as event:
        while True:
            event.clear()
            async with rt.db.transaction(actor.tenant) as db:
                login = await status(db, actor, login_id)
            if login.updated_at != seen:
                seen = login.updated_at
                yield login
            if LoginStatus(login.status).final:
                return
            await event.within(_POLL_SECONDS)


async def cancel(db: AsyncSession, actor: Actor, login_id: UUID) -> Login:
    """Cancel the attempt unless it has ended; return it. Ingest logs out its auth key. Raises NotFound."""
    login = await status(db, actor, login_id)
    await _cancel(db, login)
    return login


async def end_all(db: AsyncSession, actor: Actor, user_id: UUID) -> None:
    """Cancel all live attempts of a user of the actor's group, and with them the second screen's pages."""
    open_ = Login.user_id == user_id, col(Login.status).not_in(_FINAL)
    for login in (await db.exec(scoped(Login, actor).where(*open_).with_for_update())).all():
        await _cancel(db, login)


async def settled(rt: Runtime, actor: Actor, *, seconds: float = 5) -> bool:
    """Wait up to `seconds` until all auth keys of the actor's attempts are logged out; return whether so."""
    held = select(Login.id).where(Login.user_id == actor.user_id, col(Login.key_pending))
    async with rt.events.listening(Topic.login) as event:
        ends = asyncio.get_running_loop().time() + seconds
        while True:
            event.clear()
            async with rt.db.transaction(actor.tenant) as db:
                if (await db.exec(held)).first() is None:
                    return True
            left = ends - asyncio.get_running_loop().time()
            if left <= 0:
                return False
            await event.within(min(left, _POLL_SECONDS))


async def look(db: AsyncSession, link_token: str) -> LinkView:
    """Return whose link it is, without spending it: Telegram fetches links to preview them.

    Raises NotFound for an unknown or expired link, and InviteSpent once the session that started it is over.
    """
    login, user = await _by_hash(db, Login.link_hash, link_token)
    who = f"{user.first_name} {user.last_name}".strip() or f"@{user.username}"
    ends = min(login.expires_at, login.created_at + timedelta(seconds=_LINK_SECONDS))
    return LinkView(who, user.language, ends, spent=login.page_hash is not None)


async def spend(db: AsyncSession, link_token: str) -> tuple[str, Login]:
    """Exchange the link for its page's token, once.

    Raises what `look` does, and InviteSpent if the link is spent already. The page may show
    the QR, send the 2FA password and cancel; its token never becomes a session.
    """
    login, _ = await _by_hash(db, Login.link_hash, link_token)
    page_token = secrets.token_urlsafe(32)
    statement = (
        update(Login)
        .where(col(Login.id) == login.id, col(Login.page_hash).is_(None))
        .values(page_hash=_hash(page_token))
    )
    if (await db.exec(statement)).rowcount != 1:
        raise InviteSpent("logins.link_spent")
    await audit.record(db, None, "login.link", login.id, tenant_id=login.tenant_id, user_id=login.user_id)
    await db.refresh(login)
    await _touched(db, login)  # the first screen waits for this change
    return page_token, login


async def by_page(db: AsyncSession, page_token: str) -> Login:
    """Return the attempt of a spent link's page.

    Raises NotFound from ten minutes after the attempt's expiry, and InviteSpent as `look` does.
    """
    login, _ = await _by_hash(db, Login.page_hash, page_token, over=True)
    return login


async def submit_password(db: AsyncSession, page_token: str, password: str) -> Login:
    """Seal the password with the public key ingest made for this attempt, and store it.

    Raises Invalid when no password is asked for or its length is wrong, and what `by_page` raises.
    """
    login = await by_page(db, page_token)
    if login.status != LoginStatus.password_required or login.password_key is None:
        raise Invalid("logins.no_password_asked")
    if not 1 <= len(password) <= MAX_PASSWORD:
        raise Invalid("logins.password_length", max=MAX_PASSWORD)
    login.password_sealed = seal_password(password, login.password_key, login.id)
    await _touched(db, login)
    return login


async def cancel_by_page(db: AsyncSession, page_token: str) -> Login:
    """Cancel the attempt from the second screen, unless it has ended. Raises what `by_page` does."""
    login = await by_page(db, page_token)
    await _cancel(db, login)
    return login


async def _by_hash(
    db: AsyncSession, column: bytes | None, token: str, *, over: bool = False
) -> tuple[Login, User]:
    await set_link(db, _hash(token))
    query = (
        select(Login, User)
        .join(User, col(User.id) == col(Login.user_id))
        .where(col(column) == _hash(token))
        .where(col(Login.expires_at) > func.now() - timedelta(seconds=_LINK_SECONDS if over else 0))
        .where(over or col(Login.created_at) > func.now() - timedelta(seconds=_LINK_SECONDS))
        # created in the future means PostgreSQL's clock was set back, which must not extend the link's life
        .where(col(Login.created_at) < func.now() + timedelta(seconds=_AHEAD_SECONDS))
        .execution_options(populate_existing=True)
    )
    found = (await db.exec(query)).first()
    if found is None:
        raise NotFound("logins.link_unknown")
    login, user = found
    await set_tenant(db, login.tenant_id)
    await _check_begun_by_somebody(db, login)
    if not over and LoginStatus(login.status).final:
        raise NotFound("logins.link_unknown")
    return login, user


async def _check_begun_by_somebody(db: AsyncSession, login: Login) -> None:
    """Raise InviteSpent once the session that started the attempt is over, or its person is disabled.

    PostgreSQL itself ends the attempt together with its session, however that ends (migration 0012).
    """
    try:
        if login.session_id is not None:
            await sessions.live(db, login.session_id)
    except SignInNeeded as ended:
        raise InviteSpent("logins.session_ended") from ended
    theirs = Membership.user_id == login.user_id, Membership.tenant_id == login.tenant_id
    member = select(Membership.id).where(*theirs, ~col(Membership.disabled))
    if login.reason == SESSION_ENDED or (await db.exec(member)).first() is None:
        raise InviteSpent("logins.session_ended")


async def _cancel(db: AsyncSession, login: Login, reason: str | None = None) -> None:
    """Cancel through a function of migration 0012: a door with write access could show a foreign QR code."""
    if LoginStatus(login.status).final:
        return
    await run_text(db, text("SELECT cancel_login(:id, :why)"), id=login.id, why=reason)
    await _told(db, login)


async def _touched(db: AsyncSession, login: Login) -> None:
    login.updated_at = func.clock_timestamp()  # type: ignore[assignment]
    db.add(login)
    await db.flush()
    await _told(db, login)


async def _told(db: AsyncSession, login: Login) -> None:
    await db.refresh(login)
    await notify(db, Topic.login, str(login.id))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
