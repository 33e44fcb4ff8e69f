"""The Bot API's methods by name, in lower case, because Telegram ignores case."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sandbox.bot_api.params import BotError, Params
from sandbox.world.errors import WorldError
from sandbox.world.model import Person
from sandbox.world.world import World

Method = Callable[[World, Params], Any | Awaitable[Any]]
METHODS: dict[str, Method] = {}


def bot_method(name: str) -> Callable[[Method], Method]:
    def register(method: Method) -> Method:
        METHODS[name.lower()] = method
        return method

    return register


def chat_of(world: World, params: Params, *, sending: bool = True) -> Person:
    """The person with chat_id.

    Raises BotError: 400 for an unknown one; with `sending`, 403 if they blocked or never started the bot.
    """
    chat_id = params.integer("chat_id", 0)
    person = world.people.by_id.get(chat_id or 0)
    if person is None:
        raise BotError(400, "Bad Request: chat not found")
    if sending and world.chats.blocked(person):
        raise BotError(403, "Forbidden: bot was blocked by the user")
    if sending and not world.chats.started(person):
        raise BotError(403, "Forbidden: bot can't initiate conversation with a user")
    return person


def as_bot_error(error: WorldError) -> BotError:
    known = {
        "MESSAGE_NOT_MODIFIED": "message is not modified: specified new message content and reply markup are"
        " exactly the same as a current content and reply markup of the message",
        "MESSAGE_TOO_LONG": "message is too long",
        "MESSAGE_ID_INVALID": "message to edit not found",
    }
    return BotError(400, f"Bad Request: {known.get(error.code, str(error))}")
