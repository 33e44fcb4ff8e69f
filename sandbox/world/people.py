"""Telegram accounts: people, their names, settings and 2FA."""

from __future__ import annotations

from typing import Any

from sandbox.world import srp
from sandbox.world.errors import WorldError
from sandbox.world.foundation import Foundation
from sandbox.world.model import Person

FIRST_ID = 710_200_001


class People:
    """Every person in the world, by id; bots are not included."""

    def __init__(self, world: Foundation) -> None:
        self._world = world
        self.by_id = {row["id"]: Person(**row) for row in world.store.load("person")}

    def add(self, row: dict[str, Any]) -> Person:
        """Add an account from {"key","first_name","last_name","username","language"}."""
        number = len(self.by_id)
        person = Person(
            id=row.get("id", FIRST_ID + number * 1111),
            key=row["key"],
            first_name=row["first_name"],
            last_name=row.get("last_name"),
            username=row.get("username"),
            phone=row.get("phone", f"+999662000{number + 1}"),
            language=row.get("language", "en"),
            dc_id=self._world.install.facts["dc_id"],
        )
        self.by_id[person.id] = person
        self.save(person)
        return person

    def get(self, reference: int | str | Person) -> Person:
        """The person with an id, key, @name or phone number. Raises WorldError USER_ID_INVALID."""
        if isinstance(reference, Person):
            return reference
        wanted = str(reference).lstrip("@+").lower()
        for person in self.by_id.values():
            names = (str(person.id), person.key, (person.username or "").lower(), person.phone.lstrip("+"))
            if wanted and wanted in names:
                return person
        raise WorldError("USER_ID_INVALID", f"There is no person {reference}.", 404)

    def named(self, username: str) -> Person | None:
        wanted = username.lower()
        return next((each for each in self.by_id.values() if (each.username or "").lower() == wanted), None)

    def with_phone(self, phone: str) -> Person | None:
        digits = "".join(filter(str.isdigit, phone))
        return next((each for each in self.by_id.values() if each.phone.lstrip("+") == digits), None)

    def set_password(self, person: Person, password: str, hint: str = "") -> None:
        """Turn on two-step verification (the password itself is not stored)."""
        person.password = {**srp.verifier(password), "hint": hint}
        self._changed(person)

    def clear_password(self, person: Person) -> None:
        person.password = None
        self._changed(person)

    def set_preferences(self, person: Person, language: str | None, theme: str | None) -> None:
        """Set the interface language (ru, en) and theme (light, dark). Raises WorldError SETTING_INVALID."""
        if language not in (None, "ru", "en") or theme not in (None, "light", "dark"):
            raise WorldError("SETTING_INVALID", "The language is ru or en, the theme light or dark.")
        person.language = language or person.language
        person.theme = theme or person.theme
        self._changed(person)

    def save(self, person: Person) -> None:
        self._world.store.put("person", person.id, person)

    def _changed(self, person: Person) -> None:
        self.save(person)
        self._world.hub.emit("settings", person=person)
