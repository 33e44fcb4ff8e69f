"""Searching posts over REST: by words, by meaning, or both."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from tg_assistant.api.deps import Call, Rt
from tg_assistant.api.problems import may
from tg_assistant.api.routes.posts import PostOut, fields_of
from tg_assistant.core.retrieval import search
from tg_assistant.core.retrieval.search import Hit, Mode

router = APIRouter(prefix="/api/search", tags=["search"])


class PieceOut(BaseModel):
    """A stretch of the post's own text. It is text, never markup: escape it where you show it."""

    text: str
    match: bool = Field(description="a word that was searched for")


class PlaceOut(BaseModel):
    post_id: UUID
    channel_id: UUID
    channel_title: str
    posted_at: datetime
    url: str


class HitOut(PostOut):
    score: float | None = Field(description="orders the list; null with mode exact, newest first")
    highlights: list[PieceOut] = Field(description="an extract: joined, the pieces are a part of the text")
    also: list[PlaceOut] = Field(description="where the same news stands besides: forwards and copies")


class HitsOut(BaseModel):
    items: list[HitOut]
    next_cursor: str | None
    note: str | None = Field(default=None, description="`by_words_only`: meaning could not be searched now")


class SearchIn(BaseModel):
    """What to look for, where, and how much of it to show."""

    q: str = Field(description="at most 500 characters", examples=["night ferry"])
    mode: Mode = "hybrid"
    channel_ids: list[UUID] | None = Field(default=None, max_length=200)
    since: datetime | None = Field(default=None, alias="from", description="UTC unless it says otherwise")
    until: datetime | None = Field(default=None, alias="to", description="this moment no longer counts")
    limit: int = Field(default=20, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=200, description="`next_cursor` of the page before")


@router.get("", responses=may(429, s429="Too many searches a minute, or too many requests under way"))
async def find(call: Call, rt: Rt, asked: Annotated[SearchIn, Query()]) -> HitsOut:
    """Posts of the caller's channels, best first. `exact`: newest first; knows "a phrase", -without, or."""
    actor, wanted = await call.actor(), asked.model_dump(exclude={"q"})
    results = await search.search(rt, actor, asked.q, **wanted)
    note = "by_words_only" if results.degraded else None
    return HitsOut(items=[_hit(hit) for hit in results.items], next_cursor=results.next_cursor, note=note)


def _hit(hit: Hit) -> HitOut:
    return HitOut(
        **fields_of(hit.shown),
        score=hit.score,
        highlights=[PieceOut(**asdict(piece)) for piece in hit.extract],
        also=[PlaceOut(**asdict(place)) for place in hit.also],
    )
