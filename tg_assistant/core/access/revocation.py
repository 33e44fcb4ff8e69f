"""Streams end when their actor loses the right to them: rights are re-checked while a stream runs."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

import structlog

from tg_assistant.core.access import sign_in
from tg_assistant.core.actor import Actor
from tg_assistant.core.names import Topic
from tg_assistant.errors import AssistantError, NotAllowed
from tg_assistant.infra.logging.error_hooks import told
from tg_assistant.infra.runtime import Runtime

T = TypeVar("T")
log = structlog.get_logger()
_LOOK_SECONDS = 0.7  # so that a stream ends within a second of its session's end or its person being disabled
_walking_on: set[asyncio.Task[None]] = set()
_looking: set[asyncio.Future[object]] = set()


async def check(rt: Runtime, actor: Actor) -> Actor:
    """Return the actor with current rights from the database.

    Raises SignInNeeded once the session is over, and NotAllowed once the person is disabled, has left the
    group or has a lower role than the actor passed in.
    """
    async with rt.db.transaction() as db:
        if actor.session_id is not None:
            found = await sign_in.by_session(db, actor.session_id, door=actor.door)
        else:
            found = await sign_in.actor(db, actor.user_id, door=actor.door)
    if actor.tenant_id is not None and found.tenant_id != actor.tenant_id:
        raise NotAllowed("access.no_membership")
    if actor.role is not None and (found.role is None or found.role.rank < actor.role.rank):
        raise NotAllowed("access.role")
    return found


async def while_allowed(
    items: AsyncIterator[T],
    still_allowed: Callable[[], Awaitable[object]],
    look: asyncio.Event | None = None,
    *,
    walk_on: Callable[[NotAllowed], bool] = lambda _: False,
) -> AsyncGenerator[T]:
    """Yield `items` until `still_allowed` raises, and re-raise its error.

    It is called before the next item once `look` is set, and every 0.7 s, also while no item arrives.
    After a NotAllowed for which `walk_on` returns True no further item is yielded, but the iterator is
    consumed to its end in the background, for its side effects. In all other cases it is closed.
    """
    look, more = look or asyncio.Event(), asyncio.Event()
    said: deque[T] = deque()
    pump = asyncio.create_task(_pump(items, said, more))
    pump.add_done_callback(lambda _: more.set())
    loop = asyncio.get_running_loop()
    checked = loop.time()
    try:
        while said or not pump.done():
            if look.is_set() or loop.time() - checked >= _LOOK_SECONDS:
                look.clear()
                await _unbroken(still_allowed)
                checked = loop.time()
            elif said:
                yield said.popleft()
            else:
                await _either(more, look, checked + _LOOK_SECONDS - loop.time())
        await pump  # re-raises the error that ended the items, if any
    except NotAllowed as refused:
        if walk_on(refused):
            _walking_on.add(pump)
            pump.add_done_callback(_walked)
        raise
    finally:
        if pump not in _walking_on:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)


async def as_sent(
    items: AsyncGenerator[T], still_allowed: Callable[[], Awaitable[object]]
) -> AsyncGenerator[T]:
    """Yield `items` until `still_allowed` raises; it is called before an item, at most every 0.7 s.

    For items that are already watched: nothing is read ahead of the consumer.
    """
    loop = asyncio.get_running_loop()
    checked = 0.0
    async with aclosing(items) as given:
        async for item in given:
            if loop.time() - checked >= _LOOK_SECONDS:
                await _unbroken(still_allowed)
                checked = loop.time()
            yield item


async def watched(rt: Runtime, actor: Actor, items: AsyncIterator[T]) -> AsyncGenerator[T]:
    """Yield `items` while the actor keeps the rights they began with; then raise what `check` raises.

    For the events of an answer use `showing.watched`.
    """
    async with (
        rt.events.listening(Topic.rights, str(actor.user_id)) as look,
        aclosing(while_allowed(items, lambda: check(rt, actor), look)) as allowed,
    ):
        async for item in allowed:
            yield item


async def _unbroken(look: Callable[[], Awaitable[object]]) -> None:
    """Run `look` to its end even if the caller is cancelled: an interrupted statement would cost the
    connection to PostgreSQL.
    """
    looking = asyncio.ensure_future(look())
    _looking.add(looking)
    looking.add_done_callback(_looked)
    await asyncio.shield(looking)


def _looked(looking: asyncio.Future[object]) -> None:
    _looking.discard(looking)
    if not looking.cancelled():
        looking.exception()  # marks it retrieved: after a disconnect nobody awaits it


async def _either(more: asyncio.Event, look: asyncio.Event, seconds: float) -> None:
    """Wait until `more` or `look` is set, for at most `seconds`."""
    more.clear()
    waits = [asyncio.create_task(bell.wait()) for bell in (more, look)]
    try:
        await asyncio.wait(waits, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _pump(items: AsyncIterator[T], said: deque[T], more: asyncio.Event) -> None:
    """Iterate in a single task, because a generator's time-outs belong to the task that entered them."""
    try:
        async for item in items:
            said.append(item)
            more.set()
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            await close()


def _walked(pump: asyncio.Task[None]) -> None:
    _walking_on.discard(pump)
    if not pump.cancelled() and (error := pump.exception()) and not isinstance(error, AssistantError):
        log.error("items.unseen_failed", error=told(error))
