"""Asking over REST: an answer with its sources, as JSON or a stream; the caller's questions; index status."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict
from datetime import datetime
from time import monotonic
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, Field
from sse_starlette import EventSourceResponse

from tg_assistant.api.deps import Call, Rt
from tg_assistant.api.pagination import Cursor, Limit, PageOut
from tg_assistant.api.problems import may
from tg_assistant.api.streaming import answer_streams, sse, stream_limits
from tg_assistant.core.actor import Actor
from tg_assistant.core.answers import question_log
from tg_assistant.core.answers.answers import Delta, Done, Sources
from tg_assistant.core.channels import channels
from tg_assistant.core.retrieval.scope import Wanted
from tg_assistant.errors import NotFound

router = APIRouter(prefix="/api/rag", tags=["questions"])


class QueryIn(BaseModel):
    query: str = Field(
        max_length=100_000,
        description="at most 4,000 characters",
        examples=["When does the night ferry start?"],
    )
    user_id: UUID | None = Field(default=None, description="if given, must be the caller's")
    channel_ids: list[UUID] | None = Field(default=None, max_length=1000)
    since: datetime | None = Field(default=None, alias="from")
    until: datetime | None = Field(default=None, alias="to")
    limit: int = Field(default=8, ge=1, le=20, description="sources at most")


class SourceOut(BaseModel):
    n: int = Field(description="its number in the answer's text: [1]")
    post_id: UUID
    channel_id: UUID
    channel_title: str
    posted_at: datetime
    url: str
    quote: str
    score: float


class AnsweredOut(BaseModel):
    answer: str
    sources: list[SourceOut]
    abstained: bool
    confidence: float


class AnswerOut(BaseModel):
    query_id: UUID
    result: AnsweredOut
    processing_time_ms: int


class AskedOut(BaseModel):
    query_id: UUID
    question: str
    answer: str | None
    abstained: bool | None
    door: str
    created_at: datetime


class IndexedOut(BaseModel):
    indexed: int = Field(description="posts that can be searched by meaning")
    total: int
    lag: int = Field(description="posts that cannot yet")


_ASKED: dict[int | str, dict[str, Any]] = {
    200: {"content": sse.CONTENT},
    **may(
        403,
        404,
        429,
        s403="Not a member, or a channel the answer rests on was lost while it was made",
        s404="`user_id` is not the caller's",
        s429="That was the last question of the day",
    ),
}


@router.post("/query", response_model=AnswerOut, responses=_ASKED)
async def query(
    call: Call,
    rt: Rt,
    body: QueryIn,
    request: Request,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> AnswerOut | EventSourceResponse:
    """Ask. With `Accept: text/event-stream` the answer streams as `sources`, `delta`, `done`.

    After a cut, send the same again with `Last-Event-ID`: the answer goes on, and nothing is asked twice.
    The answer in `done` is what counts. What refuses a question (the day's last one was asked, nothing in
    it to ask) is told by the status, before a stream begins. Who loses a channel that the answer rests on
    meanwhile gets the error `answers.withheld` as the last event: what came before it is to be forgotten.
    """
    actor = await call.actor()
    if body.user_id not in (None, actor.user_id):
        raise NotFound("users.not_found")
    began = monotonic()
    streaming = bool(last_event_id) or sse.wanted(request)
    if streaming:
        stream_limits.check_room(actor)  # before the question is asked and counted
    if last_event_id:
        question = str(await answer_streams.own(rt, actor, last_event_id))
        numbered = answer_streams.read_on(rt, actor, last_event_id)
    else:
        question_id = await answer_streams.begin(rt, actor, body.query, _wanted(body))
        numbered, question = answer_streams.follow(rt, actor, question_id), str(question_id)
    if streaming:
        return _stream(_events(numbered, question, began), actor, call.actor)
    async with aclosing(numbered):
        async for _, event in numbered:
            if isinstance(event, Done):
                return _answer(event, began)
    raise AssertionError("answers.ask always ends in Done")


def _stream(
    events: AsyncGenerator[sse.Event], actor: Actor, still_allowed: Callable[[], Awaitable[object]]
) -> EventSourceResponse:
    """Stream events that `showing.watched` has already checked: nothing may be buffered on the way out."""
    return sse.stream(events, actor, still_allowed, watched=True)


def _wanted(body: QueryIn) -> Wanted:
    return Wanted(channel_ids=body.channel_ids, since=body.since, until=body.until, limit=body.limit)


async def _events(
    numbered: AsyncGenerator[tuple[int, Sources | Delta | Done]], question: str, began: float
) -> AsyncGenerator[sse.Event]:
    async with aclosing(numbered):
        async for number, event in numbered:
            name = f"{question}:{number}"
            if isinstance(event, Sources):
                yield sse.Event(name, "sources", {"sources": [asdict(source) for source in event.sources]})
            elif isinstance(event, Delta):
                yield sse.Event(name, "delta", {"text": event.text})
            else:
                yield sse.Event(name, "done", _answer(event, began).model_dump(mode="json"))


@router.get("/history")
async def history(call: Call, limit: Limit = 20, cursor: Cursor = None) -> PageOut[AskedOut]:
    """The caller's own questions, the newest first."""
    async with call.open() as (db, actor):
        page = await question_log.page(db, actor, limit=limit, cursor=cursor)
    items = [AskedOut(query_id=q.id, **q.model_dump(include=set(AskedOut.model_fields))) for q in page.items]
    return PageOut(items=items, next_cursor=page.next_cursor)


@router.get("/status/{user_id}")
async def status(call: Call, user_id: UUID) -> IndexedOut:
    """How much of what the caller follows is searchable."""
    async with call.open() as (db, actor):
        if user_id != actor.user_id:
            raise NotFound("users.not_found")
        followed = await channels.list_(db, actor)
    done = sum(each.progress.done for each in followed)
    indexed = sum(each.progress.indexed for each in followed)
    return IndexedOut(indexed=indexed, total=done, lag=done - indexed)


def _answer(done: Done, began: float) -> AnswerOut:
    sources = [SourceOut.model_validate(source, from_attributes=True) for source in done.sources]
    return AnswerOut(
        query_id=done.question_id,
        result=AnsweredOut(
            answer=done.answer, sources=sources, abstained=done.abstained, confidence=done.confidence
        ),
        processing_time_ms=round((monotonic() - began) * 1000),
    )
