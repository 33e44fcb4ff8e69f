"""Settings → Devices: sessions, the in-app scanner, and opening a login link."""

from __future__ import annotations

from typing import Any

from sandbox import phone_views as views
from sandbox.phone_routes.request import Phone, Routes

WARNING = {
    "ru": "Ссылка для входа не входит никуда: отсканируйте код камерой в Настройках → Устройства.",
    "en": "This link logs nothing in: scan the code with the camera in Settings → Devices.",
}


def _devices(phone: Phone) -> Any:
    sessions = phone.world.keys.sessions(phone.person)
    return [views.device(key, online=phone.online(key.id)) for key in sessions]


def _terminate(phone: Phone) -> Any:
    phone.world.keys.log_out(phone.world.keys.session(phone.person, phone.number("hash")))
    return {"terminated": 1}


def _terminate_all(phone: Phone) -> Any:
    sessions = phone.world.keys.sessions(phone.person)
    for key in sessions:
        phone.world.keys.log_out(key)
    return {"terminated": len(sessions)}


def _shown_codes(phone: Phone) -> Any:
    return [views.code(phone.world, each) for each in phone.world.tokens.shown()]


def _scan(phone: Phone) -> Any:
    key = phone.world.keys.accept(phone.person, phone.text("token"))
    return views.device(key, online=phone.online(key.id))


def _open_link(phone: Phone) -> Any:
    return {"warning": WARNING[phone.person.language]}


ROUTES: Routes = [
    ("GET", "/devices", _devices),
    ("DELETE", "/devices/{hash}", _terminate),
    ("DELETE", "/devices", _terminate_all),
    ("GET", "/scanner", _shown_codes),
    ("POST", "/scanner", _scan),
    ("POST", "/open-link", _open_link),
]
