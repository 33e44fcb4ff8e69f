"""Server-sent events that survive proxies: heartbeats, ids to resume from, no buffering, a last event."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from weakref import finalize

from fastapi import Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import Receive, Scope, Send

from tg_assistant.api.problems import sentence
from tg_assistant.api.streaming import stream_limits
from tg_assistant.core.access import revocation
from tg_assistant.core.actor import Actor
from tg_assistant.errors import AssistantError
from tg_assistant.infra import metrics

HEARTBEAT_SECONDS = 10
_HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
# for the OpenAPI document: a stream in addition to, or instead of, JSON
_PARTS: dict[str, Any] = {name: {"type": "string"} for name in ("id", "event", "data")}
CONTENT: dict[str, Any] = {
    "text/event-stream": {
        "schema": {
            "type": "object",
            "properties": _PARTS,
            "description": "`data` is JSON; an error is the last event, named `error`",
        }
    }
}


@dataclass(frozen=True)
class Event:
    """An event of a stream. A client that lost its connection sends `id` back as `Last-Event-ID`."""

    id: str
    name: str
    data: dict[str, Any] = field(default_factory=dict)


def wanted(request: Request) -> bool:
    """Whether the client asks for a stream from a route that also offers JSON."""
    return "text/event-stream" in request.headers.get("accept", "")


def stream(
    events: AsyncGenerator[Event],
    actor: Actor,
    still_allowed: Callable[[], Awaitable[object]],
    *,
    watched: bool = False,
) -> EventSourceResponse:
    """A response that streams `events`. An AssistantError becomes the last event, named `error`.

    `still_allowed` is called about every second and raises once the person may no longer see the stream.
    Events that are `watched` are checked by core, which ends them; they are taken one at a time, as each is
    sent: a buffered event could be sent long after its check. Raises LimitReached when the person, or the
    process, has too many streams open.
    """
    stream_limits.enter(actor)
    shared = stream_limits.shared(actor, still_allowed)
    allowed = revocation.as_sent(events, shared) if watched else revocation.while_allowed(events, shared)
    return _Counted(actor.user_id, _told(allowed, actor.language))


class _Counted(EventSourceResponse):
    """Counts as an open stream until it has been sent, or is garbage-collected without being sent."""

    def __init__(self, user_id: UUID, events: AsyncIterator[ServerSentEvent]) -> None:
        self._leave = finalize(self, stream_limits.leave, user_id)
        super().__init__(events, headers=_HEADERS, ping=HEARTBEAT_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()


async def changes(
    states: AsyncIterator[Any], last_seen: str | None, event: Callable[[Any], Event]
) -> AsyncGenerator[Event]:
    """An event for each change of state. The one the client has already seen is skipped unless it is last."""
    held: Event | None = None
    async for state in states:
        made = event(state)
        held = made if made.id == last_seen else None
        if held is None:
            last_seen = made.id
            yield made
    if held is not None:
        yield held


async def _told(events: AsyncIterator[Event], language: str) -> AsyncIterator[ServerSentEvent]:
    try:
        async for event in events:
            data = json.dumps(event.data, ensure_ascii=False, default=str)
            yield ServerSentEvent(data, event=event.name, id=event.id)
    except AssistantError as error:
        metrics.errors_total.labels("rest", error.code).inc()
        problem = {"code": error.code, "status": error.status, "detail": sentence(error, language)}
        yield ServerSentEvent(json.dumps(problem, ensure_ascii=False), event="error")
