"""/help, /language, /privacy and /cancel."""

from aiogram import Bot, F, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, InlineKeyboardButton, Message

from bot.bot_profile import Chats
from bot.handlers.asking import Running
from bot.handlers.buttons import show
from bot.keyboards import LanguageButton, app_button, rows
from bot.words import say
from tg_assistant.core.access import sign_in
from tg_assistant.core.actor import Actor
from tg_assistant.infra.runtime import Runtime
from tg_assistant.texts import LANGUAGES, text


def make_router() -> Router:
    """Handlers of /help, /privacy, /language with its buttons, and /cancel."""
    router = Router(name="person")
    router.message.register(_help, Command("help"))
    router.message.register(_privacy, Command("privacy"))
    router.message.register(_language, Command("language"))
    router.message.register(_cancel, Command("cancel"))
    router.callback_query.register(_chosen, LanguageButton.filter(F.code.in_(LANGUAGES)))
    return router


async def _help(message: Message, actor: Actor, rt: Runtime) -> None:
    keyboard = rows(app_button(rt.settings, "bot.button.open_app", actor.language))
    await message.answer(say("bot.help", actor.language), reply_markup=keyboard)


async def _privacy(message: Message, actor: Actor) -> None:
    await message.answer(say("bot.privacy", actor.language))


async def _language(message: Message, actor: Actor) -> None:
    keyboard = rows(
        *(
            InlineKeyboardButton(
                text=text("bot.language.name", code), callback_data=LanguageButton(code=code).pack()
            )
            for code in LANGUAGES
        )
    )
    await message.answer(say("bot.language.choose", actor.language), reply_markup=keyboard)


async def _chosen(
    query: CallbackQuery, callback_data: LanguageButton, actor: Actor, rt: Runtime, bot: Bot, chats: Chats
) -> None:
    async with rt.db.transaction(actor.tenant_id) as db:
        actor = await sign_in.set_language(db, actor, callback_data.code)
    await show(query, say("bot.language.done", actor.language))
    await chats.speak(bot, actor)


async def _cancel(message: Message, actor: Actor, running: Running) -> None:
    stopped = running.stop(message.chat.id)
    await message.answer(say("bot.cancel.stopped" if stopped else "bot.cancel.nothing", actor.language))
