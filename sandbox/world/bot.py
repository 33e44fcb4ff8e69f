"""Telegram's data of the bot: its undelivered updates, webhook, commands, menu buttons, files."""

from __future__ import annotations

import json
import secrets
from typing import Any

from sandbox.world.errors import WorldError
from sandbox.world.foundation import Foundation
from sandbox.world.model import Person

FIRST_UPDATE = 310_000_001


class Bot:
    """The bot. Updates are stored until they are confirmed by an offset or a webhook's 2xx."""

    def __init__(self, world: Foundation) -> None:
        self._world = world
        self.id: int = world.install.facts["bot_id"]
        rows = sorted(world.store.load("bot_update"), key=lambda row: row["update_id"])
        self.updates: dict[int, dict[str, Any]] = {row["update_id"]: row for row in rows}
        self._settings: dict[str, Any] = next(world.store.load("bot_settings"), {})
        self.files = {row["file_id"]: row for row in world.store.load("file")}
        self.queries: dict[str, int] = {}  # web-app query id → person id; in memory only

    # --- updates

    def notify(self, kind: str, body: dict[str, Any]) -> int:
        """Queue an update for the bot, unless its kind is not in allowed_updates; returns its id."""
        allowed = self.setting("allowed_updates", [])
        update_id = self._world.next_number("update", start=FIRST_UPDATE)
        if allowed and kind not in allowed:
            return update_id
        update = {"update_id": update_id, kind: body}
        self.updates[update_id] = update
        self._world.store.put("bot_update", update_id, update)
        self._world.hub.emit("bot_update")
        return update_id

    def confirm_below(self, offset: int) -> None:
        """Delete the updates below `offset`, which the bot has confirmed."""
        for update_id in [each for each in self.updates if each < offset]:
            del self.updates[update_id]
            self._world.store.delete("bot_update", update_id)

    def confirm(self, update_id: int) -> None:
        if self.updates.pop(update_id, None):
            self._world.store.delete("bot_update", update_id)

    def confirm_but_last(self, count: int) -> None:
        """Delete all but the last `count` updates, as getUpdates does for a negative offset."""
        kept = list(self.updates)[-count:]
        if kept:
            self.confirm_below(kept[0])

    # --- settings

    def setting(self, name: str, default: Any = None) -> Any:
        return self._settings.get(name, default)

    def set(self, name: str, value: Any) -> None:
        """Store a setting of the bot; None deletes it."""
        if value is None:
            self._settings.pop(name, None)
        else:
            self._settings[name] = value
        self._world.store.put("bot_settings", "all", self._settings)

    def commands_for(self, person: Person) -> list[dict[str, str]]:
        """The commands that Telegram would show: of the narrowest scope, in it preferring the language.

        Source: https://core.telegram.org/bots/api#determining-list-of-commands
        """
        scopes = ({"type": "chat", "chat_id": person.id}, {"type": "all_private_chats"}, {"type": "default"})
        for scope in scopes:
            for language in (person.language, ""):
                found = self.setting(commands_key(scope, language))
                if found:
                    return found
        return []

    def menu_button_for(self, person: Person) -> dict[str, Any]:
        own = self.setting(f"menu_button:{person.id}")
        button = own or self.setting("menu_button:0") or {"type": "commands"}
        return {"type": "commands"} if button["type"] == "default" else button

    # --- files and queries

    def keep_file(self, content: bytes, *, name: str, mime_type: str) -> dict[str, Any]:
        """Store an upload; returns {file_id, file_unique_id, file_size, file_name, mime_type}."""
        file_id = f"AgAC{secrets.token_urlsafe(24)}"
        folder = self._world.data_dir / "files"
        folder.mkdir(exist_ok=True)
        (folder / file_id).write_bytes(content)
        facts = {
            "file_id": file_id,
            "file_unique_id": file_id[-12:],
            "file_size": len(content),
            "file_name": name,
            "mime_type": mime_type,
        }
        self.files[file_id] = facts
        self._world.store.put("file", file_id, facts)
        return facts

    def file(self, file_id: str) -> tuple[dict[str, Any], bytes]:
        """The facts and content of a stored upload. Raises WorldError FILE_ID_INVALID."""
        facts = self.files.get(file_id)
        if facts is None:
            raise WorldError("FILE_ID_INVALID", "wrong file identifier", 404)
        return facts, (self._world.data_dir / "files" / file_id).read_bytes()

    def open_query(self, person: Person) -> str:
        """A new query id for a Mini App's launch; answerWebAppQuery can use it once."""
        query_id = f"AAE{secrets.token_urlsafe(15)}"
        self.queries[query_id] = person.id
        return query_id


def commands_key(scope: dict[str, Any], language: str) -> str:
    return f"commands:{json.dumps(scope, sort_keys=True)}:{language}"
