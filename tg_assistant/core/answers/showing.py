"""Whether an answer may be shown to a person now: one rule, applied by every output as it sends.

An answer repeats posts. One based on a channel that the person may no longer read is not shown, whether it is
streamed, read again from memory or the database, exported, or sent by the bot.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterable
from contextlib import aclosing
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import literal
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, exists, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core.access import revocation
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import channels, readable
from tg_assistant.core.names import Topic
from tg_assistant.errors import NotAllowed
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Channel, LostChannel, Question

T = TypeVar("T")
WITHHELD = "answers.withheld"  # the code of the NotAllowed that `check` itself raises
Place = tuple[UUID, str]  # a channel, and the address of a post in it
_PRIVATE = "t.me/c/"  # in the URL of a private channel's post; still known when the channel's row is deleted


async def closed(db: AsyncSession, actor: Actor, places: Collection[Place]) -> set[UUID]:
    """Return the channels among `places` of which nothing may be shown to the actor now.

    Channels that `channels.readable_ids` returns are open. So is a public channel that the person merely
    unfollowed: they lost no access, anybody can read it in Telegram, and otherwise tidying the list would
    empty their history. All others are closed: access lost by the account, paused by an admin, private now or
    when the answer was given (access to an unfollowed private channel is no longer checked). They stay closed
    when the channel's row is deleted (`outlive`).
    """
    named = {channel_id for channel_id, _ in places}
    if not named:
        return set()
    missing = named - set(await channels.readable_ids(db, actor, list(named)))
    private = {channel_id for channel_id, address in places if _PRIVATE in address}
    hidden = readable.closed_to_who_left() | readable.lost(actor.user_id)
    taken = select(Channel.id).where(col(Channel.id).in_(missing), hidden)
    gone = select(LostChannel.channel_id).where(
        LostChannel.user_id == actor.user_id, col(LostChannel.channel_id).in_(missing)
    )
    found = [channel_id for query in (taken, gone) for channel_id in await db.exec(query)]
    return (missing & private) | set(found)


async def outlive(db: AsyncSession, tenant_id: UUID, channel_id: UUID) -> None:
    """Store to whom a channel is closed, before its rows are deleted: answers based on it remain.

    A private or paused channel is stored as closed to every person with a question; it has no followers left.
    """
    whole = exists().where(col(Channel.id) == channel_id, readable.closed_to_who_left())
    lost = readable.lost(col(Question.user_id), channel_id)
    asked = select(col(Question.user_id), literal(channel_id), col(Question.tenant_id)).distinct()
    closed_to = asked.where(col(Question.tenant_id) == tenant_id, whole | lost)
    rows = insert(LostChannel).from_select(["user_id", "channel_id", "tenant_id"], closed_to)
    await db.exec(rows.on_conflict_do_nothing())


async def check(rt: Runtime, actor: Actor, places: Collection[Place]) -> Actor:
    """Return the actor with current rights, if they may see answers based on `places`.

    Raises what `revocation.check` does, and NotAllowed ("answers.withheld") once a channel is closed to them.
    """
    now = await revocation.check(rt, actor)
    if places:
        async with rt.db.transaction(now.tenant) as db:
            if await closed(db, now, places):
                raise NotAllowed("answers.withheld")
    return now


def places_of(event: Any) -> list[Place]:
    """Return the places an event is based on; none for a `Delta`, whose sources an earlier event names."""
    named = [(source.channel_id, source.url) for source in getattr(event, "sources", ())]
    return [*named, *getattr(event, "also_read", ())]


async def watched(
    rt: Runtime,
    actor: Actor,
    events: AsyncIterator[T],
    places: Callable[[T], Iterable[Place]] = places_of,
    *,
    told: Iterable[Place] = (),
) -> AsyncGenerator[T]:
    """Yield the events of an answer while they may be shown; then raise what `check` raises.

    An answer based on a closed channel is still completed and saved, for when access is restored.

    `check` runs before the first event, before each with sources, at once when the database notifies of a
    loss (triggers on sessions, memberships, subscriptions, channels and accesses), and every 0.7 s. `told`
    are the places that earlier events were based on.
    """
    rests = dict.fromkeys(told)
    async with rt.events.listening(Topic.rights, str(actor.user_id)) as look:
        look.set()

        async def noted() -> AsyncIterator[T]:
            async with aclosing(events) as given:  # type: ignore[type-var]
                async for event in given:
                    if found := dict.fromkeys(places(event)):
                        rests.update(found)
                        look.set()
                    yield event

        allowed = revocation.while_allowed(
            noted(), lambda: check(rt, actor, list(rests)), look, walk_on=lambda no: no.code == WITHHELD
        )
        async with aclosing(allowed):
            async for event in allowed:
                yield event
