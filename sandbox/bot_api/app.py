"""The Bot API over HTTP, with answers like those of api.telegram.org."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import structlog
from aiohttp import web

from sandbox.bot_api import messages, settings
from sandbox.bot_api.delivery import Polling, Webhook
from sandbox.bot_api.params import BotError, Params, read_params
from sandbox.bot_api.registry import METHODS, as_bot_error
from sandbox.world.errors import WorldError
from sandbox.world.world import World

log = structlog.get_logger()
__all__ = ["make_bot_api", "messages", "settings"]

LARGEST_BODY = 50 * 2**20  # bytes, Telegram's limit for uploads


class _BotApi:
    def __init__(self, world: World) -> None:
        self._world = world
        self._polling, self._webhook = Polling(world), Webhook(world, self.run)
        self._methods = {
            **METHODS,
            "getupdates": lambda _, params: self._polling.get_updates(params),
            "setwebhook": lambda _, params: self._webhook.set(params),
            "deletewebhook": lambda _, params: self._webhook.set(
                Params({"drop_pending_updates": params.flag("drop_pending_updates")})
            ),
            "getwebhookinfo": lambda _, params: self._webhook.info(),
        }

    async def start(self, _: web.Application) -> None:
        self._webhook.start()

    async def stop(self, _: web.Application) -> None:
        await self._webhook.stop()

    async def call(self, request: web.Request) -> web.Response:
        """Handle a method call; its changes are committed before the answer is sent."""
        try:
            result = await self._run(request)
        except WorldError as error:
            return _refusal(as_bot_error(error))
        except BotError as error:
            return _refusal(error)
        finally:
            self._world.commit()
        return web.json_response({"ok": True, "result": result})

    async def _run(self, request: web.Request) -> Any:
        if request.match_info["token"] != self._world.install.facts["bot_token"]:
            raise BotError(401, "Unauthorized")
        return await self.run(request.match_info["method"], await read_params(request))

    async def run(self, name: str, params: Params) -> Any:
        """Call a method by name and return its result. Raises BotError, WorldError."""
        await self._fault(name, params)
        method = self._methods.get(name.lower())
        if method is None:
            self._world.violations.record("unimplemented", method=f"bot.{name}")
            raise BotError(404, "Not Found: method not found")
        result = method(self._world, params)
        return await result if inspect.isawaitable(result) else result

    async def _fault(self, name: str, params: Params) -> None:
        faults, chat_id = self._world.faults, params.integer("chat_id", 0) or 0
        if pause := faults.pause(name, chat_id):
            await asyncio.sleep(pause)
        failure = faults.check(name, chat_id)
        if failure is None:
            return
        if failure.wait:
            raise BotError(429, f"Too Many Requests: retry after {failure.wait}", failure.wait)
        raise BotError(failure.code, failure.message)

    async def download(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != self._world.install.facts["bot_token"]:
            return _refusal(BotError(401, "Unauthorized"))
        try:
            facts, content = self._world.bot.file(request.match_info["path"])
        except WorldError:
            return _refusal(BotError(404, "Not Found"))
        return web.Response(body=content, content_type=facts["mime_type"])


def _refusal(error: BotError) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": error.code, "description": error.description}
    if error.retry_after:
        body["parameters"] = {"retry_after": error.retry_after}
    return web.json_response(body, status=error.code)


def make_bot_api(world: World) -> web.Application:
    """The application to serve on the Bot API's port."""
    api = _BotApi(world)
    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_route("*", "/bot{token:[^/]+}/{method}", api.call)
    app.router.add_get("/file/bot{token:[^/]+}/{path:.+}", api.download)
    app.on_startup.append(api.start)
    app.on_cleanup.append(api.stop)
    return app
