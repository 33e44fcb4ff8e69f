"""Errors as RFC 9457 problem documents; one shape for every address under the API, unknown ones too."""

import math
from http import HTTPStatus
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from tg_assistant import texts
from tg_assistant.errors import AssistantError

log = structlog.get_logger()


def language(request: Request) -> str:
    """The caller's language: the person's once known, otherwise the browser's."""
    known = getattr(request.state, "language", None)
    return known or texts.language_of(request.headers.get("accept-language", "").split(",")[0])


def sentence(error: AssistantError, language: str, reference: str = "") -> str:
    """The error in words, in the person's language."""
    code = f"errors.{error.code}"
    if not texts.has(code):
        return texts.text("errors.internal", language, reference=reference)
    return texts.text(code, language, **error.values)


def problem(
    request: Request, status: int, code: str, title: str, detail: str, **more: object
) -> JSONResponse:
    body = {
        "type": f"about:blank#{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        "code": code,
        "request_id": getattr(request.state, "request_id", None),
        **more,
    }
    return JSONResponse(
        body, status, media_type="application/problem+json", headers={"Cache-Control": "no-store"}
    )


async def on_assistant_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AssistantError)
    values = {k: v for k, v in error.values.items() if isinstance(v, (int, float, str))}
    detail = sentence(error, language(request))
    answer = problem(request, error.status, error.code, error.title, detail, **values)
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(math.ceil(error.retry_after))
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


async def on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    code = f"http.{error.status_code}"
    text_code = f"errors.{code}" if texts.has(f"errors.{code}") else "errors.http.400"
    answer = problem(request, error.status_code, code, title, texts.text(text_code, language(request)))
    answer.headers.update(error.headers or {})
    return answer


async def on_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # the values themselves stay out: they may be secrets
    faults = [{"field": ".".join(map(str, e["loc"])), "problem": e["msg"]} for e in error.errors()]
    detail = texts.text("errors.http.422", language(request))
    return problem(request, 422, "http.422", "Invalid input", detail, errors=faults)


async def on_surprise(request: Request, error: Exception) -> JSONResponse:
    reference = uuid4().hex[:8]
    log.error("request.failed", reference=reference, path=request.url.path, exc_info=error)
    detail = texts.text("errors.internal", language(request), reference=reference)
    return problem(request, 500, "internal", "Something went wrong", detail, reference=reference)


def install(app: FastAPI) -> None:
    app.add_exception_handler(AssistantError, on_assistant_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(Exception, on_surprise)
