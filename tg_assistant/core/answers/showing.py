"""Whether an answer may be shown to a person now: the one rule, asked by every way out as it sends.

An answer repeats posts. What rests on a channel that the person may no longer read is not shown, however it
was come by: streamed, read again from memory or the database, exported, or sent by the bot.
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
WITHHELD = "answers.withheld"  # the code of what `check` raises of its own
Place = tuple[UUID, str]  # a channel, and the address of a post in it
_PRIVATE = "t.me/c/"  # in the address of a private channel's post, also when the channel itself is gone


async def closed(db: AsyncSession, actor: Actor, places: Collection[Place]) -> set[UUID]:
    """The channels among `places` of which nothing may be shown to the actor now.

    What `channels.readable_ids` gives is open. So is a public channel that the person merely stopped
    following: nothing was taken from them, anybody can read it in Telegram, and tidying the list would empty
    their history. The rest is closed: lost with the account's access, switched off by an admin, private now
    or when the answer was given (nobody looks any more whether who left it still has access). It stays closed
    when the channel itself is gone (`outlive`).
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
    """Before a channel's rows are deleted: write down to whom it is closed, for what they were told stays.

    Of a private channel, or one switched off, that is everybody who ever asked something; nobody follows it.
    """
    whole = exists().where(col(Channel.id) == channel_id, readable.closed_to_who_left())
    lost = readable.lost(col(Question.user_id), channel_id)
    asked = select(col(Question.user_id), literal(channel_id), col(Question.tenant_id)).distinct()
    closed_to = asked.where(col(Question.tenant_id) == tenant_id, whole | lost)
    rows = insert(LostChannel).from_select(["user_id", "channel_id", "tenant_id"], closed_to)
    await db.exec(rows.on_conflict_do_nothing())


async def check(rt: Runtime, actor: Actor, places: Collection[Place]) -> Actor:
    """The actor as the database has them now, who may see what rests on `places`.

    Raises what `rights.check` does, and NotAllowed ("answers.withheld") once a channel is closed to them.
    """
    now = await revocation.check(rt, actor)
    if places:
        async with rt.db.transaction(now.tenant) as db:
            if await closed(db, now, places):
                raise NotAllowed("answers.withheld")
    return now


def places_of(event: Any) -> list[Place]:
    """What an event of an answer rests on; pieces of text rest on the sources told before them."""
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
    """The events of an answer for as long as they may be shown; then what `check` raises.

    One that rests on a closed channel is still made to its end: saved, it is there when access is back.

    It is asked before the first event, before each that names sources, at once when the database tells of a
    loss (triggers on sessions, memberships, subscriptions, channels and accesses), and every 0.7 s. `told` is
    what events before these rest on.
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
