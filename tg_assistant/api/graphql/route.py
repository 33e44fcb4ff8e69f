"""`POST /api/graphql`: JSON with a bearer and nothing else, so no other site's page can make a browser ask.

No GET, no form, no upload, no batch, no socket; errors carry the same codes and sentences as REST's.
"""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import structlog
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from graphql import GraphQLError
from pydantic import BaseModel, Field
from strawberry.schema.exceptions import CannotGetOperationTypeError

from tg_assistant import texts
from tg_assistant.api.deps import Call, Rt
from tg_assistant.api.graphql import limits
from tg_assistant.api.graphql.context import Context
from tg_assistant.api.graphql.schema import schema
from tg_assistant.api.limits import by_user
from tg_assistant.api.problems import sentence
from tg_assistant.core.access.rate_limits import Rule
from tg_assistant.errors import AssistantError, Invalid
from tg_assistant.infra import metrics

log = structlog.get_logger()
_LONGEST = 300  # characters of what is said of a wrong document
router = APIRouter(prefix="/api/graphql", tags=["GraphQL"])


class RequestIn(BaseModel):
    """As the GraphQL over HTTP specification names the fields."""

    query: str = Field(max_length=20_000, examples=["{ channels { title progress { done } } }"])
    variables: dict[str, Any] | None = Field(default=None, max_length=100)
    operation_name: str | None = Field(default=None, alias="operationName", max_length=200)


class ErrorOut(BaseModel):
    message: str = Field(description="in the caller's language")
    path: list[str | int] | None = None
    extensions: dict[str, Any] = Field(description="`code` and `status` as REST has them")


class ResultOut(BaseModel):
    data: dict[str, Any] | None = None
    errors: list[ErrorOut] | None = None


@router.post(
    "",
    response_model=ResultOut,
    responses={400: {"model": ResultOut, "description": "Refused before anything ran"}},
    dependencies=[by_user(Rule.graphql, goes_on=True)],
)
async def graphql(call: Call, rt: Rt, body: RequestIn) -> ResultOut | JSONResponse:
    """Read channels, posts, questions and sessions, search, and ask. The schema: docs/api/schema.graphql."""
    actor = replace(await call.actor(), door="graphql")
    try:
        limits.check(body.query, body.variables or {})
        result = await schema.execute(
            body.query,
            variable_values=body.variables,
            context_value=Context(rt, actor),
            operation_name=body.operation_name,
        )
    except Invalid as error:
        return _refused(_told(error, actor.language))
    except CannotGetOperationTypeError as error:
        return _refused(_invalid(error.as_http_error_reason(), actor.language))
    errors = [_error(error, actor.language) for error in result.errors or ()]
    if result.data is None and all(error.path is None for error in errors):
        return _refused(*errors)
    return ResultOut(data=result.data, errors=errors or None)


def _refused(*errors: ErrorOut) -> JSONResponse:
    return JSONResponse(ResultOut(data=None, errors=list(errors)).model_dump(exclude_none=True), 400)


def _error(error: GraphQLError, language: str) -> ErrorOut:
    cause = error.original_error
    if isinstance(cause, AssistantError):
        return _told(cause, language, error.path)
    if error.path is None:  # what graphql-core says of the document or its variables
        return _invalid(error.message, language)
    if isinstance(cause, GraphQLError) and cause.nodes:  # of an argument, while it runs: @skip(if: $null)
        return _invalid(cause.message, language, error.path)
    reference = uuid4().hex[:8]
    log.error("request.failed", reference=reference, path="/api/graphql", exc_info=cause)
    message = texts.text("errors.internal", language, reference=reference)
    return _as_error(message, error.path, {"code": "internal", "status": 500, "reference": reference})


def _told(error: AssistantError, language: str, path: list[str | int] | None = None) -> ErrorOut:
    values = {name: value for name, value in error.values.items() if isinstance(value, int | float | str)}
    if error.retry_after is not None:
        values["retry_after"] = error.retry_after
    metrics.errors_total.labels("graphql", error.code).inc()
    log.info("request.refused", method="POST", route="/api/graphql", status=error.status, code=error.code)
    return _as_error(sentence(error, language), path, {**values, "code": error.code, "status": error.status})


def _invalid(problem: str, language: str, path: list[str | int] | None = None) -> ErrorOut:
    # graphql-core repeats what it was given, however long
    return _told(Invalid("graphql.invalid", problem=problem[:_LONGEST]), language, path)


def _as_error(message: str, path: list[str | int] | None, extensions: dict[str, Any]) -> ErrorOut:
    return ErrorOut(message=_whole(message), path=path, extensions=_whole(extensions))


def _whole(value: Any) -> Any:
    """graphql-core repeats what it was given; half of an emoji cannot be sent back."""
    if isinstance(value, dict):
        return {name: _whole(each) for name, each in value.items()}
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
