"""/start with its payloads, and joining by an invite."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

from aiogram import F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, Message

from bot import post_text
from bot.handlers.channels import card
from bot.keyboards import app_button, rows
from bot.words import say
from tg_assistant.core.access import rate_limits, sign_in
from tg_assistant.core.accounts import accounts
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import channels
from tg_assistant.core.group import invites, tenants
from tg_assistant.core.posts import posts
from tg_assistant.errors import AlreadyExists, NotFound
from tg_assistant.infra.runtime import Runtime

INVITE = r"(inv_)?[A-Za-z0-9]{12}"


def make_router() -> Router:
    """Handlers of /start, and of an invite's code sent by a person who is not a member."""
    router = Router(name="start")
    router.message.register(_start, Command("start"))
    router.message.register(_typed_code, F.text.regexp(rf"^\s*{INVITE}\s*$"), _no_member)
    return router


async def _no_member(_: Message, actor: Actor) -> bool:
    return actor.tenant_id is None


async def _start(message: Message, command: CommandObject, actor: Actor, rt: Runtime) -> None:
    kind, _, value = (command.args or "").strip().partition("_")
    await _PAYLOADS.get(kind, _greet)(message, value, actor, rt)


async def _greet(message: Message, _: str, actor: Actor, rt: Runtime) -> None:
    text, keyboard = await _next_step(rt, actor)
    await message.answer(text, reply_markup=keyboard)


async def _typed_code(message: Message, actor: Actor, rt: Runtime) -> None:
    """Redeem an invite code sent as plain text by a person who is not a member yet."""
    await _redeem(message, message.text or "", actor, rt)


async def _redeem(message: Message, code: str, actor: Actor, rt: Runtime) -> None:
    await rate_limits.spend(rt, rate_limits.Rule.invites, user_id=actor.user_id)
    if actor.tenant_id is None:  # after a repeated update or a second press they are a member already
        with suppress(AlreadyExists):
            async with rt.db.transaction() as db:
                await invites.redeem(db, actor, code)
    async with rt.db.transaction() as db:
        member = await sign_in.actor(db, actor.user_id, door="bot")
        group = await tenants.name_of(db, member)
    text, keyboard = await _next_step(rt, member)
    await message.answer(
        f"{say('bot.invite.joined', member.language, group=group)}\n\n{text}", reply_markup=keyboard
    )


async def _next_step(rt: Runtime, actor: Actor) -> tuple[str, InlineKeyboardMarkup | None]:
    """The person's next step, as text and buttons: enter an invite, connect, add channels, or ask."""

    def step(code: str, *buttons: InlineKeyboardButton | None) -> tuple[str, InlineKeyboardMarkup | None]:
        return say(f"bot.start.{code}", actor.language, name=actor.name), rows(*buttons)

    open_app = app_button(rt.settings, "bot.button.open_app", actor.language)
    if actor.tenant_id is None:
        return step("stranger", app_button(rt.settings, "bot.button.enter_invite", actor.language))
    async with rt.db.transaction(actor.tenant) as db:
        account = await accounts.own(db, actor)
        readable = await channels.readable_ids(db, actor)
    if account is None and not readable:
        return step("connect", app_button(rt.settings, "bot.button.connect", actor.language, "connect"))
    if not readable:
        add = app_button(rt.settings, "bot.button.add_channels", actor.language, "channels/add")
        return step("channels", add, open_app)
    return step("ready", open_app)


async def _login(message: Message, _: str, actor: Actor, rt: Runtime) -> None:
    keyboard = rows(app_button(rt.settings, "bot.button.connect", actor.language, "connect"))
    await message.answer(say("bot.start.login", actor.language), reply_markup=keyboard)


async def _channel(message: Message, value: str, actor: Actor, rt: Runtime) -> None:
    actor.require()
    async with rt.db.transaction(actor.tenant_id) as db:
        followed = await channels.get(db, actor, _id(value, "channels.not_found"))
    text, keyboard = card(followed, actor.language)
    await message.answer(text, reply_markup=keyboard)


async def _post(message: Message, value: str, actor: Actor, rt: Runtime) -> None:
    actor.require()
    async with rt.db.transaction(actor.tenant_id) as db:
        shown = await posts.get(db, actor, _id(value, "posts.not_found"))
    url = InlineKeyboardButton(text=say("bot.button.open_post", actor.language), url=shown.url)
    await message.answer(**post_text.message(shown), reply_markup=rows(url))


def _id(value: str, code: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise NotFound(code) from None


_PAYLOADS: dict[str, Callable[[Message, str, Actor, Runtime], Awaitable[None]]] = {
    "inv": _redeem,
    "login": _login,
    "ch": _channel,
    "post": _post,
}
