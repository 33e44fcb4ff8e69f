"""The REST API as one FastAPI app; Reflex mounts it beside its pages."""

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.routing import APIRoute

from tg_assistant.api import docs, openapi, problems
from tg_assistant.api.deps import RuntimeGetter
from tg_assistant.api.graphql import route as graphql
from tg_assistant.api.http.request_envelope import Envelope
from tg_assistant.api.http.route_index import UNKNOWN, Addresses
from tg_assistant.api.routes import (
    admin,
    auth,
    channels,
    exports,
    feeds,
    health,
    invites,
    own_data,
    posts,
    qr,
    rag,
    search,
    users,
)
from tg_assistant.api.second_screen import admin_login, connect

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"]
_ROUTES = (
    *(health, auth, users, own_data, invites, qr, channels, posts, rag, search, exports, feeds, admin),
    *(graphql, connect, admin_login),
)


def create_api(runtime: RuntimeGetter) -> FastAPI:
    """Build the API. `runtime` is called at each request, since the runtime opens after the app is built."""
    app = FastAPI(
        title="Telegram Assistant",
        version="1",
        description=openapi.DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        generate_unique_id_function=_operation_id,
    )
    app.state.runtime = runtime
    addresses = Addresses(app)
    problems.install(app)
    app.add_middleware(Envelope, template=addresses.template)
    for module in _ROUTES:
        app.include_router(module.router)
    app.include_router(connect.documented)
    app.include_router(docs.router)
    app.include_router(_unknown(addresses))
    app.openapi = lambda: openapi.document(app)
    return app


def _operation_id(route: APIRoute) -> str:
    return f"{route.tags[0]}_{route.name}".replace(" ", "_").replace("-", "_") if route.tags else route.name


def _unknown(addresses: Addresses) -> APIRouter:
    """Catch-all routes that answer unknown addresses with problem+json instead of Reflex's 404 page.

    `/metrics` is among them: it is served on an internal port only (infra/health.py).
    """
    router = APIRouter(include_in_schema=False)

    async def missing(request: Request) -> None:
        if allowed := addresses.methods(request.url.path):
            raise HTTPException(405, headers={"Allow": ", ".join(allowed)})
        raise HTTPException(404)

    for prefix in ("/api", "/tg/qr", "/qr-auth", "/feeds", "/metrics", "/health", "/ready"):
        router.add_api_route(prefix + "/{path:path}", missing, methods=_METHODS, name=UNKNOWN)
        router.add_api_route(prefix, missing, methods=_METHODS, name=UNKNOWN)
    return router
