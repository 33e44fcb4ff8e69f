"""/search: matching posts as a paginated list with extracts, links and dates."""

from html import escape

from aiogram import Bot, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message

from bot.handlers.buttons import show
from bot.keyboards import SearchPage, button
from bot.typing_action import typing
from bot.words import say
from tg_assistant.core.actor import Actor
from tg_assistant.core.retrieval import search
from tg_assistant.core.retrieval.search import Hit
from tg_assistant.infra.runtime import Runtime
from tg_assistant.texts import date

_PAGE = 5
_TITLE = 80
Shown = tuple[str, InlineKeyboardMarkup | None]


def make_router() -> Router:
    """Handlers of /search and its page buttons."""
    router = Router(name="searching")
    router.message.register(_search, Command("search"))
    router.callback_query.register(_turned, SearchPage.filter())
    return router


async def _search(message: Message, command: CommandObject, actor: Actor, rt: Runtime, bot: Bot) -> None:
    if not (command.args or "").strip():
        await message.answer(say("bot.search.empty", actor.language))
        return
    async with typing(bot, message.chat.id):
        shown, keyboard = await _found(rt, actor, command.args or "", 0)
    await message.answer(shown, reply_markup=keyboard)


async def _turned(query: CallbackQuery, callback_data: SearchPage, actor: Actor, rt: Runtime) -> None:
    """Show another page. The query is the message's first line: a button's data is too small for it."""
    words = query.message.text if isinstance(query.message, Message) else None
    if not words:
        await show(query, say("bot.old_button", actor.language))
        return
    await show(query, *await _found(rt, actor, words.partition("\n")[0], callback_data.offset))


async def _found(rt: Runtime, actor: Actor, words: str, offset: int) -> Shown:
    query = " ".join(words.split())
    results = await search.search(rt, actor, query, limit=_PAGE, cursor=search.cursor_at(offset))
    parts = [say("bot.search.head", actor.language, query=query)]
    parts += [_line(hit, n, actor.language) for n, hit in enumerate(results.items, offset + 1)]
    if not results.items:
        parts.append(say("bot.search.nothing", actor.language))
    if results.degraded:
        parts.append(say("bot.search.by_words_only", actor.language))
    back = button("bot.button.previous", actor.language, SearchPage(offset=max(0, offset - _PAGE)))
    more = button("bot.button.next", actor.language, SearchPage(offset=offset + _PAGE))
    turns = [*([back] if offset else []), *([more] if results.next_cursor else [])]
    return "\n\n".join(parts), InlineKeyboardMarkup(inline_keyboard=[turns]) if turns else None


def _line(hit: Hit, n: int, language: str) -> str:
    at, title = hit.shown.post.posted_at, hit.shown.channel.title[:_TITLE]
    head = say("bot.search.line", language, n=n, url=hit.shown.url, title=title, date=date(at, language))
    pieces = ((escape(" ".join(piece.text.split("\n")), quote=False), piece.match) for piece in hit.extract)
    return f"{head}\n{''.join(f'<b>{words}</b>' if match else words for words, match in pieces)}"
