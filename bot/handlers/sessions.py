"""/sessions: the linked Telegram account and logging it out."""

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message

from bot.handlers.buttons import show
from bot.keyboards import SessionButton, app_button, button, rows
from bot.words import say
from tg_assistant.core.accounts import accounts
from tg_assistant.core.actor import Actor
from tg_assistant.errors import NotFound
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, AccountStatus
from tg_assistant.texts import date, text


def make_router() -> Router:
    """Handlers of /sessions and its buttons; logging out needs a confirmation."""
    router = Router(name="sessions")
    router.message.register(_sessions, Command("sessions"))
    router.callback_query.register(_ask, SessionButton.filter(F.action == "ask"))
    router.callback_query.register(_log_out, SessionButton.filter(F.action == "log_out"))
    router.callback_query.register(_keep, SessionButton.filter(F.action == "keep"))
    return router


async def _sessions(message: Message, actor: Actor, rt: Runtime) -> None:
    shown, keyboard = await _shown(rt, actor)
    await message.answer(shown, reply_markup=keyboard)


async def _shown(rt: Runtime, actor: Actor) -> tuple[str, InlineKeyboardMarkup | None]:
    async with rt.db.transaction(actor.tenant_id) as db:
        linked = await accounts.list_(db, actor)
    app = app_button(rt.settings, "bot.button.sessions", actor.language, "sessions")
    if not linked:
        connect = app_button(rt.settings, "bot.button.connect", actor.language, "connect")
        return say("bot.sessions.none", actor.language), rows(connect)
    lines = [_line(each, actor.language) for each in linked]
    buttons = [
        button("bot.button.log_out", actor.language, SessionButton(action="ask", id=each.id))
        for each in linked
        if each.status == AccountStatus.connected
    ]
    if not buttons:
        app = app_button(rt.settings, "bot.button.connect", actor.language, "connect")
    return "\n\n".join([say("bot.sessions.head", actor.language), *lines]), rows(*buttons, app)


def _line(account: Account, language: str) -> str:
    if account.status != AccountStatus.connected:
        return say("bot.sessions.ended", language)
    name = text("sessions.account_name", language)
    return say("bot.sessions.line", language, device=name, date=date(account.connected_at, language))


async def _ask(query: CallbackQuery, callback_data: SessionButton, actor: Actor) -> None:
    keyboard = rows(
        button(
            "bot.button.log_out_yes", actor.language, SessionButton(action="log_out", id=callback_data.id)
        ),
        button("bot.button.keep", actor.language, SessionButton(action="keep", id=callback_data.id)),
    )
    await show(query, say("bot.sessions.confirm", actor.language), keyboard)


async def _log_out(query: CallbackQuery, callback_data: SessionButton, actor: Actor, rt: Runtime) -> None:
    actor.require()
    try:
        done = await accounts.disconnect(rt, actor, callback_data.id)
    except NotFound:
        done = True  # already logged out
    await show(query, say("bot.sessions.done" if done else "bot.sessions.pending", actor.language))


async def _keep(query: CallbackQuery, actor: Actor, rt: Runtime) -> None:
    await show(query, *await _shown(rt, actor))
