"""Answers that outlive their connection: they are finished without a reader, which may reconnect."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import structlog

from tg_assistant.core.actor import Actor
from tg_assistant.core.answers import answers, asking, question_log, showing
from tg_assistant.core.retrieval.scope import Wanted
from tg_assistant.errors import AssistantError, NotFound
from tg_assistant.infra.runtime import Runtime

log = structlog.get_logger()
_KEPT_SECONDS = 60.0  # the finished answer is in the database as well
_live: dict[UUID, "Asking"] = {}
_tasks: set[asyncio.Task[None]] = set()


@dataclass
class Asking:
    """A question being answered: its events so far (`said`), and an event (`more`) that wakes its readers."""

    user_id: UUID
    said: list[answers.Event] = field(default_factory=list)
    failed: AssistantError | None = None
    over: bool = False
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self) -> None:
        """Wake the current readers; they wait for the next event on a new `asyncio.Event`."""
        self.more.set()
        self.more = asyncio.Event()


async def begin(rt: Runtime, actor: Actor, question: str, wanted: Wanted) -> UUID:
    """Answer the question in its own task and return the question's id; a lost connection does not stop it.

    Raises what `asking.begin` raises for a refused question: once this returns, a stream may answer 200.
    """
    asked, live = await asking.begin(rt, actor, question), Asking(actor.user_id)
    _live[asked.id] = live
    events = answers.finish(rt, actor, asked, wanted)
    task = asyncio.create_task(_run(asked.id, live, events), name="asking")
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return asked.id


async def _run(question_id: UUID, live: Asking, events: AsyncIterator[answers.Event]) -> None:
    try:
        async for event in events:
            live.said.append(event)
            live.ring()
    except AssistantError as error:
        live.failed = error
    except Exception as error:  # top of the task: its readers get an error, the log has the cause
        reference = uuid4().hex[:8]
        log.error("asking.failed", reference=reference, exc_info=error)
        live.failed = AssistantError("internal", reference=reference)
    finally:
        live.over = True
        live.ring()
        asyncio.get_running_loop().call_later(_KEPT_SECONDS, _live.pop, question_id, None)


def follow(
    rt: Runtime, actor: Actor, question_id: UUID, *, after: int = 0
) -> AsyncGenerator[tuple[int, answers.Event]]:
    """The events after number `after` with their numbers, as they arrive and while the actor may see them.

    Raises the error that ended the answer, and what `showing.check` raises: being in memory gives no right to
    read it. The question must be in memory (`begin`).
    """
    # later events depend on the sources of earlier ones
    asking = _live[question_id]
    told = [place for event in asking.said[:after] for place in showing.places_of(event)]
    events = _followed(asking, after)
    return showing.watched(rt, actor, events, lambda one: showing.places_of(one[1]), told=told)


async def _followed(asking: Asking, after: int) -> AsyncIterator[tuple[int, answers.Event]]:
    while True:
        bell = asking.more
        while after < len(asking.said):
            after += 1
            yield after, asking.said[after - 1]
        if asking.over:
            break
        await bell.wait()
    if asking.failed is not None:
        raise asking.failed


async def own(rt: Runtime, actor: Actor, last_seen: str) -> UUID:
    """The id of the question of the event `last_seen`. Raises NotFound unless it is the actor's own."""
    question_id, _ = _position(last_seen)
    asking = _live.get(question_id)
    if asking is None or asking.user_id != actor.user_id:
        async with rt.db.transaction(actor.tenant) as db:
            await question_log.get(db, actor, question_id)
    return question_id


def read_on(rt: Runtime, actor: Actor, last_seen: str) -> AsyncGenerator[tuple[int, answers.Event]]:
    """The events after `last_seen` (`question:number`) of the actor's own question, which `own` has verified.

    A question in this process's memory continues after that event. Otherwise its saved answer is the only
    event, and a question whose process died is answered now. Rights are watched as in `follow`.
    """
    question_id, number = _position(last_seen)
    asking = _live.get(question_id)
    if asking is not None and asking.user_id == actor.user_id:
        return follow(rt, actor, question_id, after=number)
    saved = _saved(rt, actor, question_id, number + 1)
    return showing.watched(rt, actor, saved, lambda one: showing.places_of(one[1]))


async def _saved(
    rt: Runtime, actor: Actor, question_id: UUID, number: int
) -> AsyncGenerator[tuple[int, answers.Event]]:
    """Only `Done`, numbered `number`: how many events were sent before is not known here."""
    async with aclosing(answers.resume(rt, actor, question_id)) as events:
        async for event in events:
            if isinstance(event, answers.Done):
                yield number, event


def _position(last_seen: str) -> tuple[UUID, int]:
    question, _, number = last_seen.partition(":")
    try:
        return UUID(question), max(0, int(number[:6]))
    except ValueError:
        raise NotFound("questions.not_found") from None
