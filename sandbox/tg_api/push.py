"""Sends changes of the world as updates to the clients concerned."""

from __future__ import annotations

from typing import Any

from telethon.tl.tlobject import TLObject

from sandbox.tg_api import convert
from sandbox.tg_api.updates import channel_update
from sandbox.tl import types
from sandbox.wire.server import WireServer
from sandbox.world.model import Channel, Person


class Pusher:
    """A hub listener. Updates have a pts but no seq, so each chat's updates are ordered separately."""

    def __init__(self, server: WireServer) -> None:
        self._server, self._world = server, server.world

    def __call__(self, name: str, facts: dict[str, Any]) -> None:
        if name in ("post", "post_edited", "post_deleted"):
            self._channel(facts["channel"])
        elif name in ("message", "message_edited", "message_deleted"):
            self._private(facts["person"])
        elif name == "membership":
            self._to_person(facts["person"], [types.UpdateChannel(facts["channel"].id)], facts["channel"])
        elif name == "channel_changed":
            self._to_members(facts["channel"], types.UpdateChannel(facts["channel"].id))
        elif name == "token_accepted":
            self._to_key(facts["key"].id, types.UpdateShort(types.UpdateLoginToken(), self._now()))
        elif name == "session_ended":
            # as with Telegram, the client then asks for the difference, which is answered with the error
            self._to_key(facts["key"].id, types.UpdatesTooLong())

    def _channel(self, channel: Channel) -> None:
        if self._world.faults.push_is_lost():
            return
        event = self._world.channels.events[channel.id][-1]
        self._to_members(channel, channel_update(self._world, event))

    def _to_members(self, channel: Channel, update: TLObject) -> None:
        for person_id in channel.members:
            person = self._world.people.by_id.get(person_id)
            if person:
                self._to_person(person, [update], channel)

    def _private(self, person: Person) -> None:
        event = self._world.chats.events(person)[-1]
        if event.kind == "delete":
            update: TLObject = types.UpdateDeleteMessages([event.message_id], event.pts, 1)
        else:
            message = convert.bot_message(self._world, self._world.chats.message(person, event.message_id))
            kind = types.UpdateNewMessage if event.kind == "new" else types.UpdateEditMessage
            update = kind(message, event.pts, 1)
        self._to_person(person, [update], None)

    def _to_person(self, person: Person, updates: list[TLObject], channel: Channel | None) -> None:
        connections = list(self._server.of_person(person.id))
        if not connections:
            return
        packet = types.Updates(
            updates=updates,
            users=[] if channel else [convert.bot_user(self._world, person)],
            chats=[convert.chat(self._world, channel, person)] if channel else [],
            date=self._now(),
            seq=0,
        )
        for connection in connections:
            connection.push(packet)

    def _to_key(self, key_id: str, update: TLObject) -> None:
        for connection in self._server.of_key(key_id):
            connection.push(update)

    def _now(self) -> Any:
        return convert.moment(self._world.clock.now())
