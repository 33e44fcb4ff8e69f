"""A person's profile, settings, chat list and live events."""

from __future__ import annotations

from typing import Any

from sandbox import phone_views as views
from sandbox.phone_events import stream
from sandbox.phone_routes.request import Phone, Routes
from sandbox.world.errors import WorldError


def _set_preferences(phone: Phone) -> Any:
    phone.world.people.set_preferences(phone.person, phone.body.get("language"), phone.body.get("theme"))
    return views.person(phone.person)


def _set_two_factor(phone: Phone) -> Any:
    if not phone.text("password"):
        raise WorldError("PASSWORD_EMPTY", "The password is empty.")
    phone.world.people.set_password(phone.person, phone.text("password"), phone.body.get("hint") or "")
    return views.person(phone.person)


def _clear_two_factor(phone: Phone) -> Any:
    phone.world.people.clear_password(phone.person)
    return views.person(phone.person)


def _login_code(phone: Phone) -> Any:
    sent = phone.person.login_code
    return {"code": sent["code"], "date": sent["date"]} if sent else None


ROUTES: Routes = [
    ("GET", "/me", lambda phone: views.person(phone.person)),
    ("PATCH", "/settings", _set_preferences),
    ("PUT", "/two-factor", _set_two_factor),
    ("DELETE", "/two-factor", _clear_two_factor),
    ("GET", "/login-code", _login_code),
    ("GET", "/events", lambda phone: stream(phone.world, phone.person, phone.request)),
    ("GET", "/chats", lambda phone: views.chats(phone.world, phone.person)),
]
