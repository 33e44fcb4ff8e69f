"""The same payloads through the bot: what it writes is text to Telegram and in its local stand-in."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from playwright.async_api import BrowserContext

from bot import post_text
from bot.answer import messages
from bot.words import say
from sandbox.bot_api import inbox
from sandbox.control import Sandbox, run_sandbox
from tests.attacks import payloads
from tests.attacks.test_xss import Watched, watch
from tests.pages.conftest import browser, context
from tg_assistant.core.answers.answers import Done, Source
from tg_assistant.core.posts.posts import ShownPost
from tg_assistant.models import Channel, Post

__all__ = ["browser", "context"]


@pytest.fixture(scope="module")
async def telegram(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    async with run_sandbox(tmp_path_factory.mktemp("telegram"), seed=False) as running:
        yield running


@pytest.fixture(scope="module")
async def bot(telegram: Sandbox) -> AsyncIterator[Bot]:
    """As the product's own: HTML by default."""
    api = AiohttpSession(api=TelegramAPIServer.from_base(telegram.bot_api_url))
    html = DefaultBotProperties(parse_mode="HTML")
    async with Bot(telegram.install["bot_token"], session=api, default=html) as opened:
        yield opened


def _written(text: str) -> list[str]:
    """An answer with its sources, a title and a post, as the bot's handlers write them."""
    place = {"post_id": uuid4(), "channel_id": uuid4(), "channel_title": text, "posted_at": datetime.now(UTC)}
    source = Source(n=1, url="https://t.me/c/1/1", quote=text, score=0.9, **place)
    answer = messages(Done(uuid4(), f"{text} [1]", [source], False, 0.9), "en")
    return [*answer, say("bot.search.head", "en", query=text)]


def _post(text: str) -> ShownPost:
    """A post with its formatting, which goes beside its text and never as markup."""
    bold = [{"kind": "bold", "offset": 0, "length": 40}, {"kind": "text_link", "offset": 0, "length": 9}]
    post = Post(id=uuid4(), message_id=1, posted_at=datetime.now(UTC), text=text, entities=bold, parts=[])
    return ShownPost(post, Channel(telegram_id=1, title=text), "https://t.me/c/1/1")


async def test_what_the_bot_writes_stays_text(telegram: Sandbox, bot: Bot, context: BrowserContext) -> None:
    """Telegram takes each message as valid HTML, shows every character, and the page runs none of it."""
    anna = telegram.phone("anna").person
    inbox.send(telegram.world, anna, "/start")
    for text in payloads.batches(1_200):
        for html in _written(text):
            await bot.send_message(anna.id, html)
        await bot.send_message(anna.id, **post_text.message(_post(text)))
    shown = [message for message in telegram.phone("anna").messages() if not message.out]
    everything = "\n".join(message.text for message in shown)
    assert everything.count("__ran(") > 1_000
    links = {each["url"] for message in shown for each in message.entities if each["type"] == "text_link"}
    assert links == {"https://t.me/c/1/1"}
    tab: Watched = await watch(context, telegram.phone_url)
    await tab.page.goto(f"{telegram.phone_url}/#/anna/bot")
    await tab.page.get_by_test_id("message-in").last.wait_for()
    await tab.holds("the bot's chat", 100, links='<a class="link" href="https://')
