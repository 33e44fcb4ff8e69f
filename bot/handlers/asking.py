"""/ask and plain text: a question, its answer as it grows, then the answer with its sources."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from uuid import NAMESPACE_URL, UUID, uuid5

from aiogram import Bot, F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import Message

from bot.answer import messages
from bot.keyboards import app_button, rows
from bot.telegram import only_while
from bot.typing_action import Draft, typing
from bot.words import error_text, say
from tg_assistant.core.actor import Actor
from tg_assistant.core.answers import answers, showing
from tg_assistant.core.answers.answers import Delta, Done, Event
from tg_assistant.core.channels import channels
from tg_assistant.errors import AlreadyExists, NotAllowed, SignInNeeded
from tg_assistant.infra.runtime import Runtime

_LOGIN_CODE = re.compile(r"\s*\d(?:[\s-]?\d){4,5}\s*")  # Telegram sends five or six digits


class Running:
    """The question being answered in each chat, so that /cancel can stop it."""

    def __init__(self) -> None:
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def stop(self, chat_id: int) -> bool:
        """Stop the chat's question; False if there is none."""
        task = self._tasks.get(chat_id)
        return task is not None and task.cancel()

    async def run(self, chat_id: int, task: asyncio.Task[None]) -> None:
        """Wait for the task. Its being stopped is no error; our own cancellation is raised."""
        self._tasks[chat_id] = task
        try:
            await task
        except asyncio.CancelledError:
            own = asyncio.current_task()
            if own is not None and own.cancelling():
                raise
        finally:
            self._tasks.pop(chat_id, None)


def make_router() -> Router:
    """Handlers of /ask and of every text that no earlier handler matched."""
    router = Router(name="asking")
    router.message.register(_command, Command("ask"))
    router.message.register(_plain, F.text, ~F.text.startswith("/"))
    return router


async def _command(
    message: Message, command: CommandObject, actor: Actor, rt: Runtime, bot: Bot, running: Running
) -> None:
    if not (command.args or "").strip():
        await message.answer(say("bot.ask.empty", actor.language))
        return
    await running.run(message.chat.id, asyncio.create_task(_ask(message, command.args or "", actor, rt, bot)))


async def _plain(message: Message, actor: Actor, rt: Runtime, bot: Bot, running: Running) -> None:
    question = message.text or ""
    if _LOGIN_CODE.fullmatch(question):
        await message.answer(say("bot.login_code", actor.language))
        return
    await running.run(message.chat.id, asyncio.create_task(_ask(message, question, actor, rt, bot)))


async def _ask(message: Message, question: str, actor: Actor, rt: Runtime, bot: Bot) -> None:
    async with typing(bot, message.chat.id):
        draft = Draft(bot, message.chat.id, message.message_id)
        # the same id on every try for this message
        name = f"tg://bot?id={bot.id}&chat={message.chat.id}&message={message.message_id}"
        events = _events(rt, actor, question, uuid5(NAMESPACE_URL, name))
        done = await _answered(events, rt, actor, draft)
    if done.abstained:
        async with rt.db.transaction(actor.tenant) as db:
            readable = await channels.readable_ids(db, actor)
        if not readable:
            add = app_button(rt.settings, "bot.button.add_channels", actor.language, "channels/add")
            await message.answer(say("bot.ask.no_channels", actor.language), reply_markup=rows(add))
            return
    with only_while(lambda: showing.check(rt, actor, showing.places_of(done))):
        for html in messages(done, actor.language):
            await message.answer(html)


async def _events(rt: Runtime, actor: Actor, question: str, question_id: UUID) -> AsyncIterator[Event]:
    """The events of the answer. A message processed again (process died, Telegram was away) resumes it."""
    try:
        async for event in answers.ask(rt, actor, question, question_id=question_id):
            yield event
    except AlreadyExists:
        async for event in answers.resume(rt, actor, question_id):
            yield event


async def _answered(events: AsyncIterator[Event], rt: Runtime, actor: Actor, draft: Draft) -> Done:
    growing, rests = "", list[showing.Place]()
    done: Done | None = None
    try:
        async with aclosing(showing.watched(rt, actor, events)) as shown:
            async for event in shown:
                rests = showing.places_of(event) or rests
                if isinstance(event, Delta):
                    growing += event.text
                    with only_while(partial(showing.check, rt, actor, rests)):
                        await draft.show(growing)
                elif isinstance(event, Done):
                    done = event
    except (NotAllowed, SignInNeeded) as lost:
        await draft.replace(error_text(lost.code, actor.language))
        raise
    assert done is not None, "the events of an answer end in Done"
    return done
