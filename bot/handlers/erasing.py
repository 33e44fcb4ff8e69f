"""/delete_me: two confirmations, a third for a last owner, then everything is deleted; sends a receipt."""

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message

from bot.handlers.buttons import show
from bot.keyboards import ErasureButton, button, rows
from bot.words import say
from tg_assistant.core.actor import Actor
from tg_assistant.core.privacy import erasure
from tg_assistant.core.privacy.erasure import Receipt
from tg_assistant.errors import NotAllowed
from tg_assistant.infra.runtime import Runtime
from tg_assistant.texts import date, text


def make_router() -> Router:
    """Handlers of /delete_me and its confirmations; step 3 deletes the group as well."""
    router = Router(name="erasing")
    router.message.register(_asked, Command("delete_me"))
    router.callback_query.register(_kept, ErasureButton.filter(F.step == 0))
    router.callback_query.register(_once, ErasureButton.filter(F.step == 1))
    router.callback_query.register(_twice, ErasureButton.filter(F.step == 2))
    router.callback_query.register(_with_group, ErasureButton.filter(F.step == 3))
    return router


def _keyboard(code: str, step: int, language: str) -> InlineKeyboardMarkup | None:
    return rows(
        button(code, language, ErasureButton(step=step)),
        button("bot.button.keep", language, ErasureButton(step=0)),
    )


async def _asked(message: Message, actor: Actor) -> None:
    keyboard = _keyboard("bot.button.delete_me", 1, actor.language)
    await message.answer(say("bot.delete.confirm", actor.language), reply_markup=keyboard)


async def _kept(query: CallbackQuery, actor: Actor) -> None:
    await show(query, say("bot.delete.kept", actor.language))


async def _once(query: CallbackQuery, actor: Actor) -> None:
    keyboard = _keyboard("bot.button.delete_me_really", 2, actor.language)
    await show(query, say("bot.delete.confirm_again", actor.language), keyboard)


async def _twice(query: CallbackQuery, actor: Actor, rt: Runtime) -> None:
    try:
        receipt = await erasure.erase(rt, actor)
    except NotAllowed as error:
        if error.code != "erasure.last_owner":
            raise
        keyboard = _keyboard("bot.button.delete_group", 3, actor.language)
        await show(query, say(f"errors.{error.code}", actor.language), keyboard)
    else:
        await _done(query, actor, receipt)


async def _with_group(query: CallbackQuery, actor: Actor, rt: Runtime) -> None:
    await _done(query, actor, await erasure.erase(rt, actor, with_group=True))


async def _done(query: CallbackQuery, actor: Actor, receipt: Receipt) -> None:
    at = receipt.at
    values = {
        "channels": text("bot.delete.channels", actor.language, n=receipt.channels),
        "questions": text("bot.delete.questions", actor.language, n=receipt.questions),
        "date": date(at, actor.language),
        "number": str(receipt.id),
    }
    group = f"\n\n{say('bot.delete.group', actor.language)}" if receipt.group else ""
    await show(query, say("bot.delete.done", actor.language, **values) + group)
