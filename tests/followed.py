"""Accounts and channels people follow, put straight into the database: for tests of core without Telegram."""

from collections.abc import Sequence
from itertools import count

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tests.corpus import NOW
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import following
from tg_assistant.core.channels.following import Found
from tg_assistant.core.channels.known_ranges import Range
from tg_assistant.core.posts.ingestion import IncomingPost
from tg_assistant.models import Account, AccountTask, Channel, Dialog, Tenant

_numbers = count(5_000)


def found(**changes: object) -> Found:
    """A public channel nobody followed before."""
    number = next(_numbers)
    facts = {"telegram_id": number, "title": f"News {number}", "username": f"news_{number}", "access_hash": 7}
    return Found(**{**facts, **changes})


async def account(db: AsyncSession, actor: Actor) -> Account:
    """The actor's connected Telegram account."""
    linked = Account(tenant_id=actor.tenant, user_id=actor.user_id, telegram_id=actor.telegram_id)
    db.add(linked)
    await db.flush()
    return linked


async def follow(db: AsyncSession, actor: Actor, what: Found) -> Channel:
    """The actor follows `what` with their account."""
    return await following.follow(db, await following.own_account(db, actor), what)


async def listed(db: AsyncSession, owner: Account, what: Found) -> None:
    """`what` stands in the account's own list of channels."""
    db.add(
        Dialog(
            account_id=owner.id,
            tenant_id=owner.tenant_id,
            telegram_id=what.telegram_id,
            access_hash=what.access_hash or 0,
            title=what.title,
            username=what.username,
            private=what.private,
        )
    )
    await db.flush()


async def open_tasks(db: AsyncSession, tenant: Tenant, kind: str = "history") -> Sequence[AccountTask]:
    """What Telegram is still to be asked."""
    query = select(AccountTask).where(
        AccountTask.tenant_id == tenant.id, AccountTask.kind == kind, col(AccountTask.done_at).is_(None)
    )
    return (await db.exec(query)).all()


def post(message_id: int, text: str = "", **facts: object) -> IncomingPost:
    return IncomingPost(message_id, NOW, text or f"Post {message_id}", **facts)


def page(ids: Range) -> list[IncomingPost]:
    return [post(id_) for id_ in range(ids.high, ids.low - 1, -1)]
