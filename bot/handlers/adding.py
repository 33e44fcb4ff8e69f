"""/add and a pasted link: two ways to add a channel; `passed_on` has the third."""

from uuid import UUID

from aiogram import Bot, F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import Message

from bot.keyboards import app_button, rows
from bot.typing_action import typing
from bot.words import say
from tg_assistant.core.accounts import tasks
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import channels
from tg_assistant.core.channels.channels import Added
from tg_assistant.infra.runtime import Runtime

_WAIT_SECONDS = 30  # for Telegram to resolve a name, in addition to the wait of `channels.add`
_LINK = r"^\s*(@[A-Za-z][A-Za-z0-9_]{3,31}|(https?://)?(www\.)?(t|telegram)\.me/\S+)\s*$"


def make_router() -> Router:
    """Handlers of /add and of a bare link or @name."""
    router = Router(name="adding")
    router.message.register(_add, Command("add"))
    router.message.register(_pasted, F.text.regexp(_LINK))
    return router


async def _add(message: Message, command: CommandObject, actor: Actor, rt: Runtime, bot: Bot) -> None:
    if not command.args:
        keyboard = rows(app_button(rt.settings, "bot.button.add_channels", actor.language, "channels/add"))
        await message.answer(say("bot.add.empty", actor.language), reply_markup=keyboard)
        return
    await follow(message, actor, rt, bot, link=command.args)


async def _pasted(message: Message, actor: Actor, rt: Runtime, bot: Bot) -> None:
    await follow(message, actor, rt, bot, link=(message.text or "").strip())


async def follow(message: Message, actor: Actor, rt: Runtime, bot: Bot, *, link: str) -> None:
    """Add the channel and send the result."""
    async with typing(bot, message.chat.id):
        added = await channels.add(rt, actor, link=link)
        if added.channel is None:
            await message.answer(say("bot.add.checking", actor.language))
            added = await _waited(rt, actor, added)
    if added.channel is None:
        await message.answer(say("bot.add.still_checking", actor.language))
        return
    await message.answer(say("bot.add.done", actor.language, title=added.channel.title))


async def _waited(rt: Runtime, actor: Actor, added: Added) -> Added:
    """Wait until Telegram has resolved the name; `added` unchanged if it takes too long.

    Raises the error that the task ended with.
    """
    assert added.task_id
    task = await tasks.wait(rt, actor, added.task_id, seconds=_WAIT_SECONDS)
    if task is None:
        return added
    found = tasks.outcome(task)
    async with rt.db.transaction(actor.tenant) as db:
        return Added((await channels.get(db, actor, UUID(found["channel_id"]))).channel)
