"""Whatever Telegram may deliver of a person's own making: each is handled, and none is a failure of ours."""

from collections.abc import Iterator
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from aiogram.filters.callback_data import CallbackData
from aiogram.types import Update
from sqlalchemy import text
from structlog.testing import capture_logs

from bot.bot_profile import COMMANDS
from bot.dispatcher import make_dispatcher
from bot.handlers.start import _PAYLOADS
from bot.telegram import Contact, open_bot
from sandbox.faults import bot_error
from tests.api.hostile import CURSORS, DATES, NUMBERS, STRINGS
from tests.followed import account
from tests.people import member, tenant
from tests.servers import all_tenants
from tg_assistant.infra.postgres.pg_text import storable
from tg_assistant.models import Role

# not those words that a channel may well be called: the bot asks Telegram about them
_MOMENTS = tuple(str(one) for one in (*DATES, *NUMBERS[:4]) if not str(one).lstrip("-").isalpha())
TEXTS = (*STRINGS, *_MOMENTS, "<b>", "&amp;", "{name}", "%s", "'; DROP TABLE posts; --")
NAMES = ("", "x" * 10_000, "a\x00b", "\ud83d", "\u202e" * 64, "<script>", "{0}", "\u200b", "\ufdfd" * 64)
LANGUAGES = ("", "x" * 1_000, "../../ru", "ru\x00", "EN", "zh-hans", "\u202e")
UPDATES, MESSAGES = count(1), count(10**6)
BUTTONS = CallbackData.__subclasses__()


@pytest.fixture(scope="module")
async def people(rt: Any, telegram: Any) -> dict[str, int]:
    """A user and an owner, who have begun a chat and linked an account."""
    found = {}
    for name, role in (("anna", Role.user), ("max", Role.owner)):
        telegram_id = telegram.phone(name).person.id
        async with rt.db.transaction() as db:
            actor = await member(db, await tenant(db), telegram_id, Role.admin)
            await account(db, actor)
        found[name] = telegram_id
        telegram.phone(name).send("/start")
        async with all_tenants(rt) as db:
            raised = text("UPDATE memberships SET role = :role WHERE user_id = :user")
            await db.exec(raised.bindparams(role=role.value, user=actor.user_id))
    return found


@pytest.fixture(scope="module")
async def fed(rt: Any, telegram: Any, people: dict[str, int]) -> Any:
    """fed(kind, body): through the dispatcher, as the table hands updates on; what the log calls wrong."""
    dispatcher = make_dispatcher(rt)
    async with open_bot(rt.settings, Contact()) as bot:

        async def feed(kind: str, body: dict[str, Any]) -> list[Any]:
            raw = storable({"update_id": next(UPDATES), kind: body})
            telegram.world.bot.confirm_below(2**62)
            with capture_logs() as lines:
                await dispatcher.feed_update(bot, Update.model_validate(raw, context={"bot": bot}))
            return [line for line in lines if line["log_level"] in ("error", "critical", "warning")]

        yield feed


def message(person: int, **body: Any) -> dict[str, Any]:
    who = {"id": person, "is_bot": False, "first_name": "M", "language_code": "en"}
    chat = {"id": person, "type": "private"}
    return {"message_id": next(MESSAGES), "date": 1, "chat": chat, "from": who, **body}


def _texts() -> Iterator[str]:
    for words in TEXTS:
        yield words
        yield f"/{words}"
        yield from (f"/start {payload}_{words}" for payload in _PAYLOADS)
        yield from (f"/{command} {words}" for command in (*COMMANDS, "start", "admin"))


@pytest.mark.parametrize("who", ["anna", "max"])
async def test_texts_commands_and_payloads(fed: Any, people: dict[str, int], who: str) -> None:
    """Each command and start payload with each hard string behind it."""
    for words in _texts():
        found = await fed("message", message(people[who], text=words))
        assert not found, (words[:60], found)


def _data(button: type[CallbackData]) -> Iterator[str]:
    """The button's data with each hard value in each of its fields; Telegram carries 64 bytes of it."""
    good = {UUID: str(UUID(int=7)), int: "-1", str: "show"}
    for field in button.model_fields:
        for wrong in (*TEXTS, *CURSORS, ":", "::::"):
            parts = [
                str(wrong) if name == field else good.get(one.annotation, "0")
                for name, one in button.model_fields.items()
            ]
            packed = storable(":".join((button.__prefix__, *parts)))
            yield packed.encode()[:64].decode("utf-8", "ignore")


@pytest.mark.parametrize("button", BUTTONS, ids=lambda one: one.__prefix__)
async def test_buttons(fed: Any, people: dict[str, int], button: type[CallbackData]) -> None:
    """Each field of each kind of button; also of messages that are gone, and of none."""
    for data in dict.fromkeys(_data(button)):
        for under in (
            message(people["max"], text="words\nof a list"),
            {"chat": {"id": people["max"], "type": "private"}, "message_id": 1, "date": 0},
            None,
        ):
            who = message(people["max"])["from"]
            pressed = {"id": "7", "from": who, "chat_instance": "1", "data": data}
            found = await fed("callback_query", pressed | ({"message": under} if under else {}))
            assert not found, (data, found)


async def test_names_and_languages(fed: Any, people: dict[str, int]) -> None:
    """What people call themselves, in every field of a profile, and languages nobody speaks."""
    for field, values in (
        ("first_name", NAMES),
        ("last_name", NAMES),
        ("username", NAMES),
        ("language_code", LANGUAGES),
    ):
        for value in values:
            body = message(people["anna"], text="/start")
            body["from"] = {**body["from"], field: value}
            found = await fed("message", body)
            assert not found, (field, value[:60], found)
    assert not await fed("message", message(people["anna"], text="/help"))


ORIGIN = {"type": "channel", "date": 1, "message_id": 2**31, "chat": {"id": -(10**18), "type": "channel"}}
OTHER = [
    {"forward_origin": ORIGIN, "text": "x"},
    {"forward_origin": {**ORIGIN, "chat": {"id": 0, "type": "channel", "username": "a\x00'b"}}, "text": "x"},
    {"forward_origin": {"type": "hidden_user", "date": 1, "sender_user_name": "\u202e"}, "text": "x"},
    {"text": "/ask x", "entities": [{"type": "bot_command", "offset": 10**6, "length": -1}]},
    {"text": "/add x", "entities": [{"type": "text_link", "offset": 0, "length": 3, "url": "javascript:1"}]},
    {"caption": "/delete_me", "photo": []},
    {"sticker": {"file_id": "", "file_unique_id": "", "type": "regular", "width": 0, "height": 0}
     | {"is_animated": False, "is_video": False}},
    {"new_chat_members": []},
    {"web_app_data": {"data": "x" * 4096, "button_text": "\x00"}},
    {"contact": {"phone_number": "0", "first_name": ""}},
    {},
]  # fmt: skip


@pytest.mark.parametrize("body", OTHER, ids=range(len(OTHER)))
async def test_other_messages(fed: Any, people: dict[str, int], body: dict[str, Any]) -> None:
    """Forwards of nowhere, entities beyond the text, kinds nobody asked for; edited and in groups, too."""
    for kind in ("message", "edited_message", "channel_post", "business_message"):
        assert not await fed(kind, message(people["max"], **body)), kind
        group = message(people["max"], **body) | {
            "chat": {"id": people["anna"], "type": "supergroup", "title": "\u202e"}
        }
        assert not await fed(kind, group), kind
        nobody = {name: value for name, value in group.items() if name != "from"}
        assert not await fed(kind, nobody), kind


async def test_who_blocks_the_bot_before_a_refusal_is_told(
    fed: Any, people: dict[str, int], telegram: Any
) -> None:
    """The refusal has nobody to be said to: the update is done with, not tried again and held."""
    telegram.fail("sendMessage", bot_error(403, "Forbidden: bot was blocked by the user"))
    assert not await fed("message", message(people["max"], text="/start ch_nothing"))
