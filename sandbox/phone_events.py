"""The phone's live events: the world's changes that one person would notice, as SSE."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from sandbox import phone_views
from sandbox.world.model import Person
from sandbox.world.world import World

Event = tuple[str, Any]
KEEP_ALIVE = 15.0  # seconds


def event_for(world: World, viewer: Person, name: str, facts: dict[str, Any]) -> Event | None:
    """The event this person's phone gets for something that happened, if any."""
    owner = facts.get("person")
    if name in ("message", "message_edited") and owner is viewer:
        return name, phone_views.bot_message(world, facts["message"])
    if name == "message_deleted" and owner is viewer:
        return name, {"id": facts["message"].id}
    if name in ("draft", "chat_action", "login_code") and owner is viewer:
        return name, {key: value for key, value in facts.items() if key != "person"}
    if name == "settings" and owner is viewer:
        return name, phone_views.person(viewer)
    if name in ("post", "post_edited", "post_deleted"):
        return _post_event(world, viewer, name, facts)
    if name == "devices" and facts.get("person_id") == viewer.id:
        return name, {}
    return (name, {}) if name in ("scanner", "commands", "menu_button") else None


def _post_event(world: World, viewer: Person, name: str, facts: dict[str, Any]) -> Event | None:
    channel = facts["channel"]
    if viewer.id not in channel.members:
        return None
    if name == "post_deleted":
        return name, {"channel_id": channel.id, "ids": facts["ids"]}
    return name, {"channel_id": channel.id, "post": phone_views.post(world, facts["post"])}


async def stream(world: World, viewer: Person, request: web.Request) -> web.StreamResponse:
    """Serve events until the phone goes away."""
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
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
        name, body = await asyncio.wait_for(queue.get(), KEEP_ALIVE)
    except TimeoutError:
        return b": still here\n\n"
    return f"event: {name}\ndata: {json.dumps(body, ensure_ascii=False)}\n\n".encode()
