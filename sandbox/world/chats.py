"""Each person's private chat with the bot, as seen by both sides."""

from __future__ import annotations

from typing import Any

from sandbox.world.errors import WorldError
from sandbox.world.foundation import Foundation
from sandbox.world.model import AccountEvent, BotMessage, Person
from sandbox.world.people import People

LONGEST = 4096  # characters in a message


class Chats:
    """Messages by person; ids increase across all chats, as in a Telegram account."""

    def __init__(self, world: Foundation, people: People) -> None:
        self._world, self._people = world, people
        self._messages: dict[int, dict[int, BotMessage]] = {}
        self._events: dict[int, list[AccountEvent]] = {}
        rows = sorted(world.store.load("bot_message"), key=lambda row: row["id"])
        for row in rows:
            self._messages.setdefault(row["person_id"], {})[row["id"]] = BotMessage(**row)
        for row in sorted(world.store.load("account_event"), key=lambda row: row["pts"]):
            self._events.setdefault(row["person_id"], []).append(AccountEvent(**row))
        self._drafts: dict[int, dict[str, Any]] = {}  # in memory only: drafts need not survive a restart
        self._blocked = {row["person_id"] for row in world.store.load("blocked")}

    def messages(self, person: Person) -> list[BotMessage]:
        """The messages in the chat, oldest first, without deleted ones."""
        return [each for each in self._messages.get(person.id, {}).values() if not each.deleted]

    def message(self, person: Person, message_id: int) -> BotMessage:
        """A message of the chat. Raises WorldError MESSAGE_ID_INVALID."""
        found = self._messages.get(person.id, {}).get(message_id)
        if found is None or found.deleted:
            raise WorldError("MESSAGE_ID_INVALID", "message not found", 404)
        return found

    def events(self, person: Person) -> list[AccountEvent]:
        return self._events.get(person.id, [])

    def started(self, person: Person) -> bool:
        return any(each.out for each in self._messages.get(person.id, {}).values())

    def blocked(self, person: Person) -> bool:
        return person.id in self._blocked

    def block(self, person: Person, blocked: bool) -> None:
        """Block or unblock the bot for a person."""
        if blocked:
            self._blocked.add(person.id)
            self._world.store.put("blocked", person.id, {"person_id": person.id})
        else:
            self._blocked.discard(person.id)
            self._world.store.delete("blocked", person.id)

    def draft(self, person: Person) -> dict[str, Any] | None:
        """The bot's current draft, {"draft_id","text"}, or None."""
        return self._drafts.get(person.id)

    def set_draft(self, person: Person, draft_id: int, text: str) -> None:
        self._drafts[person.id] = {"draft_id": draft_id, "text": text}
        self._world.hub.emit("draft", person=person, draft_id=draft_id, text=text)

    def add(self, person: Person, text: str, *, out: bool, **facts: Any) -> BotMessage:
        """Add a message from the person (`out`) or the bot; `facts` are attributes of BotMessage.

        Raises WorldError MESSAGE_TOO_LONG.
        """
        if len(text) > LONGEST:
            raise WorldError("MESSAGE_TOO_LONG", "message is too long")
        if not out:
            self._drafts.pop(person.id, None)
        message_id = self._world.next_number("message", start=101)
        message = BotMessage(message_id, person.id, out, text, self._world.clock.unix(), **facts)
        self._messages.setdefault(person.id, {})[message.id] = message
        self._step(person, "new", message)
        self._world.hub.emit("message", person=person, message=message)
        return message

    def edit(self, person: Person, message: BotMessage, **facts: Any) -> None:
        """Change text, entities or reply_markup of a message. Raises WorldError MESSAGE_NOT_MODIFIED."""
        if all(getattr(message, name) == value for name, value in facts.items()):
            raise WorldError("MESSAGE_NOT_MODIFIED", "message is not modified")
        for name, value in facts.items():
            setattr(message, name, value)
        message.edit_date = self._world.clock.unix()
        self._step(person, "edit", message)
        self._world.hub.emit("message_edited", person=person, message=message)

    def delete(self, person: Person, message: BotMessage) -> None:
        message.deleted = True
        self._step(person, "delete", message)
        self._world.hub.emit("message_deleted", person=person, message=message)

    def clear(self, person: Person) -> int:
        """Delete all messages of the chat ("Clear history"); returns their number."""
        gone = self.messages(person)
        for message in gone:
            self.delete(person, message)
        return len(gone)

    def _step(self, person: Person, kind: str, message: BotMessage) -> None:
        person.pts += 1
        event = AccountEvent(person.id, person.pts, kind, message.id)
        self._events.setdefault(person.id, []).append(event)
        self._world.store.put("account_event", f"{person.id}:{event.pts}", event)
        self._world.store.put("bot_message", message.id, message)
        self._people.save(person)
