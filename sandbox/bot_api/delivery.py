"""Delivery of updates to the bot: by long polling or by a webhook, never both."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import structlog

from sandbox.bot_api.params import BotError, Params, read_multipart
from sandbox.world.errors import WorldError
from sandbox.world.world import World

log = structlog.get_logger()

Call = Callable[[str, Params], Awaitable[Any]]
RETRIES = (0.2, 0.5, 1.0, 2.0, 5.0)  # seconds between attempts; the last one repeats
CONFLICT = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_SET = (
    "Conflict: can't use getUpdates method while webhook is active;"
    " use deleteWebhook to delete the webhook first"
)


class Polling:
    """getUpdates for one waiting caller: a second call ends the first with 409."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._arrived = asyncio.Event()
        self._turn = 0
        world.hub.listen(lambda name, _: self._arrived.set() if name == "bot_update" else None)

    async def get_updates(self, params: Params) -> list[dict[str, Any]]:
        bot = self._world.bot
        if bot.setting("webhook", {}).get("url"):
            raise BotError(409, WEBHOOK_SET)
        allowed = params.json("allowed_updates")
        if allowed is not None:
            bot.set("allowed_updates", allowed)
        offset = params.integer("offset", 0) or 0
        if offset < 0:
            bot.confirm_but_last(-offset)
        elif offset:
            bot.confirm_below(offset)
        limit = max(1, min(params.integer("limit", 100) or 100, 100))
        self._turn += 1
        self._arrived.set()
        return await self._wait(self._turn, limit, min(params.integer("timeout", 0) or 0, 50))

    async def _wait(self, turn: int, limit: int, seconds: float) -> list[dict[str, Any]]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        # let the previous caller notice that its turn has ended before the event is cleared
        await asyncio.sleep(0)
        while not self._world.bot.updates and loop.time() < deadline:
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(deadline - loop.time()):
                    await self._arrived.wait()
            if turn != self._turn:
                raise BotError(409, CONFLICT)
        return list(self._world.bot.updates.values())[:limit]


class Webhook:
    """Posts updates in order, one at a time, retrying each until it is accepted."""

    def __init__(self, world: World, call: Call) -> None:
        self._world, self._call = world, call
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.last_error: tuple[int, str] | None = None
        world.hub.listen(lambda name, _: self._wake.set() if name == "bot_update" else None)

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def set(self, params: Params) -> bool:
        if params.flag("drop_pending_updates"):
            self._world.bot.confirm_below(2**62)
        if params.json("allowed_updates") is not None:
            self._world.bot.set("allowed_updates", params.json("allowed_updates"))
        url = params.text("url")
        kept = {"url": url, "secret": params.text("secret_token")} if url else None
        self._world.bot.set("webhook", kept)
        self.last_error = None
        self._wake.set()
        return True

    def info(self) -> dict[str, Any]:
        bot = self._world.bot
        shape: dict[str, Any] = {
            "url": bot.setting("webhook", {}).get("url", ""),
            "has_custom_certificate": False,
            "pending_update_count": len(bot.updates),
        }
        if bot.setting("allowed_updates"):
            shape["allowed_updates"] = bot.setting("allowed_updates")
        if self.last_error:
            shape["last_error_date"], shape["last_error_message"] = self.last_error
        return shape

    async def _run(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            attempt = 0
            while True:
                target = self._world.bot.setting("webhook")
                update = next(iter(self._world.bot.updates.values()), None)
                if not target or update is None:
                    attempt = 0
                    self._wake.clear()
                    await self._wake.wait()
                    continue
                if await self._deliver(session, target, update):
                    attempt = 0
                    self._world.bot.confirm(update["update_id"])
                    self._world.commit()
                else:
                    await asyncio.sleep(RETRIES[min(attempt, len(RETRIES) - 1)])
                    attempt += 1

    async def _deliver(
        self, session: aiohttp.ClientSession, target: dict[str, str], update: dict[str, Any]
    ) -> bool:
        self._world.commit()
        headers = {"X-Telegram-Bot-Api-Secret-Token": target["secret"]} if target["secret"] else {}
        try:
            async with session.post(target["url"], json=update, headers=headers) as response:
                if response.ok:
                    await self._answer(response)
                    return True
                problem = f"Wrong response from the webhook: {response.status} {response.reason}"
        except (aiohttp.ClientError, TimeoutError) as error:
            problem = f"Connection failed: {type(error).__name__}"
        return self._failed(problem)

    async def _answer(self, response: aiohttp.ClientResponse) -> None:
        """Execute a method call in the webhook's answer; its result is discarded, as by Telegram."""
        params = Params()
        if response.content_type.startswith("multipart/"):
            await read_multipart(aiohttp.MultipartReader.from_response(response), params)
        elif response.content_type == "application/json":
            body = await response.json()
            params.values.update(body if isinstance(body, dict) else {})
        name = params.values.pop("method", None)
        if name:
            with contextlib.suppress(BotError, WorldError):
                await self._call(str(name), params)

    def _failed(self, problem: str) -> bool:
        self.last_error = (self._world.clock.unix(), problem)
        log.info("sandbox.webhook_failed", problem=problem)
        return False
