"""Bot API methods about the bot itself: profile, commands, menu button, chats."""

from __future__ import annotations

import re
from typing import Any

from sandbox.bot_api import shapes
from sandbox.bot_api.markup import check_web_app_url
from sandbox.bot_api.params import BotError, Params
from sandbox.bot_api.registry import METHODS, bot_method, chat_of
from sandbox.world.bot import commands_key
from sandbox.world.world import World

COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_TEXTS = {
    "Name": ("name", 64),
    "Description": ("description", 512),
    "ShortDescription": ("short_description", 120),
}


@bot_method("getMe")
def get_me(world: World, params: Params) -> dict[str, Any]:
    return {
        **shapes.bot_user(world),
        "can_join_groups": False,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


@bot_method("getChat")
def get_chat(world: World, params: Params) -> dict[str, Any]:
    person = chat_of(world, params, sending=False)
    return {
        **shapes.private_chat(person),
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": _GIFTS,
    }


_GIFTS = dict.fromkeys(
    ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
)


def _commands_at(params: Params) -> str:
    return commands_key(params.json("scope") or {"type": "default"}, params.text("language_code"))


@bot_method("setMyCommands")
def set_my_commands(world: World, params: Params) -> bool:
    commands = params.json("commands", [])
    if len(commands) > 100:
        raise BotError(400, "Bad Request: too many commands")
    for each in commands:
        if not COMMAND.fullmatch(each.get("command", "")):
            raise BotError(400, "Bad Request: BOT_COMMAND_INVALID")
        if not 1 <= len(each.get("description", "")) <= 256:
            raise BotError(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
    world.bot.set(_commands_at(params), commands)
    world.hub.emit("commands")
    return True


@bot_method("getMyCommands")
def get_my_commands(world: World, params: Params) -> list[dict[str, str]]:
    return world.bot.setting(_commands_at(params), [])


@bot_method("deleteMyCommands")
def delete_my_commands(world: World, params: Params) -> bool:
    world.bot.set(_commands_at(params), None)
    world.hub.emit("commands")
    return True


@bot_method("setChatMenuButton")
def set_chat_menu_button(world: World, params: Params) -> bool:
    button: dict[str, Any] = params.json("menu_button") or {"type": "default"}
    if button["type"] == "web_app":
        check_web_app_url(button.get("web_app", {}).get("url", ""))
    world.bot.set(f"menu_button:{params.integer('chat_id', 0)}", button)
    world.hub.emit("menu_button")
    return True


@bot_method("getChatMenuButton")
def get_chat_menu_button(world: World, params: Params) -> dict[str, Any]:
    own = world.bot.setting(f"menu_button:{params.integer('chat_id', 0)}")
    return own or world.bot.setting("menu_button:0") or {"type": "default"}


def _setter(setting: str, longest: int) -> Any:
    def change(world: World, params: Params) -> bool:
        text = params.text(setting)
        if len(text) > longest:
            raise BotError(400, f"Bad Request: {setting} is too long")
        world.bot.set(f"{setting}:{params.text('language_code')}", text or None)
        return True

    return change


def _getter(setting: str) -> Any:
    def read(world: World, params: Params) -> dict[str, str]:
        own = world.bot.setting(f"{setting}:{params.text('language_code')}")
        fallback = world.install.facts["bot_name"] if setting == "name" else ""
        return {setting: own or world.bot.setting(f"{setting}:") or fallback}

    return read


for _title, (_setting, _longest) in _TEXTS.items():
    METHODS[f"setMy{_title}".lower()] = _setter(_setting, _longest)
    METHODS[f"getMy{_title}".lower()] = _getter(_setting)


@bot_method("getFile")
def get_file(world: World, params: Params) -> dict[str, Any]:
    facts, _ = world.bot.file(params.text("file_id"))
    kept = {name: facts[name] for name in ("file_id", "file_unique_id", "file_size")}
    return {**kept, "file_path": facts["file_id"]}
