"""/add and pasted links: two ways to add channels; `passed_on` has the third."""

from html import escape
from uuid import UUID

from aiogram import Bot, F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import Message

from bot.keyboards import app_button, rows
from bot.reading import with_links
from bot.typing_action import typing
from bot.words import error_line, say
from tg_assistant.core.accounts import tasks
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import channels
from tg_assistant.core.channels.channels import Added
from tg_assistant.core.channels.references import are_references, split_references
from tg_assistant.errors import AssistantError
from tg_assistant.infra.runtime import Runtime

_SHOWN = 60  # characters of a reference in a line of ten
_WAIT_SECONDS = 30  # for Telegram to resolve a name, in addition to the wait of `channels.add`


def make_router() -> Router:
    """Handlers of /add and of a message that is nothing but links and @names."""
    router = Router(name="adding")
    router.message.register(_add, Command("add"))
    router.message.register(_pasted, F.text, _only_names)
    return router


async def _only_names(message: Message) -> bool:
    return are_references(with_links(message))


async def _add(message: Message, command: CommandObject, actor: Actor, rt: Runtime, bot: Bot) -> None:
    if not command.args:
        keyboard = rows(app_button(rt.settings, "bot.button.add_channels", actor.language, "channels/add"))
        await message.answer(say("bot.add.empty", actor.language), reply_markup=keyboard)
        return
    _, *named = with_links(message).split(maxsplit=1)
    await follow(message, actor, rt, bot, link=named[0] if named else command.args)


async def _pasted(message: Message, actor: Actor, rt: Runtime, bot: Bot) -> None:
    await follow(message, actor, rt, bot, link=with_links(message))


async def follow(message: Message, actor: Actor, rt: Runtime, bot: Bot, *, link: str) -> None:
    """Add the channel, or all that are named, and send the result."""
    named = split_references(link)
    async with typing(bot, message.chat.id):
        if len(named) > 1:
            await message.answer(await _all(rt, actor, named))
            return
        added = await channels.add(rt, actor, link=named[0])
        if added.channel is None:
            await message.answer(say("bot.add.checking", actor.language))
            added = await _waited(rt, actor, added)
    await message.answer(_result(added, actor))


def _result(added: Added, actor: Actor) -> str:
    if added.channel is None:
        return say("bot.add.still_checking", actor.language)
    return say("bot.add.done", actor.language, title=added.channel.title)


async def _all(rt: Runtime, actor: Actor, named: list[str]) -> str:
    """A line about each. An error that concerns no single channel ends it, and is raised if it is first."""
    lines: list[str] = []
    for each in named:
        try:
            line = _result(await channels.add(rt, actor, link=each), actor)
        except AssistantError as error:
            own = error.code.startswith("channels.")
            if not own and (not lines or error.code == "database.unavailable"):
                raise
            line = error_line(error, actor.language)
            if not own:
                return "\n".join([*lines, line])
        lines.append(f"{escape(each[:_SHOWN], quote=False)}: {line}")
    return "\n".join(lines)


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
