"""What aiogram may expect of the Bot API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiogram import Bot, Dispatcher, F, exceptions
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllPrivateChats,
    BufferedInputFile,
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputTextMessageContent,
    MenuButtonWebApp,
    Message,
    Update,
    WebAppInfo,
)
from aiogram.webhook.aiohttp_server import SimpleRequestHandler
from aiohttp import web

from sandbox.control import Sandbox
from sandbox.faults import bot_error
from tests.sandbox.conftest import Phone
from tests.sandbox.test_live import until

APP = "https://app.example/tg/app/"


@asynccontextmanager
async def polling(dispatcher: Dispatcher, bot: Bot) -> AsyncIterator[None]:
    """aiogram's own polling around the block."""
    task = asyncio.ensure_future(dispatcher.start_polling(bot, handle_signals=False))
    await asyncio.sleep(0.1)
    yield
    await dispatcher.stop_polling()
    await task


async def _talk(sandbox: Sandbox, bot: Bot) -> int:
    """Anna starts the bot; returns her chat's id."""
    sandbox.phone("anna").send("/start")
    await bot.get_updates(offset=-1)
    await bot.get_updates(offset=2**31 - 1)
    return sandbox.phone("anna").person.id


async def test_get_me(sandbox: Sandbox, bot: Bot) -> None:
    """The bot knows its name."""
    assert (await bot.get_me()).username == sandbox.install["bot_username"]


async def test_wrong_token_is_unauthorised(sandbox: Sandbox, bot: Bot) -> None:
    """Another token opens nothing."""
    stranger = Bot("1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", session=bot.session)
    with pytest.raises(exceptions.TelegramUnauthorizedError):
        await stranger.get_me()


async def test_polling_answers_a_person(sandbox: Sandbox, bot: Bot) -> None:
    """A message goes to the handler and the reply to the phone."""
    dispatcher = Dispatcher()

    @dispatcher.message(F.text == "/start inv_1")
    async def greet(message: Message) -> None:
        assert message.from_user and message.from_user.language_code == "ru"
        await message.reply("<b>Здравствуйте</b>", parse_mode="HTML")

    async with polling(dispatcher, bot):
        sent = sandbox.phone("anna").send("/start inv_1")
        await until(lambda: len(sandbox.phone("anna").messages()) == 2)
    answer = sandbox.phone("anna").messages()[-1]
    assert (answer.text, answer.reply_to) == ("Здравствуйте", sent.id)
    assert answer.entities == [{"type": "bold", "offset": 0, "length": 12}]


async def test_buttons_edit_and_web_app(sandbox: Sandbox, bot: Bot) -> None:
    """A pressed button reaches the bot, which edits its message and answers the press."""
    dispatcher = Dispatcher()
    chat_id = await _talk(sandbox, bot)
    buttons = [
        InlineKeyboardButton(text="Да", callback_data="yes"),
        InlineKeyboardButton(text="Открыть", web_app=WebAppInfo(url=APP)),
    ]
    sent = await bot.send_message(
        chat_id, "Вопрос", reply_markup=InlineKeyboardMarkup(inline_keyboard=[buttons])
    )

    @dispatcher.callback_query(F.data == "yes")
    async def pressed(query: CallbackQuery) -> None:
        assert isinstance(query.message, Message)
        await query.message.edit_text("Ответ")
        await query.answer("Готово", show_alert=True)

    async with polling(dispatcher, bot):
        answer = await sandbox.phone("anna").press(sent.message_id, "yes")
    assert (answer.text, answer.show_alert) == ("Готово", True)
    assert sandbox.phone("anna").messages()[-1].text == "Ответ"
    with pytest.raises(exceptions.TelegramBadRequest, match="not modified"):
        await bot.edit_message_text("Ответ", chat_id=chat_id, message_id=sent.message_id)


async def test_updates_stay_until_confirmed(sandbox: Sandbox, bot: Bot) -> None:
    """An offset confirms what is before it and nothing else."""
    for text in ("a", "b", "c"):
        sandbox.phone("anna").send(text)
    first = await bot.get_updates()
    assert [update.message.text for update in first if update.message] == ["a", "b", "c"]
    assert await bot.get_updates() == first
    assert await bot.get_updates(offset=first[1].update_id, limit=1) == [first[1]]
    assert await bot.get_updates(offset=first[2].update_id + 1) == []


async def test_a_second_poller_ends_the_first(sandbox: Sandbox, bot: Bot) -> None:
    """Two pollers: 409 for the one that waited."""
    waiting = asyncio.ensure_future(bot.get_updates(timeout=20))
    await asyncio.sleep(0.1)
    second = asyncio.ensure_future(bot.get_updates(timeout=20))
    with pytest.raises(exceptions.TelegramConflictError):
        await waiting
    sandbox.phone("anna").send("hi")
    assert len(await second) == 1


async def test_webhook_with_secret_is_retried_until_accepted(sandbox: Sandbox, bot: Bot) -> None:
    """Updates come in order with the secret; refusals are retried; polling conflicts."""
    dispatcher, heard, refusals = Dispatcher(), [], [500, 503]

    @dispatcher.message()
    async def hear(message: Message) -> Any:
        heard.append(message.text)
        return message.answer(f"heard {message.text}")

    @web.middleware
    async def refuse_at_first(request: web.Request, handler: Any) -> web.StreamResponse:
        if refusals:
            return web.Response(status=refusals.pop())
        return await handler(request)

    app = web.Application(middlewares=[refuse_at_first])
    SimpleRequestHandler(dispatcher, bot, secret_token="s3cret", handle_in_background=False).register(
        app, "/hook"
    )
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    await bot.set_webhook(f"http://127.0.0.1:{runner.addresses[0][1]}/hook", secret_token="s3cret")
    sandbox.phone("anna").send("one")
    sandbox.phone("anna").send("two")
    await until(lambda: heard == ["one", "two"])
    with pytest.raises(exceptions.TelegramConflictError):
        await bot.get_updates()
    await until(lambda: [each.text for each in sandbox.phone("anna").messages()][-1:] == ["heard two"])
    info = await bot.get_webhook_info()
    assert info.pending_update_count == 0 and info.last_error_message
    await bot.delete_webhook()
    assert await bot.get_updates() == []
    await runner.cleanup()


async def test_photo_and_document(sandbox: Sandbox, bot: Bot, phone: Phone) -> None:
    """Uploads are kept, shown on the phone and can be downloaded again."""
    chat_id = await _talk(sandbox, bot)
    sent = await bot.send_photo(chat_id, BufferedInputFile(b"png", "qr.png"), caption="QR")
    assert sent.photo and sent.caption == "QR"
    again = await bot.send_document(chat_id, BufferedInputFile(b"{}", "export.json"))
    assert again.document and again.document.file_name == "export.json"
    buffer = await bot.download(sent.photo[-1])
    assert buffer and buffer.read() == b"png"
    shown = (await phone("GET", "anna/bot/messages"))["messages"]
    assert shown[-1]["document"]["size"] == 2 and shown[-2]["photo"]["url"].startswith("/phone-api/files/")


async def test_drafts_stream_until_the_message_comes(sandbox: Sandbox, bot: Bot, phone: Phone) -> None:
    """A draft is what the phone shows while the answer is written."""
    chat_id = await _talk(sandbox, bot)
    await bot.send_message_draft(chat_id=chat_id, draft_id=7, text="Отв")
    assert (await phone("GET", "anna/bot/messages"))["draft"] == {"draft_id": 7, "text": "Отв"}
    await bot.send_message(chat_id, "Ответ")
    assert (await phone("GET", "anna/bot/messages"))["draft"] is None


async def test_commands_follow_language_and_scope(sandbox: Sandbox, bot: Bot, phone: Phone) -> None:
    """The phone shows the commands of its person's language, the default otherwise."""
    await bot.set_my_commands([BotCommand(command="help", description="Help")])
    russian = [BotCommand(command="help", description="Справка")]
    scope = BotCommandScopeAllPrivateChats()
    await bot.set_my_commands(russian, scope=scope, language_code="ru")
    [kept] = await bot.get_my_commands(scope=scope, language_code="ru")
    assert kept.description == "Справка"
    assert (await phone("GET", "anna/bot/commands"))[0]["description"] == "Справка"
    assert (await phone("GET", "max/bot/commands"))[0]["description"] == "Help"
    await bot.delete_my_commands(scope=scope, language_code="ru")
    assert (await phone("GET", "anna/bot/commands"))[0]["description"] == "Help"


async def test_menu_button(sandbox: Sandbox, bot: Bot, phone: Phone) -> None:
    """One for everybody, another for one person."""
    assert (await phone("GET", "anna/bot/menu-button")) == {"type": "commands"}
    await bot.set_chat_menu_button(menu_button=MenuButtonWebApp(text="App", web_app=WebAppInfo(url=APP)))
    assert (await phone("GET", "max/bot/menu-button"))["web_app"]["url"] == APP
    own = MenuButtonWebApp(text="Моё", web_app=WebAppInfo(url=APP))
    anna = sandbox.phone("anna").person.id
    await bot.set_chat_menu_button(chat_id=anna, menu_button=own)
    assert (await phone("GET", "anna/bot/menu-button"))["text"] == "Моё"
    assert (await bot.get_chat_menu_button(chat_id=anna)).model_dump() == own.model_dump()


async def test_answer_web_app_query(sandbox: Sandbox, bot: Bot) -> None:
    """A Mini App's launch can be answered once, as if the person had written."""
    launch = sandbox.phone("anna").open_web_app(APP, source="menu")
    assert launch.query_id
    result = InlineQueryResultArticle(
        id="1", title="t", input_message_content=InputTextMessageContent(message_text="Поделилась")
    )
    await bot.answer_web_app_query(launch.query_id, result)
    assert sandbox.phone("anna").messages()[-1].out
    with pytest.raises(exceptions.TelegramBadRequest):
        await bot.answer_web_app_query(launch.query_id, result)


async def test_wrong_calls_are_refused_in_telegrams_words(sandbox: Sandbox, bot: Bot) -> None:
    """Unknown chats, silence before /start, blocks, empty and endless texts, broken HTML, plain HTTP."""
    with pytest.raises(exceptions.TelegramBadRequest, match="chat not found"):
        await bot.send_message(1, "x")
    with pytest.raises(exceptions.TelegramForbiddenError, match="initiate"):
        await bot.send_message(sandbox.phone("max").person.id, "x")
    chat_id = await _talk(sandbox, bot)
    for text in ("", "x" * 4097, "<b>x"):
        with pytest.raises(exceptions.TelegramBadRequest):
            await bot.send_message(chat_id, text, parse_mode="HTML")
    plain = InlineKeyboardButton(text="x", web_app=WebAppInfo(url="http://app.example/"))
    with pytest.raises(exceptions.TelegramBadRequest, match="HTTPS"):
        await bot.send_message(chat_id, "x", reply_markup=InlineKeyboardMarkup(inline_keyboard=[[plain]]))
    sandbox.world.chats.block(sandbox.phone("anna").person, True)
    with pytest.raises(exceptions.TelegramForbiddenError, match="blocked"):
        await bot.send_message(chat_id, "x")


async def test_injected_bot_failures(sandbox: Sandbox, bot: Bot) -> None:
    """429 with retry_after, 403 and 5xx on demand; calling early is a violation."""
    chat_id = await _talk(sandbox, bot)
    sandbox.fail("sendMessage", bot_error(502, "Bad Gateway"))
    with pytest.raises(exceptions.TelegramServerError):
        await bot.send_message(chat_id, "x")
    sandbox.fail("sendMessage", bot_error(429, "Too Many Requests", retry_after=9))
    with pytest.raises(exceptions.TelegramRetryAfter) as raised:
        await bot.send_message(chat_id, "x")
    assert raised.value.retry_after == 9
    with pytest.raises(exceptions.TelegramRetryAfter):
        await bot.send_message(chat_id, "x")
    assert [each["kind"] for each in sandbox.violations] == ["early_call"]
    sandbox.violations.clear()
    sandbox.shift_clock(9)
    assert await bot.send_message(chat_id, "x")


async def test_an_unknown_method_is_noted(sandbox: Sandbox, bot: Bot) -> None:
    """What the sandbox lacks fails the test that asked for it."""
    with pytest.raises(exceptions.TelegramNotFound):
        await bot.send_dice(sandbox.phone("anna").person.id)
    assert sandbox.violations[0]["method"] == "bot.sendDice"
    sandbox.violations.clear()


async def test_a_forwarded_post_names_its_channel(sandbox: Sandbox, bot: Bot, phone: Phone) -> None:
    """The bot learns where a forwarded post comes from."""
    channel = sandbox.channels.get("lumsk_news")
    post_id = sandbox.channels.live[channel.id][0]
    await phone("POST", "anna/bot/messages", forward={"channel_id": channel.id, "post_id": post_id})
    [update] = await bot.get_updates()
    assert isinstance(update, Update) and update.message and update.message.forward_origin
    origin: Any = update.message.forward_origin
    assert (origin.chat.username, origin.message_id) == ("lumsk_news", post_id)
