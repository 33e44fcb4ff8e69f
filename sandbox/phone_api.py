"""The API of people's phones over HTTP; phone_api.md describes every endpoint and object."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox import phone_views
from sandbox.phone_routes import ROUTES, Phone
from sandbox.phone_routes.request import Answer
from sandbox.wire.server import WireServer
from sandbox.world.errors import WorldError
from sandbox.world.world import World

STATIC = Path(__file__).parent / "phone"


def make_phone_app(world: World, server: WireServer) -> web.Application:
    """The phone's pages and JSON API; nothing is cached, so that changes of the pages are visible at once."""
    app = web.Application(middlewares=[_errors_and_caching(world)], client_max_size=2**20)
    app.router.add_get("/phone-api/people", _people(world))
    app.router.add_get("/phone-api/files/{file_id}", _file(world))
    for method, path, answer in ROUTES:
        app.router.add_route(method, f"/phone-api/{{person}}{path}", _handler(world, server, answer))
    app.router.add_get("/", _index)
    if STATIC.is_dir():
        app.router.add_static("/", STATIC)
    return app


Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _handler(world: World, server: WireServer, answer: Answer) -> Handle:
    async def handle(request: web.Request) -> web.StreamResponse:
        body: Any = await request.json() if request.can_read_body else {}
        if not isinstance(body, dict):
            raise WorldError("BODY_INVALID", "The body is a JSON object.")
        result = answer(Phone(world, server, request, body))
        result = await result if inspect.isawaitable(result) else result
        world.commit()
        return result if isinstance(result, web.StreamResponse) else web.json_response(result)

    return handle


def _errors_and_caching(world: World) -> Any:
    @web.middleware
    async def middleware(request: web.Request, handler: Handle) -> web.StreamResponse:
        try:
            response = await handler(request)
        except WorldError as error:
            response = web.json_response({"error": str(error), "code": error.code}, status=error.status)
        except ValueError:
            response = web.json_response(
                {"error": "The body is not JSON.", "code": "BODY_INVALID"}, status=400
            )
        world.commit()
        if not response.prepared:
            response.headers["Cache-Control"] = "no-store"
        return response

    return middleware


def _people(world: World) -> Handle:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.json_response([phone_views.person(each) for each in world.people.by_id.values()])

    return handle


def _file(world: World) -> Handle:
    async def handle(request: web.Request) -> web.StreamResponse:
        facts, content = world.bot.file(request.match_info["file_id"])
        return web.Response(body=content, content_type=facts["mime_type"].partition(";")[0])

    return handle


async def _index(request: web.Request) -> web.StreamResponse:
    page = STATIC / "index.html"
    if not page.exists():
        raise WorldError("PAGE_MISSING", "The phone page is not installed.", 404)
    return web.FileResponse(page)
