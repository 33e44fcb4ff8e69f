"""One request to a person's phone: the person, the channel, and the parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox import phone_views as views
from sandbox.wire.server import WireServer
from sandbox.world.errors import WorldError
from sandbox.world.model import Channel, Person
from sandbox.world.world import World


class Phone:
    """One request to a person's phone. Raises WorldError USER_ID_INVALID for an unknown person."""

    def __init__(self, world: World, server: WireServer, request: web.Request, body: dict[str, Any]) -> None:
        self.world, self.server, self.request, self.body = world, server, request, body
        self.person: Person = world.people.get(request.match_info["person"])

    def number(self, name: str, default: int = 0) -> int:
        """A number from the path or the query. Raises WorldError NUMBER_INVALID."""
        value = self.request.match_info.get(name) or self.request.query.get(name) or default
        try:
            return int(value)
        except ValueError:
            raise WorldError("NUMBER_INVALID", f"{name} is a number.") from None

    def text(self, name: str) -> str:
        """A text from the body. Raises WorldError FIELD_MISSING."""
        value = self.body.get(name)
        if not isinstance(value, str):
            raise WorldError("FIELD_MISSING", f"{name} is needed.")
        return value

    @property
    def channel(self) -> Channel:
        """The channel in the path. Raises WorldError CHANNEL_INVALID unless this person may read it."""
        channel = self.world.channels.get(self.request.match_info["channel"])
        if not self.world.channels.may_read(channel, self.person):
            raise WorldError("CHANNEL_INVALID", "There is no such channel.", 404)
        return channel

    @property
    def own_channel(self) -> Channel:
        if self.channel.owner != self.person.id:
            raise WorldError("CHAT_ADMIN_REQUIRED", "Only the owner may do this.", 403)
        return self.channel

    def show(self, channel: Channel) -> dict[str, Any]:
        return views.channel(self.world, channel, self.person)

    def online(self, key_id: str) -> bool:
        return any(self.server.of_key(key_id))


Answer = Callable[[Phone], Any]
Routes = list[tuple[str, str, Answer]]
