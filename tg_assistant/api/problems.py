"""Errors as RFC 9457 problem documents: one shape for every address under the API, including unknown ones."""

import math
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from tg_assistant import texts
from tg_assistant.errors import AssistantError, LimitReached
from tg_assistant.infra import metrics

log = structlog.get_logger()
_TOLD = "answered and logged"
MEDIA_TYPE = "application/problem+json"


class Fault(BaseModel):
    field: str = Field(examples=["body.query"])
    problem: str


class Problem(BaseModel):
    """Every error, RFC 9457. `code` is stable; `detail` is a sentence in the caller's language."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["about:blank#channels.not_found"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    detail: str
    instance: str = Field(description="the path asked for", examples=["/api/channels/…"])
    code: str = Field(examples=["channels.not_found"])
    request_id: str | None = Field(description="stands in the log beside the cause")
    errors: list[Fault] | None = Field(default=None, description="with 422: the fields, never their values")


def may(*statuses: int, **said: str) -> dict[int | str, dict[str, Any]]:
    """`responses=` for a route that may answer these statuses.

    `said` describes when: `s409="already followed"`. The default is the status's phrase.
    """
    return {status: {"description": said.get(f"s{status}", _phrase(status))} for status in statuses}


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase


def language(request: Request) -> str:
    """The language code of the caller: the person's once known, otherwise the first of `Accept-Language`."""
    known = getattr(request.state, "language", None)
    return known or texts.language_of(request.headers.get("accept-language", "").split(",")[0])


def sentence(error: AssistantError, language: str, reference: str = "") -> str:
    """The error as a sentence in the given language; `reference` fills the one for unexpected errors."""
    code = f"errors.{error.code}"
    if not texts.has(code):
        return texts.text("errors.internal", language, reference=reference)
    return texts.text(code, language, **error.values)


def problem(
    request: Request,
    status: int,
    code: str,
    title: str,
    detail: str,
    extension: Mapping[str, object] = MappingProxyType({}),
) -> JSONResponse:
    """A problem document (RFC 9457), counted in the metrics by code.

    `extension` adds members and cannot replace the standard ones.
    """
    metrics.errors_total.labels("rest", code).inc()
    request.state.code = code
    body = {
        **extension,
        "type": f"about:blank#{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        "code": code,
        "request_id": getattr(request.state, "request_id", None),
    }
    return JSONResponse(_sayable(body), status, media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})


def _sayable(value: Any) -> Any:
    """The same with lone surrogates replaced: a path or a field's name may contain them, UTF-8 may not."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {key: _sayable(item) for key, item in value.items()}
    return [_sayable(item) for item in value] if isinstance(value, list) else value


def http_problem(request: Request, status: int, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A problem for refusals of HTTP itself: an unknown address, a wrong method, a body too long."""
    code = f"http.{status}"
    text_code = f"errors.{code}" if texts.has(f"errors.{code}") else "errors.http.400"
    answer = problem(request, status, code, _phrase(status), texts.text(text_code, language(request)))
    answer.headers.update(headers or {})
    return answer


async def on_assistant_error(request: Request, error: Exception) -> JSONResponse:
    """The problem for an AssistantError, with `Retry-After`, `RateLimit` and `WWW-Authenticate` as needed."""
    assert isinstance(error, AssistantError)
    values = {k: v for k, v in error.values.items() if isinstance(v, (int, float, str))}
    detail = sentence(error, language(request))
    answer = problem(request, error.status, error.code, error.title, detail, values)
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(math.ceil(error.retry_after))
    if isinstance(error, LimitReached) and error.policy:
        rule, limit, window = error.policy
        answer.headers["RateLimit-Policy"] = f'"{rule}";q={limit};w={window}'
        answer.headers["RateLimit"] = f'"{rule}";r=0;t={answer.headers["Retry-After"]}'
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


async def on_http_error(request: Request, error: Exception) -> JSONResponse:
    """The problem for an HTTPException, so that Starlette's refusals have the same form as ours."""
    assert isinstance(error, HTTPException)
    return http_problem(request, error.status_code, error.headers)


async def on_validation_error(request: Request, error: Exception) -> JSONResponse:
    """The problem for invalid input: at most twenty faults, by field name."""
    assert isinstance(error, RequestValidationError)
    faults: list[dict[str, str]] = []
    for each in error.errors():  # without the values: they may be secrets
        field = ".".join(str(part)[:100] for part in each["loc"])
        faults.append({"field": field, "problem": each["msg"]})
    detail = texts.text("errors.http.422", language(request))
    return problem(request, 422, "http.422", "Invalid input", detail, {"errors": faults[:20]})


async def on_surprise(request: Request, error: Exception) -> JSONResponse:
    """The problem for a bug of ours: logged with a reference, which is all that the client receives."""
    reference = uuid4().hex[:8]
    log.error("request.failed", reference=reference, path=request.url.path, exc_info=error)
    error.add_note(_TOLD)
    detail = texts.text("errors.internal", language(request), reference=reference)
    return problem(request, 500, "internal", "Something went wrong", detail, {"reference": reference})


def is_told(error: Exception) -> bool:
    """Whether `on_surprise` has already logged it: Starlette re-raises the error after the answer is sent."""
    return _TOLD in getattr(error, "__notes__", ())


def install(app: FastAPI) -> None:
    """Register the handlers, for errors of routes and for refusals before a route is found."""
    app.add_exception_handler(AssistantError, on_assistant_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(Exception, on_surprise)
