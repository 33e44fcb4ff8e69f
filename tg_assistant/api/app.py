"""The REST API as one FastAPI app; Reflex mounts it beside its pages."""

from uuid import uuid4

import structlog
from fastapi import APIRouter, FastAPI, HTTPException, Request
from starlette.middleware.base import RequestResponseEndpoint
from starlette.responses import Response

from tg_assistant.api import connect, problems
from tg_assistant.api.deps import RuntimeGetter
from tg_assistant.api.graphql import route as graphql
from tg_assistant.api.routes import auth, channels, health, invites, posts, qr, rag, search, users

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


def create_api(runtime: RuntimeGetter) -> FastAPI:
    """`runtime` is asked at each request, since the runtime opens after the app is built."""
    app = FastAPI(
        title="Telegram Assistant", version="1", docs_url=None, redoc_url=None, openapi_url="/openapi.json"
    )
    app.state.runtime = runtime
    problems.install(app)
    app.middleware("http")(_request_id)
    for module in (health, auth, users, invites, qr, channels, posts, rag, search, graphql, connect):
        app.include_router(module.router)
    app.include_router(_unknown())
    return app


async def _request_id(request: Request, call_next: RequestResponseEndpoint) -> Response:
    request.state.request_id = uuid4().hex
    with structlog.contextvars.bound_contextvars(request_id=request.state.request_id):
        response = await call_next(request)
    response.headers["X-Request-ID"] = request.state.request_id
    if request.url.path.startswith(("/api", "/tg/", "/qr-auth")):
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _unknown() -> APIRouter:
    """Unknown addresses of the API answer problem+json; without this Reflex would send its 404 page."""
    router = APIRouter(include_in_schema=False)

    async def missing(path: str = "") -> None:
        raise HTTPException(404)

    for prefix in ("/api", "/tg/qr", "/qr-auth"):
        router.add_api_route(prefix + "/{path:path}", missing, methods=_METHODS)
        router.add_api_route(prefix, missing, methods=_METHODS)
    return router
