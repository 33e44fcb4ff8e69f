"""The phone's live events: changes of the world that concern one person, as SSE."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox import phone_views
from sandbox.world.model import Person
from sandbox.world.world import World

Event = tuple[str, Any]
KEEP_ALIVE = 15.0  # seconds


def event_for(world: World, viewer: Person, name: str, facts: dict[str, Any]) -> Event | None:
    """The event that a change of the world (`name`, `facts`) sends to this person's phone, or None."""
    if name in ("scanner", "commands", "menu_button"):
        return name, {}
    if name in ("post", "post_edited", "post_deleted"):
        return _post_event(world, viewer, name, facts)
    if name == "devices":
        return (name, {}) if facts["person_id"] == viewer.id else None
    shape = _OWN.get(name)
    return (name, shape(world, facts)) if shape and facts["person"] is viewer else None


def _public(world: World, facts: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key != "person"}


_OWN: dict[str, Callable[[World, dict[str, Any]], Any]] = {
    "message": lambda world, facts: phone_views.bot_message(world, facts["message"]),
    "message_edited": lambda world, facts: phone_views.bot_message(world, facts["message"]),
    "message_deleted": lambda world, facts: {"id": facts["message"].id},
    "draft": _public,
    "chat_action": _public,
    "login_code": _public,
    "settings": lambda world, facts: phone_views.person(facts["person"]),
}


def _post_event(world: World, viewer: Person, name: str, facts: dict[str, Any]) -> Event | None:
    channel = facts["channel"]
    if viewer.id not in channel.members:
        return None
    if name == "post_deleted":
        return name, {"channel_id": channel.id, "ids": facts["ids"]}
    return name, {"channel_id": channel.id, "post": phone_views.post(world, facts["post"])}


async def stream(world: World, viewer: Person, request: web.Request) -> web.StreamResponse:
    """Serve events until the phone disconnects."""
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    try:
        await response.prepare(request)
    except ConnectionError:  # the page was closed while it was loading
        return response
    queue: asyncio.Queue[Event] = asyncio.Queue()

    def listen(name: str, facts: dict[str, Any]) -> None:
        event = event_for(world, viewer, name, facts)
        if event:
            queue.put_nowait(event)

    stop = world.hub.listen(listen)
    try:
        await response.write(b": hello\n\n")
        while True:
            await response.write(await _next(queue))
    except (ConnectionError, asyncio.CancelledError):
        return response
    finally:
        stop()


async def _next(queue: asyncio.Queue[Event]) -> bytes:
    try:
        async with asyncio.timeout(KEEP_ALIVE):
            name, body = await queue.get()
    except TimeoutError:
        return b": still here\n\n"
    return f"event: {name}\ndata: {json.dumps(body, ensure_ascii=False)}\n\n".encode()
