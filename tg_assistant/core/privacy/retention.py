"""Retention periods of each group; older data is deleted once a day. Documented in docs/privacy.md."""

import ipaddress
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any, TypedDict, Unpack
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, exists, or_, update
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit
from tg_assistant.core.access import one_time_links, sessions
from tg_assistant.core.accounts import key_rotation
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import readable
from tg_assistant.core.group import tenants
from tg_assistant.core.messaging import inbox
from tg_assistant.core.names import Job
from tg_assistant.errors import Invalid
from tg_assistant.infra.clock import agreed
from tg_assistant.infra.postgres import jobs
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import (
    AccountTask,
    AuditEvent,
    Channel,
    Login,
    LoginStatus,
    Membership,
    Notification,
    Question,
    Role,
    SignIn,
    Subscription,
    Tenant,
)

log = structlog.get_logger()
EVERY = timedelta(days=1)
MAX_DAYS = 3650
_NOTIFICATIONS = timedelta(days=7)  # by then they are sent, or too old to be sent


@dataclass(frozen=True)
class Periods:
    """Periods in days. `posts` counts from when nobody in the group could read the channel any more."""

    posts: int = 90
    questions: int = 90
    sign_ins: int = 90
    addresses: int = 30  # afterwards only the network is stored: /24, /48
    jobs: int = 7
    audit: int = 365


class Changes(TypedDict, total=False):
    """Changes of periods, in days. None restores the default; a missing key leaves the value unchanged."""

    posts: int | None
    questions: int | None
    sign_ins: int | None
    addresses: int | None
    jobs: int | None
    audit: int | None


def of(tenant: Tenant) -> Periods:
    """Return the group's periods: its own, and the defaults for the rest."""
    own = {field.name: getattr(tenant, f"keep_{field.name}_days") for field in fields(Periods)}
    return Periods(**{name: days for name, days in own.items() if days is not None})


async def get(db: AsyncSession, actor: Actor) -> Periods:
    """Return the periods of the actor's group. Admins only."""
    actor.require(Role.admin)
    return of(await db.get_one(Tenant, actor.tenant, populate_existing=True))


async def change(db: AsyncSession, actor: Actor, **days: Unpack[Changes]) -> Periods:
    """Set periods of the actor's group and return all. Owners only, because deletion is final.

    Raises Invalid for a period outside 1…3650 days.
    """
    actor.require(Role.owner)
    tenant = await db.get_one(Tenant, actor.tenant, populate_existing=True)
    for name, value in days.items():
        if value is not None and (not isinstance(value, int) or not 1 <= value <= MAX_DAYS):
            raise Invalid("retention.days", max=MAX_DAYS)
        setattr(tenant, f"keep_{name}_days", value)
    db.add(tenant)
    await db.flush()
    await audit.record(db, actor, "retention.change", **{name: days[name] for name in sorted(days)})
    return of(tenant)


async def run_due(rt: Runtime) -> int:
    """Apply the periods of each group not processed for a day; return how many groups were.

    Several processes may call it at once. Stops while this process's clock and PostgreSQL's disagree.
    """
    async with rt.db.transaction() as db:
        everybody = await tenants.ids(db)
    done = 0
    for tenant_id in everybody:
        async with rt.db.transaction(tenant_id) as db:
            now = await agreed(db, rt.clock)
            if now is None:
                return done
            tenant = await _claim(db, tenant_id, now)
            if tenant is not None:
                await _keep(db, tenant, now)
                done += 1
    if done:
        await _keep_shared(rt)
    return done


async def _claim(db: AsyncSession, tenant_id: UUID, now: datetime) -> Tenant | None:
    """Claim the group if it is due and return it; one statement, so that only one process succeeds."""
    last = col(Tenant.retained_at)
    # a time in the future was written while the clocks were ahead; it might not be reached for years
    due = or_(last.is_(None), last <= now - EVERY, last > now + EVERY)
    claimed = update(Tenant).where(col(Tenant.id) == tenant_id, due).values(retained_at=now)
    if (await db.exec(claimed.returning(col(Tenant.id)))).first() is None:
        return None
    return await db.get_one(Tenant, tenant_id, populate_existing=True)


async def _keep(db: AsyncSession, tenant: Tenant, now: datetime) -> None:
    kept, mine = of(tenant), tenant.id

    def before(days: int) -> datetime:
        return now - timedelta(days=days)

    members = select(Membership.user_id).where(Membership.tenant_id == mine)
    old = {
        "questions": _delete(
            Question, col(Question.tenant_id) == mine, Question.created_at < before(kept.questions)
        ),
        "sign_ins": _delete(SignIn, col(SignIn.user_id).in_(members), SignIn.at < before(kept.sign_ins)),
        "logins": _delete(
            Login, col(Login.tenant_id) == mine, _over(), Login.created_at < before(kept.sign_ins)
        ),
        "tasks": _delete(
            AccountTask, col(AccountTask.tenant_id) == mine, col(AccountTask.done_at) < before(kept.jobs)
        ),
        "audit": _delete(AuditEvent, col(AuditEvent.tenant_id) == mine, AuditEvent.at < before(kept.audit)),
    }
    counts = {name: (await db.exec(statement)).rowcount for name, statement in old.items()}
    counts["addresses"] = await _truncate(db, col(SignIn.user_id).in_(members), before(kept.addresses))
    counts["channels"] = await _unread_channels(db, mine, now, before(kept.posts))
    log.info("retention.done", tenant=str(mine), kept=asdict(kept), deleted=counts)


def _delete(model: Any, *conditions: Any) -> Any:
    return delete(model).where(*conditions).execution_options(synchronize_session=False)


def _over() -> ColumnElement[bool]:
    # rows with an auth key that the janitor has yet to log out stay
    final = col(Login.status).in_([status for status in LoginStatus if status.final])
    return final & col(Login.pending_session).is_(None)


async def _truncate(db: AsyncSession, whose: ColumnElement[bool], before: datetime) -> int:
    """Truncate old addresses to their networks, /24 of IPv4 and /48 of IPv6; return how many."""
    found = select(SignIn).where(
        whose, SignIn.at < before, col(SignIn.address).is_not(None), ~col(SignIn.address).contains("/")
    )
    rows = (await db.exec(found)).all()
    for row in rows:
        row.address = network_of(row.address or "")
        db.add(row)
    return len(rows)


def network_of(address: str) -> str | None:
    """Return the network: 203.0.113.7 → 203.0.113.0/24, 2001:db8:1:2::3 → 2001:db8:1::/48.

    An IPv4-mapped IPv6 address counts as IPv4; None for text that is no address.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    return str(ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))


async def _unread_channels(db: AsyncSession, tenant_id: UUID, now: datetime, before: datetime) -> int:
    """Store since when nobody can read a channel; purge those unread since `before` and return how many.

    A channel without followers is purged at once. This is for channels whose followers are all disabled or
    have lost access, which may be restored.
    """
    mine, read = col(Channel.tenant_id) == tenant_id, readable.by_anybody()
    unread = col(Channel.unread_since)
    for condition, since in ((read & unread.is_not(None), None), (~read & unread.is_(None), now)):
        await db.exec(update(Channel).where(mine, condition).values(unread_since=since))
    gone = list((await db.exec(select(Channel.id).where(mine, ~read, unread <= before))).all())
    await db.exec(_delete(Subscription, col(Subscription.channel_id).in_(gone)))
    for channel_id in gone:
        payload = {"tenant_id": str(tenant_id), "channel_id": str(channel_id)}
        await jobs.enqueue(db, Job.purge_channel, payload)
    return len(gone)


async def _keep_shared(rt: Runtime) -> None:
    """Delete old data that belongs to no group, by the default periods: sign-ins of people without a group,
    links, sessions, notifications, the bot's updates, the queue's log, key rotations, audit events.
    """
    kept = Periods()
    groupless = ~exists().where(col(Membership.user_id) == col(SignIn.user_id))
    async with rt.db.transaction() as db:
        now = await agreed(db, rt.clock)
        if now is None:
            return
        await one_time_links.forget_old(db)
        await sessions.forget_old(db)
        await inbox.sweep(db)
        await jobs.forget_old(db, kept.jobs)
        await key_rotation.forget_old(db, now - timedelta(days=kept.jobs))
        await db.exec(_delete(Notification, Notification.created_at < now - _NOTIFICATIONS))
        await db.exec(_delete(SignIn, groupless, SignIn.at < now - timedelta(days=kept.sign_ins)))
        await _truncate(db, groupless, now - timedelta(days=kept.addresses))
        nobodys = col(AuditEvent.tenant_id).is_(None)
        await db.exec(_delete(AuditEvent, nobodys, AuditEvent.at < now - timedelta(days=kept.audit)))
