"""The webhook: only Telegram may speak, and it is told 200 after the commit."""

from contextlib import suppress

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from bot import webhook
from tests.bot.chat import until
from tests.bot.test_updates import row, written
from tests.servers import WEBHOOK_SECRET as SECRET
from tg_assistant.core import health
from tg_assistant.core.messaging.inbox import HELD
from tg_assistant.demo.ports import free_port
from tg_assistant.infra.runtime import open_runtime
from tg_assistant.texts import text


@pytest.fixture(scope="module", autouse=True)
def beating():
    """Quicker than in life."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webhook, "_BEAT_SECONDS", 0.2)
        yield


@pytest.fixture(scope="module")
def settings(settings):
    port = free_port()
    telegram = settings.telegram.model_copy(
        update={"bot_mode": "webhook", "webhook_secret": SecretStr(SECRET), "webhook_port": port}
    )
    web = settings.web.model_copy(update={"public_url": f"http://127.0.0.1:{port}"})
    return settings.model_copy(update={"telegram": telegram, "web": web})


@pytest.fixture(scope="module")
async def post(bot, settings, telegram):
    """post(update, secret) → status; the webhook is set by then."""

    async def is_set():
        return telegram.world.bot.setting("webhook")

    await until(is_set)
    url = f"{settings.web.public_url}{webhook.PATH}"
    async with aiohttp.ClientSession() as http:

        async def send(body, secret=SECRET):
            headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret is not None else {}
            kind = {"data": body} if isinstance(body, bytes) else {"json": body}
            async with http.post(url, headers=headers, **kind) as answer:
                return answer.status

        yield send


async def test_messages_are_answered(post, chat):
    """What Telegram delivers is processed."""
    assert (await chat("max").says("/cancel")).text == text("bot.cancel.nothing", "en")


@pytest.mark.parametrize("secret", [None, "", "wrong", "s" * 39, "ключ"])
async def test_strangers_are_refused(post, rt, secret):
    """Without the secret nothing is saved."""
    update = written("/cancel")
    with suppress(UnicodeEncodeError):
        assert await post(update, secret) == 401
    assert await row(rt, update["update_id"]) is None


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"update_id": "1"}', b'{"update_id": true}', b"\xff", b"[" * 99_999]
)
async def test_what_is_no_update_is_refused(post, body):
    """Nonsense is answered 400 and harms nothing."""
    assert await post(body) == 400


async def test_200_means_committed(post, rt):
    """An update is in the table when Telegram reads the answer; a repetition is welcome."""
    update = written("/cancel", 77)
    assert await post(update) == 200
    assert await row(rt, update["update_id"]) is not None
    assert await post(update) == 200


@pytest.mark.parametrize(("words", "size"), [("\0 \ud800", 1), ("plain", float("inf"))], ids=["chars", "inf"])
async def test_what_cannot_be_stored_is_acknowledged(post, rt, words, size):
    """Replaced where that helps, held by its id otherwise; Telegram would send it for ever."""
    update = written(words, 78, size=size)
    assert await post(update) == 200
    kept = await row(rt, update["update_id"])
    assert kept is not None and (kept.attempts == HELD) == (size != 1)


async def test_it_says_that_it_is_alive(post, rt):
    """There is no polling to tell it by, and nobody may be writing."""

    async def told():
        return (await health.bot(rt))["bot"]

    assert await until(told)


async def test_without_a_database_telegram_is_asked_to_come_again(settings, rt, telegram):
    """503 while PostgreSQL is away: Telegram keeps the update."""
    away = settings.database.model_copy(update={"url": SecretStr("postgresql://x:y@127.0.0.1:1/z")})
    async with open_runtime(settings.model_copy(update={"database": away})) as nowhere:
        app = web.Application()
        app.router.add_post("/", webhook._receiver(nowhere, SECRET))
        async with TestClient(TestServer(app)) as caller:
            answer = await caller.post(
                "/", json={"update_id": 5}, headers={"X-Telegram-Bot-Api-Secret-Token": SECRET}
            )
            assert answer.status == 503


def test_a_secret_is_mandatory(settings):
    """No secret, no webhook."""
    bare = settings.telegram.model_copy(update={"webhook_secret": None})
    with pytest.raises(ValueError, match="BOT_WEBHOOK_SECRET"):
        webhook._secret(settings.model_copy(update={"telegram": bare}))
