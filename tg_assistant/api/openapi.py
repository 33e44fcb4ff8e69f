"""The API's description: what FastAPI knows of the routes, and every error they may answer with."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts

from tg_assistant.api import deps, problems

DESCRIPTION = """Ask the Telegram channels you follow.

Sign in with `POST /api/auth/telegram-webapp`, then send `Authorization: Bearer <access token>`.
You reach your own objects only: another's id answers 404, as one that does not exist.
Lists take `limit` and `cursor` and answer `items` and `next_cursor`.
Errors are `application/problem+json` (RFC 9457); 429 and 503 carry `Retry-After` in seconds,
429 also `RateLimit-Policy` and `RateLimit`.
"""
_BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "valid 30 minutes"}
_CONNECT = {
    "type": "http",
    "scheme": "connect",
    "description": "the connect page's own token, which a spent link became; browsers send it as a cookie",
}
_CONTENT = {"schema": {"$ref": "#/components/schemas/Problem"}}
_WHEN = {
    400: "The body is not JSON in UTF-8",
    401: "No access token, or one that is no longer good",
    403: "Not a member, switched off, or the role does not allow it",
    404: "There is no such object, or it is not the caller's",
    413: "The body is over 1 MiB",
    422: "Some fields are missing or wrong; `errors` names them",
    429: "Too often; `Retry-After` says when again",
    503: "A neighbour is away; `Retry-After` says when to try again",
}
_RETRY = {"Retry-After": {"schema": {"type": "string"}, "description": "seconds"}}
_LIMITED = {
    **_RETRY,
    "RateLimit-Policy": {
        "schema": {"type": "string"},
        "description": "what is counted, how many, in how many seconds; missing for limits of Telegram's",
        "example": '"qr_start";q=5;w=60',
    },
    "RateLimit": {
        "schema": {"type": "string"},
        "description": "what remains, and when the oldest use stops counting, in seconds",
        "example": '"qr_start";r=0;t=42',
    },
}
_HEADERS = {"429": _LIMITED, "503": _RETRY}
Json = dict[str, Any]


def document(app: FastAPI) -> Json:
    """OpenAPI 3.1, made once a process. `tg-assistant openapi` writes it into docs/api/openapi.json."""
    if app.openapi_schema is None:
        app.openapi_schema = _made(app)
    return app.openapi_schema


def _made(app: FastAPI) -> Json:
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = made["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schema = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= schema.pop("$defs")
    schemas["Problem"] = schema
    made["components"]["schemas"] = dict(sorted(schemas.items()))
    made["components"]["securitySchemes"] = {"bearer": _BEARER, "connect": _CONNECT}
    for route in iter_route_contexts(app.routes):
        if not getattr(route, "include_in_schema", False) or route.path_format not in made["paths"]:
            continue
        for method in route.methods or ():
            if operation := made["paths"][route.path_format].get(method.lower()):
                _describe(operation, route)
    return made


def _describe(operation: Json, route: Any) -> None:
    guards = set(_calls(route.dependant))
    if deps.caller in guards:
        operation["security"] = [{"bearer": []}]
    responses: Json = operation["responses"]
    for status in _statuses(operation, guards, route.path_format):
        if "content" in responses.get(str(status), {}) and status != 422:
            # the route has an answer of its own for this, and a problem besides
            responses[str(status)]["content"][problems.MEDIA_TYPE] = _CONTENT
            continue
        responses[str(status)] = {"description": _WHEN[status]}
    for status, response in responses.items():
        if status >= "400" and "content" not in response:
            response["content"] = {problems.MEDIA_TYPE: _CONTENT}
            if status in _HEADERS:
                response["headers"] = _HEADERS[status]
    operation["responses"] = dict(sorted(responses.items()))


def _statuses(operation: Json, guards: set[Any], path: str) -> Iterator[int]:
    if "requestBody" in operation:
        yield from (400, 413)
    if "requestBody" in operation or operation.get("parameters"):
        yield 422
    if path.startswith("/api/auth/"):
        yield from (401, 403)
    if deps.caller in guards:
        yield from (401, 403)
        if "{" in path:
            yield 404
    if any(getattr(call, "__module__", "") == "tg_assistant.api.limits" for call in guards):
        yield 429
    if deps.runtime in guards:
        yield 503


def _calls(dependant: Any) -> Iterator[Any]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)
