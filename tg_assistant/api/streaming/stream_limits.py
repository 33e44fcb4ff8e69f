"""The number of event streams open at once, and one check of rights shared by all streams of a session."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from uuid import UUID
from weakref import WeakKeyDictionary

from tg_assistant.core.actor import Actor
from tg_assistant.errors import LimitReached
from tg_assistant.infra import metrics

PER_PERSON = 8
PER_PROCESS = 200  # each queries PostgreSQL about once a second
_AGAIN_SECONDS = 10
_LOOK_KEPT_SECONDS = 0.2  # short enough that a lost right is still noticed within a second
_RULE = "streams"

_open: Counter[UUID] = Counter()
_Looks = dict[tuple[UUID, UUID | None], asyncio.Future[object]]
_looks: WeakKeyDictionary[asyncio.AbstractEventLoop, _Looks] = WeakKeyDictionary()


def check_room(actor: Actor) -> None:
    """Raise LimitReached while the actor, or the whole process, has the maximum number of streams open."""
    for count, most in ((_open[actor.user_id], PER_PERSON), (_open.total(), PER_PROCESS)):
        if count >= most:
            metrics.rate_limit_exceeded_total.labels(_RULE).inc()
            policy = (_RULE, most, _AGAIN_SECONDS)
            raise LimitReached("limits.streams", policy=policy, retry_after=_AGAIN_SECONDS)


def enter(actor: Actor) -> None:
    """Count one more stream as open, until `leave`. Raises LimitReached."""
    check_room(actor)
    _open[actor.user_id] += 1


def leave(user_id: UUID) -> None:
    """Count one stream fewer as open."""
    _open[user_id] -= 1
    if _open[user_id] <= 0:
        del _open[user_id]


def shared(actor: Actor, look: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[object]]:
    """Wrap `look`, a check of the actor's rights, so that streams of one session share a recent result.

    A result is shared while the check runs and for 0.2 s after it.
    """
    key = actor.user_id, actor.session_id

    async def asked() -> object:
        loop = asyncio.get_running_loop()
        running = _looks.setdefault(loop, {})
        if key not in running:
            running[key] = asyncio.ensure_future(look())
            running[key].add_done_callback(lambda _: loop.call_later(_LOOK_KEPT_SECONDS, running.pop, key))
        return await asyncio.shield(running[key])

    return asked
