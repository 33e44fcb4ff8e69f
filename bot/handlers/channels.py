"""/channels: the channels followed and how far they are read; pause, resume and remove."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message

from bot.handlers.buttons import show
from bot.keyboards import (
    PAGE,
    ChannelButton,
    ChannelsPage,
    app_button,
    channel_card,
    channel_list,
    confirm_remove,
    rows,
)
from bot.words import error_text, say
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import channels
from tg_assistant.core.channels.channels import Followed
from tg_assistant.core.posts import posts
from tg_assistant.errors import NotFound
from tg_assistant.infra.runtime import Runtime
from tg_assistant.texts import text

Shown = tuple[str, InlineKeyboardMarkup | None]


def make_router() -> Router:
    """Handlers of /channels, its page buttons, and the buttons of one channel."""
    router = Router(name="channels")
    router.message.register(_list, Command("channels"))
    router.callback_query.register(_turned, ChannelsPage.filter())
    router.callback_query.register(_pressed, ChannelButton.filter())
    return router


async def _list(message: Message, actor: Actor, rt: Runtime) -> None:
    shown, keyboard = await _listed(rt, actor, 0)
    await message.answer(shown, reply_markup=keyboard)


async def _turned(query: CallbackQuery, callback_data: ChannelsPage, actor: Actor, rt: Runtime) -> None:
    await show(query, *await _listed(rt, actor, callback_data.page))


async def _listed(rt: Runtime, actor: Actor, page: int) -> Shown:
    async with rt.db.transaction(actor.tenant_id) as db:
        followed = await channels.list_(db, actor)
    if not followed:
        add = app_button(rt.settings, "bot.button.add_channels", actor.language, "channels/add")
        return say("bot.channels.none", actor.language), rows(add)
    page = max(0, min(page, (len(followed) - 1) // PAGE))
    lines = [
        say("bot.channels.line", actor.language, title=each.channel.title, state=_state(each, actor.language))
        for each in followed[page * PAGE : (page + 1) * PAGE]
    ]
    head = say("bot.channels.head", actor.language, n=len(followed))
    keyboard = channel_list(rt.settings, followed, page, actor.language)
    return "\n\n".join([head, "\n".join(lines), say("bot.channels.hint", actor.language)]), keyboard


def _state(followed: Followed, language: str) -> str:
    """How far the channel is read, in a few words."""
    progress = followed.progress
    count = text("bot.channels.posts", language, n=progress.done)
    if progress.last_error:
        return text("bot.channels.state.stopped", language, posts=count)
    if followed.subscription.paused:
        return text("bot.channels.state.paused", language, posts=count)
    if progress.finished:
        return text("bot.channels.state.ready", language, posts=count)
    if not progress.done:
        return text("bot.channels.state.waiting", language)
    percent = min(99, 100 * progress.done // max(1, progress.total_estimate))
    return text("bot.channels.state.loading", language, posts=count, percent=percent)


def card(followed: Followed, language: str) -> Shown:
    """The text and the buttons for one channel."""
    lines = [
        say("bot.channels.title", language, title=followed.channel.title),
        say("bot.channels.state_line", language, state=_state(followed, language)),
    ]
    if followed.progress.last_error:
        lines.append(error_text(followed.progress.last_error, language, title=followed.channel.title))
    if newest := followed.progress.known_high:
        url = posts.permalink(followed.channel, newest)
        lines.append(say("bot.channels.newest", language, url=url))
    return "\n".join(lines), channel_card(followed, language)


async def _pressed(query: CallbackQuery, callback_data: ChannelButton, actor: Actor, rt: Runtime) -> None:
    if callback_data.action == "remove":
        await _removed(query, callback_data, actor, rt)
        return
    async with rt.db.transaction(actor.tenant_id) as db:
        followed = await channels.get(db, actor, callback_data.id)
        if callback_data.action in {"pause", "resume"}:
            await channels.pause(db, actor, callback_data.id, callback_data.action == "pause")
    if callback_data.action == "ask_remove":
        title = followed.channel.title
        question = say("bot.channels.confirm_remove", actor.language, title=title)
        await show(query, question, confirm_remove(callback_data.id, actor.language))
        return
    await show(query, *card(followed, actor.language))


async def _removed(query: CallbackQuery, callback_data: ChannelButton, actor: Actor, rt: Runtime) -> None:
    try:
        async with rt.db.transaction(actor.tenant_id) as db:
            await channels.remove(db, actor, callback_data.id)
    except NotFound:
        pass  # already removed, by a repeated update or in the app
    notice = text("bot.channels.removed", actor.language)
    await show(query, *await _listed(rt, actor, 0), notice=notice)
