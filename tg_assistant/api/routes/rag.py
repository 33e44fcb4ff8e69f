"""Asking over REST: one answer with its sources, or the same as a stream; own questions; index status."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import datetime
from time import monotonic
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from sse_starlette import EventSourceResponse

from tg_assistant.api import sse
from tg_assistant.api.deps import Call, Rt
from tg_assistant.core import answers, channels
from tg_assistant.core.access import Actor
from tg_assistant.core.answers import Delta, Done, Sources
from tg_assistant.errors import NotFound

router = APIRouter(prefix="/api/rag", tags=["questions"])


class QueryIn(BaseModel):
    query: str = Field(max_length=100_000, examples=["When does the night ferry start?"])
    user_id: UUID | None = Field(default=None, description="if given, must be the caller's")
    channel_ids: list[UUID] | None = Field(default=None, max_length=1000)
    since: datetime | None = Field(default=None, alias="from")
    until: datetime | None = Field(default=None, alias="to")
    limit: int = Field(default=8, ge=1, le=20, description="sources at most")


class SourceOut(BaseModel):
    n: int
    post_id: UUID
    channel_id: UUID
    channel_title: str
    posted_at: datetime
    url: str
    quote: str
    score: float


class ResultOut(BaseModel):
    answer: str
    sources: list[SourceOut]
    abstained: bool
    confidence: float


class AnswerOut(BaseModel):
    query_id: UUID
    result: ResultOut
    processing_time_ms: int


class AskedOut(BaseModel):
    query_id: UUID
    question: str
    answer: str | None
    abstained: bool | None
    door: str
    created_at: datetime


class StatusOut(BaseModel):
    indexed: int
    total: int
    lag: int


@router.post("/query", response_model=AnswerOut)
async def query(call: Call, rt: Rt, body: QueryIn, request: Request) -> AnswerOut | EventSourceResponse:
    """Ask. With `Accept: text/event-stream` the answer streams as `sources`, `delta`, `done`."""
    actor = await call.actor()
    if body.user_id not in (None, actor.user_id):
        raise NotFound("users.not_found")
    began = monotonic()
    if "text/event-stream" in request.headers.get("accept", ""):
        return sse.stream(_events(rt, actor, body, began), actor.language)
    async for event in _ask(rt, actor, body):
        if isinstance(event, Done):
            return _answer(event, began)
    raise AssertionError("answers.ask always ends in Done")


def _ask(rt: Rt, actor: Actor, body: QueryIn) -> AsyncIterator[Sources | Delta | Done]:
    return answers.ask(
        rt,
        actor,
        body.query,
        channel_ids=body.channel_ids,
        since=body.since,
        until=body.until,
        limit=body.limit,
    )


async def _events(
    rt: Rt, actor: Actor, body: QueryIn, began: float
) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    async for event in _ask(rt, actor, body):
        if isinstance(event, Sources):
            yield "sources", {"sources": [asdict(source) for source in event.sources]}
        elif isinstance(event, Delta):
            yield "delta", {"text": event.text}
        else:
            yield "done", _answer(event, began).model_dump(mode="json")


@router.get("/history")
async def history(call: Call, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> list[AskedOut]:
    """The caller's own questions, the newest first."""
    async with call.open() as (db, actor):
        asked = await answers.history(db, actor, limit=limit)
    return [AskedOut(query_id=q.id, **q.model_dump(include=set(AskedOut.model_fields))) for q in asked]


@router.get("/status/{user_id}")
async def status(call: Call, user_id: UUID) -> StatusOut:
    """How much of what the caller follows is searchable."""
    async with call.open() as (db, actor):
        if user_id != actor.user_id:
            raise NotFound("users.not_found")
        followed = await channels.list_(db, actor)
    done = sum(each.progress.done for each in followed)
    indexed = sum(each.progress.indexed for each in followed)
    return StatusOut(indexed=indexed, total=done, lag=done - indexed)


def _answer(done: Done, began: float) -> AnswerOut:
    sources = [SourceOut.model_validate(source, from_attributes=True) for source in done.sources]
    return AnswerOut(
        query_id=done.question_id,
        result=ResultOut(
            answer=done.answer, sources=sources, abstained=done.abstained, confidence=done.confidence
        ),
        processing_time_ms=round((monotonic() - began) * 1000),
    )
