"""The webhook: checks the secret before anything else, and answers 200 only after the commit."""

import asyncio
import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiogram import Bot
from aiogram.exceptions import TelegramRetryAfter
from aiohttp import web

from bot.polling import ALLOWED
from bot.telegram import AWAY
from tg_assistant.core import health
from tg_assistant.core.messaging import inbox
from tg_assistant.errors import Unavailable
from tg_assistant.infra.postgres.db import DatabaseError
from tg_assistant.infra.runtime import Runtime
from tg_assistant.settings.groups import Settings

log = structlog.get_logger()
PATH = "/tg/bot/webhook"
_SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # https://core.telegram.org/bots/api#setwebhook
_LARGEST = 2**20
_READ_SECONDS = 15.0  # Telegram sends an update in one piece
_BEAT_SECONDS = 15.0


async def serve(rt: Runtime, bot: Bot) -> None:
    """Listen, register the address with Telegram, serve until cancelled. Raises ValueError (`_secret`)."""
    secret = _secret(rt.settings)
    app = web.Application(client_max_size=_LARGEST)
    app.router.add_post(PATH, _receiver(rt, secret))
    # the port is public: malformed requests are answered, but not logged, as a log line would quote them
    silent = logging.getLogger("bot.webhook.requests")
    silent.disabled = True
    # Telegram does not compress, so nothing is decompressed; refused bodies are read for 1 s at most
    runner = web.AppRunner(app, access_log=None, logger=silent, auto_decompress=False, lingering_time=1.0)
    await runner.setup()
    try:
        listen = rt.settings.telegram
        await web.TCPSite(runner, listen.webhook_host, listen.webhook_port).start()
        await _register(rt.settings, bot, secret)
        await _tell_alive(rt)
    finally:
        await runner.cleanup()


async def _tell_alive(rt: Runtime) -> None:
    """Write the heartbeat while the database can be written to: without messages there are no updates."""
    while True:
        await asyncio.sleep(_BEAT_SECONDS)
        try:
            async with rt.db.transaction() as db:
                await health.bot_is_alive(db)
        except (Unavailable, DatabaseError) as error:  # PostgreSQL is away: no heartbeat
            log.warning("webhook.waiting", error=type(error).__name__)


def _secret(settings: Settings) -> str:
    """The webhook's secret. Raises ValueError without one: anybody could send updates.

    `settings.load` refuses that, too.
    """
    secret = settings.telegram.webhook_secret
    if secret is None or not secret.get_secret_value():
        raise ValueError("BOT_WEBHOOK_SECRET is missing")
    return secret.get_secret_value()


async def _register(settings: Settings, bot: Bot, secret: str) -> None:
    while True:
        try:
            await bot.set_webhook(
                f"{settings.web.public_url}{PATH}", secret_token=secret, allowed_updates=ALLOWED
            )
            return
        except (TelegramRetryAfter, *AWAY) as error:
            log.warning("webhook.waiting", error=type(error).__name__)
            await asyncio.sleep(2)


def _receiver(rt: Runtime, secret: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def receive(request: web.Request) -> web.Response:
        if not _is_telegram(request, secret):
            return web.Response(status=401)
        try:
            async with asyncio.timeout(_READ_SECONDS):
                update = _read(await request.read())
        except TimeoutError:
            return web.Response(status=408)
        if update is None:
            return web.Response(status=400)
        try:
            async with rt.db.transaction() as db:
                await inbox.save(db, [update])
        except (Unavailable, DatabaseError) as error:
            log.warning("webhook.waiting", error=type(error).__name__)
            return web.Response(status=503)  # Telegram sends it again
        return web.Response()

    return receive


def _is_telegram(request: web.Request, secret: str) -> bool:
    """Whether exactly one header has the secret. Of two, a proxy in front may have checked the other."""
    given = request.headers.getall(_SECRET_HEADER, [])
    if len(given) != 1:
        return False
    return hmac.compare_digest(given[0].encode("utf-8", "surrogateescape"), secret.encode())


def _read(body: bytes) -> dict[str, Any] | None:
    try:
        update = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return update if isinstance(update, dict) and type(update.get("update_id")) is int else None
