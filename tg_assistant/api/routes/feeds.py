"""Feeds: made, listed and ended by their owner; fetched by a feed reader at a private address."""

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from tg_assistant.api import limits
from tg_assistant.api.deps import Call, Rt
from tg_assistant.api.problems import may
from tg_assistant.core.access import rate_limits
from tg_assistant.core.access.rate_limits import Rule
from tg_assistant.core.exports import feed_documents, feeds
from tg_assistant.core.exports.feed_documents import FeedForm
from tg_assistant.core.exports.feeds import Fetched

router = APIRouter(tags=["feeds"])
_DOCUMENT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/rss+xml": {}, "application/atom+xml": {}}, "description": "the feed"},
    304: {"description": "It has not changed (`If-None-Match`, `If-Modified-Since`)"},
    **may(404, 429, s404="No such feed, it was ended, or its owner may not read it any more"),
}


class FeedIn(BaseModel):
    """Exactly one of the two."""

    model_config = {"json_schema_extra": {"examples": [{"query": "night ferry"}]}}

    channel_id: UUID | None = None
    query: str | None = Field(default=None, max_length=500, description="words, as in a search by `exact`")


class FeedOut(BaseModel):
    id: UUID
    title: str = Field(description="its channel's, or its query")
    channel_id: UUID | None
    query: str | None
    created_at: datetime
    last_used_at: datetime | None = Field(description="to the minute; null before the first fetch")


class NewFeedOut(BaseModel):
    id: UUID
    url: str = Field(description="RSS; shown once: whoever has it reads the feed")
    atom_url: str


class FeedsOut(BaseModel):
    items: list[FeedOut]


@router.post("/api/feeds", status_code=201, responses=may(403, 404, s403="As many feeds as there may be"))
async def make(call: Call, rt: Rt, body: FeedIn) -> NewFeedOut:
    """Make a feed. Its address is told once; whoever knows it may read the feed until it is ended."""
    async with call.open() as (db, actor):
        feed, token = await feeds.make(db, actor, channel_id=body.channel_id, query=body.query)
    url = f"{rt.settings.web.public_url}/feeds/{token}"
    return NewFeedOut(id=feed.id, url=url, atom_url=f"{url}?format=atom")


@router.get("/api/feeds")
async def list_feeds(call: Call) -> FeedsOut:
    """The caller's feeds, newest first, at most 20; without their addresses."""
    async with call.open() as (db, actor):
        listed = await feeds.list_(db, actor)
    named = set(FeedOut.model_fields) - {"title"}
    return FeedsOut(items=[FeedOut(**one.feed.model_dump(include=named), title=one.title) for one in listed])


@router.delete("/api/feeds/{feed_id}", status_code=204)
async def end(call: Call, feed_id: UUID) -> None:
    """End a feed: its address answers 404 from now on."""
    async with call.open() as (db, actor):
        await feeds.end(db, actor, feed_id)


@router.get(
    "/feeds/{token}",
    response_class=Response,
    responses=_DOCUMENT,
    dependencies=[limits.by_address(Rule.feeds)],
)
async def fetch(
    request: Request, rt: Rt, token: str, form: Annotated[FeedForm, Query(alias="format")] = FeedForm.rss
) -> Response:
    """The newest 50 posts of a feed. The address is the credential; what its owner may read is asked anew."""
    feed, owner = await feeds.owner_of(rt, token)
    await rate_limits.spend(rt, Rule.feeds, user_id=owner.user_id)
    fetched = await feeds.fetch(rt, owner, feed)
    tag = f'"{fetched.etag.hex()}-{form.value}"'
    headers = {
        "ETag": tag,
        "Last-Modified": format_datetime(fetched.changed_at.astimezone(UTC), usegmt=True),
        "Cache-Control": "private, no-cache",  # kept by the reader alone, and asked about each time
        "X-Robots-Tag": "noindex",
    }
    if _unchanged(request, tag, fetched):
        return Response(status_code=304, headers=headers)
    body = feed_documents.document(fetched, form)
    return Response(body, media_type=feed_documents.MEDIA[form], headers=headers)


def _unchanged(request: Request, tag: str, fetched: Fetched) -> bool:
    """Whether the reader has this version: https://www.rfc-editor.org/rfc/rfc9110#section-13.2.2."""
    if (given := request.headers.get("if-none-match")) is not None:
        return given.strip() == "*" or tag in [each.strip().removeprefix("W/") for each in given.split(",")]
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
        return fetched.changed_at.replace(microsecond=0) <= since
    except (ValueError, TypeError):  # no date, or one without a time zone
        return False
