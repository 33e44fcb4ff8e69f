"""A reader of one private post, and every way in which they may lose it."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from uuid import uuid4

from sqlmodel import col, delete

from tests.corpus import a_channel
from tests.people import member, tenant
from tg_assistant.core.access import access_tokens, sessions, sign_in
from tg_assistant.core.access.access_tokens import Claims
from tg_assistant.core.accounts import accounts
from tg_assistant.core.actor import Actor
from tg_assistant.core.administration import channel_overview
from tg_assistant.core.channels import channels, following
from tg_assistant.core.group import members
from tg_assistant.core.privacy import erasure, purging
from tg_assistant.core.retrieval import indexing
from tg_assistant.errors import NotFound
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import (
    Account,
    AccountStatus,
    Channel,
    ChannelAccess,
    Membership,
    Role,
    Subscription,
)

_numbers = count(640_001)
QUESTION = "What is the spare key of the warehouse?"


@dataclass
class Reader:
    """`mark` stands in the only post of the channel and nowhere else."""

    rt: Runtime
    mark: str
    actor: Actor
    owner: Actor
    channel: Channel
    account: Account
    headers: dict[str, str] = field(default_factory=dict)
    resume_secret: str = ""


async def reader(rt: Runtime, telegram_id: int, *, public: bool = False) -> Reader:
    """An admin who reads a private channel with their own account; or a public one, as anybody does."""
    number, mark = next(_numbers), f"KEY-{uuid4().hex[:12]}"
    async with rt.db.transaction() as db:
        where = await tenant(db)
        owner = await member(db, where, number, Role.owner)
        actor = await member(db, where, telegram_id, Role.admin)
    words = f"The spare key of the warehouse is {mark}, it hangs behind the door."
    channel = await a_channel(rt, where, [words], number=number)
    async with rt.db.transaction(where.id) as db:
        # not connected any more: nobody has to confirm a log-out before an erasure
        account = Account(
            tenant_id=where.id,
            user_id=actor.user_id,
            telegram_id=telegram_id,
            status=AccountStatus.ended,
        )
        db.add(account)
        await db.flush()
        ids = {"channel_id": channel.id, "tenant_id": where.id}
        db.add_all([Subscription(user_id=one.user_id, **ids) for one in (actor, owner)])
        if not public:
            own = {"account_id": account.id, "user_id": actor.user_id, "access_hash": 1}
            db.add(ChannelAccess(**own, **ids))
            following.describe(channel, "Private", None)
            await db.merge(channel)
    await indexing.index_dirty(rt, where.id)
    async with rt.db.transaction() as db:
        started = await sessions.start(db, actor.user_id, device="x", now=datetime.now(UTC))
    async with rt.db.transaction() as db:
        actor = await sign_in.by_session(db, started.id, door="rest")
    secret = rt.settings.security.jwt_secret.get_secret_value()
    token = access_tokens.issue(
        Claims(actor.user_id, started.id), secret=secret, ttl_seconds=1_800, now=datetime.now(UTC)
    )
    bearer = {"Authorization": f"Bearer {token}"}
    return Reader(rt, mark, actor, owner, channel, account, bearer, started.resume_secret)


async def left(one: Reader) -> None:
    """Stopped following it here; somebody else goes on."""
    async with one.rt.db.transaction(one.actor.tenant) as db:
        await channels.remove(db, one.actor, one.channel.id)


async def kicked(one: Reader) -> None:
    """Telegram refuses their account the channel: banned, removed, or left there."""
    async with one.rt.db.transaction(one.actor.tenant) as db:
        await channels.access_lost(db, one.account.id, one.channel.id)


async def made_private(one: Reader) -> None:
    """It was public; now it has no name, and their account was never seen to have access."""
    async with one.rt.db.transaction(one.actor.tenant) as db:
        following.describe(await db.get_one(Channel, one.channel.id), "Private", None)


async def logged_out(one: Reader) -> None:
    """Their account, by which alone they could read it, is logged out."""
    async with one.rt.db.transaction(one.actor.tenant) as db:
        await accounts.logged_out(db, await db.get_one(Account, one.account.id))


async def session_ended(one: Reader) -> None:
    """They ended the session of their account in Telegram: nobody sees any more whether it has access."""
    async with one.rt.db.transaction(one.actor.tenant) as db:
        account = await db.get_one(Account, one.account.id)
        account.status = AccountStatus.connected
        await accounts.end(db, account, "SESSION_REVOKED")


async def locked_away(one: Reader) -> None:
    """Their account's session does not open any more."""
    async with one.rt.db.transaction(one.actor.tenant) as db:
        await accounts.lock_away(db, await db.get_one(Account, one.account.id))


async def switched_off(one: Reader) -> None:
    """An admin has paused the channel for the group."""
    async with one.rt.db.transaction(one.actor.tenant) as db:
        await channel_overview.pause_channel(db, one.owner, one.channel.id, True)


async def removed(one: Reader) -> None:
    """No member any more: their role is gone."""
    async with one.rt.db.transaction(one.actor.tenant) as db:
        await db.exec(delete(Membership).where(col(Membership.user_id) == one.actor.user_id))


async def disabled(one: Reader) -> None:
    """Switched off by an admin."""
    async with one.rt.db.transaction(one.actor.tenant) as db:
        await members.change(db, one.owner, one.actor.user_id, version=1, disabled=True)


async def erased(one: Reader) -> None:
    """Deleted with all they have."""
    await erasure.erase(one.rt, one.actor)


async def lowered(one: Reader) -> None:
    """An admin no more: what is under way ends, but the channel is theirs to read as before."""
    async with one.rt.db.transaction(one.actor.tenant) as db:
        await members.change(db, one.owner, one.actor.user_id, version=1, role=Role.user)


async def purged(one: Reader) -> None:
    """Nobody follows it any more: the channel goes, with every row that could say what was lost."""
    for follower in (one.actor, one.owner):
        async with one.rt.db.transaction(one.actor.tenant) as db:
            with suppress(NotFound):  # they had left it before
                await channels.remove(db, follower, one.channel.id)
    await purging.purge_channel(one.rt, one.actor.tenant, one.channel.id)


async def banned(one: Reader) -> None:
    """From a channel that anybody else may read."""
    async with one.rt.db.transaction(one.actor.tenant) as db:
        await following.grant_missing(db, await db.get_one(Account, one.account.id), one.channel.id)
    await kicked(one)


async def banned_and_purged(one: Reader) -> None:
    """What said so went with the channel."""
    await banned(one)
    await purged(one)


async def made_private_and_purged(one: Reader) -> None:
    """The posts' addresses are still those of a public channel."""
    await made_private(one)
    await purged(one)


async def switched_off_and_purged(one: Reader) -> None:
    """An admin has paused it, and then everybody dropped it."""
    await switched_off(one)
    await purged(one)


async def banned_and_logged_out(one: Reader) -> None:
    """What their account had lost is no longer the account's."""
    await banned(one)
    await logged_out(one)


async def banned_logged_out_and_purged(one: Reader) -> None:
    """Both."""
    await banned_and_logged_out(one)
    await purged(one)


Loss = Callable[[Reader], Awaitable[None]]
LOSSES: tuple[Loss, ...] = (
    *(left, kicked, made_private, logged_out, session_ended, locked_away, switched_off),
    *(removed, disabled, erased, lowered),
)
# of a public channel, after which nothing that said so is left where it was
OUTLIVED: tuple[Loss, ...] = (
    *(banned_and_purged, made_private_and_purged, switched_off_and_purged),
    *(banned_and_logged_out, banned_logged_out_and_purged),
)
