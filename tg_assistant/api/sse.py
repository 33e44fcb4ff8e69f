"""Server-sent events that outlive proxies: a heartbeat, numbered events, no buffering."""

import json
from collections.abc import AsyncIterator
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent

from tg_assistant.api.problems import sentence
from tg_assistant.errors import AssistantError

_PING_SECONDS = 15


def stream(events: AsyncIterator[tuple[str, dict[str, Any]]], language: str) -> EventSourceResponse:
    """`events` are (name, data). An error of the tree becomes the last event, named `error`."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventSourceResponse(_numbered(events, language), headers=headers, ping=_PING_SECONDS)


async def _numbered(
    events: AsyncIterator[tuple[str, dict[str, Any]]], language: str
) -> AsyncIterator[ServerSentEvent]:
    number = 0
    try:
        async for name, data in events:
            number += 1
            yield _event(number, name, data)
    except AssistantError as error:
        problem = {"code": error.code, "status": error.status, "detail": sentence(error, language)}
        yield _event(number + 1, "error", problem)


def _event(number: int, name: str, data: dict[str, Any]) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(data, ensure_ascii=False, default=str), event=name, id=str(number))
