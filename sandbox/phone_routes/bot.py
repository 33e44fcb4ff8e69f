"""The bot's chat: reading, writing, pressing buttons, opening the Mini App."""

from __future__ import annotations

from typing import Any

from sandbox import phone_views as views
from sandbox.bot_api import inbox
from sandbox.bot_api.contents import content
from sandbox.initdata import launch
from sandbox.phone_routes.request import Phone, Routes
from sandbox.world.errors import WorldError


def _bot(phone: Phone) -> Any:
    world, facts = phone.world, phone.world.install.facts
    return {
        "id": facts["bot_id"],
        "username": facts["bot_username"],
        "first_name": facts["bot_name"],
        "description": world.bot.setting(f"description:{phone.person.language}")
        or world.bot.setting("description:", ""),
        "short_description": world.bot.setting("short_description:", ""),
        "started": world.chats.started(phone.person),
        "blocked": world.chats.blocked(phone.person),
    }


def _messages(phone: Phone) -> Any:
    before = phone.number("before_id") or 2**62
    found = [each for each in phone.world.chats.messages(phone.person) if each.id < before]
    shown = found[-max(1, min(phone.number("limit", 50), 200)) :]
    draft = phone.world.chats.draft(phone.person)
    return {"messages": [views.bot_message(phone.world, each) for each in shown], "draft": draft}


def _write(phone: Phone) -> Any:
    forward = phone.body.get("forward")
    if isinstance(forward, dict):
        origin = int(forward.get("channel_id", 0)), int(forward.get("post_id", 0))
        item = inbox.forward(phone.world, phone.person, *origin)
    elif kind := phone.body.get("kind"):
        caption = phone.body.get("text") or ""
        item = inbox.send(phone.world, phone.person, caption, content=content(str(kind)))
    else:
        item = inbox.send(phone.world, phone.person, phone.text("text"), reply_to=phone.body.get("reply_to"))
    return views.bot_message(phone.world, item)


def _start(phone: Phone) -> Any:
    payload = phone.body.get("start_param") or ""
    item = inbox.send(phone.world, phone.person, f"/start {payload}".strip())
    return views.bot_message(phone.world, item)


async def _press(phone: Phone) -> Any:
    answer = await inbox.press(
        phone.world, phone.person, int(phone.body.get("message_id", 0)), phone.text("data")
    )
    return vars(answer)


def _block(phone: Phone) -> Any:
    inbox.block(phone.world, phone.person, bool(phone.body.get("blocked")))
    return {"blocked": phone.world.chats.blocked(phone.person)}


def _open_web_app(phone: Phone) -> Any:
    url = phone.body.get("url")
    if phone.body.get("source") == "menu":
        url = phone.world.bot.menu_button_for(phone.person).get("web_app", {}).get("url")
    if not url:
        raise WorldError("URL_INVALID", "There is no Mini App to open here.")
    return vars(launch(phone.world, phone.person, url, phone.body))


def _web_app_data(phone: Phone) -> Any:
    item = inbox.send_web_app_data(
        phone.world, phone.person, phone.text("data"), phone.body.get("button_text", "")
    )
    return views.bot_message(phone.world, item)


ROUTES: Routes = [
    ("GET", "/bot", _bot),
    ("GET", "/bot/messages", _messages),
    ("POST", "/bot/messages", _write),
    ("DELETE", "/bot/messages", lambda phone: {"cleared": phone.world.chats.clear(phone.person)}),
    ("POST", "/bot/start", _start),
    ("POST", "/bot/callback", _press),
    ("POST", "/bot/block", _block),
    ("GET", "/bot/commands", lambda phone: phone.world.bot.commands_for(phone.person)),
    ("GET", "/bot/menu-button", lambda phone: phone.world.bot.menu_button_for(phone.person)),
    ("POST", "/bot/web-app", _open_web_app),
    ("POST", "/bot/web-app-data", _web_app_data),
]
