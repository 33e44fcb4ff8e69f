"""Long answers end when the right to them does: a stream is watched, not only begun, by its actor."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from tg_assistant.core import access
from tg_assistant.core.access import Actor
from tg_assistant.errors import NotAllowed
from tg_assistant.infra.runtime import Runtime

T = TypeVar("T")
TOPIC = "rights"  # told by triggers on sessions and memberships; the key is the person's id
_LOOK_SECONDS = 0.7  # a session ended or a person disabled is out within a second
_END, _NOTHING = object(), object()


async def check(rt: Runtime, actor: Actor) -> Actor:
    """The actor as the database has them now. Raises SignInNeeded and NotAllowed once they have lost it."""
    async with rt.db.transaction() as db:
        if actor.session_id is not None:
            found = await access.by_session(db, actor.session_id, door=actor.door)
        else:
            found = await access.actor(db, actor.user_id, door=actor.door)
    if actor.tenant_id is not None and found.tenant_id != actor.tenant_id:
        raise NotAllowed("access.no_membership")
    if actor.role is not None and (found.role is None or found.role.rank < actor.role.rank):
        raise NotAllowed("access.role")
    return found


async def while_allowed(
    items: AsyncIterator[T], still_allowed: Callable[[], Awaitable[object]]
) -> AsyncIterator[T]:
    """`items` until `still_allowed`, asked about every second while they come and while none does, raises."""
    queue: asyncio.Queue[object] = asyncio.Queue()
    pump = asyncio.create_task(_pump(items, queue))
    pump.add_done_callback(lambda _: queue.put_nowait(_END))
    loop = asyncio.get_running_loop()
    checked = loop.time()
    try:
        while True:
            item = await _next(queue, checked + _LOOK_SECONDS - loop.time())
            if loop.time() - checked >= _LOOK_SECONDS:
                await still_allowed()
                checked = loop.time()
            if item is _END:
                await pump  # raises what the items ended with
                return
            if item is not _NOTHING:
                yield item  # type: ignore[misc]
    finally:
        pump.cancel()
        await asyncio.gather(pump, return_exceptions=True)


def watched(rt: Runtime, actor: Actor, items: AsyncIterator[T]) -> AsyncIterator[T]:
    """`items` for as long as the actor keeps the rights they began with; then what `check` raises."""
    return while_allowed(items, lambda: check(rt, actor))


async def _next(queue: asyncio.Queue[object], seconds: float) -> object:
    with suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, seconds)):
            return await queue.get()
    return _NOTHING


async def _pump(items: AsyncIterator[T], queue: asyncio.Queue[object]) -> None:
    """One task walks the items: a generator's time-outs belong to the task that entered them."""
    try:
        async for item in items:
            queue.put_nowait(item)
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            await close()
