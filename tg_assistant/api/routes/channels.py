"""The caller's channels: those their account can see, those they follow, and how far these are read."""

from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, Field, model_validator
from sse_starlette import EventSourceResponse

from tg_assistant.api import pagination
from tg_assistant.api.deps import Call, Rt
from tg_assistant.api.pagination import Cursor, Limit, PageOut
from tg_assistant.api.problems import may, sentence
from tg_assistant.api.streaming import sse
from tg_assistant.core.accounts import tasks
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import channels, dialogs
from tg_assistant.core.channels.channels import Followed
from tg_assistant.core.channels.progress import Progress
from tg_assistant.errors import AssistantError, NotFound

router = APIRouter(tags=["channels"])


class AddIn(BaseModel):
    """Exactly one of the three."""

    model_config = {"json_schema_extra": {"examples": [{"username": "@durov"}]}}

    username: str | None = Field(default=None, max_length=200, examples=["@durov"])
    link: str | None = Field(default=None, max_length=500, examples=["https://t.me/durov"])
    telegram_id: int | str | None = Field(default=None, description="without −100", examples=[1006503122])

    @model_validator(mode="after")
    def _one(self) -> "AddIn":
        if sum(value is not None for value in (self.username, self.link, self.telegram_id)) != 1:
            raise ValueError("give exactly one of username, link, telegram_id")
        return self


class PauseIn(BaseModel):
    paused: bool


class AvailableOut(BaseModel):
    telegram_id: int
    title: str
    username: str | None
    private: bool
    members: int | None
    folder: str | None


class AvailablePageOut(PageOut[AvailableOut]):
    read_at: datetime | None = Field(description="when the list was last read from Telegram")


class ProgressOut(BaseModel):
    known_low: int | None = Field(description="the oldest message id that is known")
    known_high: int | None = Field(description="the newest one")
    done: int = Field(description="posts that are here")
    total_estimate: int = Field(description="posts there will be, about")
    gaps: int = Field(description="spans of ids between known ones that are still to be read")
    rate: float = Field(description="posts per second over the last minute")
    eta_seconds: int | None = Field(description="null when there is no telling")
    last_error: str | None = Field(description="in words, in the caller's language", examples=[None])
    last_error_code: str | None = Field(examples=["channels.access_lost"])
    indexed: int = Field(description="posts that can be searched by meaning")
    finished: bool


class ChannelOut(BaseModel):
    id: UUID
    telegram_id: int
    title: str
    username: str | None
    private: bool
    paused: bool
    progress: ProgressOut


class PendingOut(BaseModel):
    status: str = "checking"
    task: str = Field(description="address to look at again")


class TaskOut(BaseModel):
    id: UUID
    done: bool
    channel_id: UUID | None = None


_ADD: dict[int | str, dict[str, Any]] = {
    202: {"model": PendingOut, "description": "Telegram is still being asked"},
    **may(
        404,
        409,
        429,
        503,
        s403="No account is connected, or the plan's limit is reached (`max`, `current`)",
        s404="No such channel",
        s409="Already followed",
    ),
}
_PROGRESS: dict[int | str, dict[str, Any]] = {
    200: {"content": sse.CONTENT},
    **may(429, s429="Too many streams are open"),
}


@router.get("/api/channels")
async def list_followed(call: Call, limit: Limit = 100, cursor: Cursor = None) -> PageOut[ChannelOut]:
    """What the caller follows, by title."""
    return await _page(call, limit, cursor)


@router.get("/api/channels/available", responses=may(429, 503, s503="Telegram is still being asked"))
async def available(
    call: Call,
    rt: Rt,
    refresh: Annotated[bool, Query(description="ask Telegram again")] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> AvailablePageOut:
    """The channels the linked account is subscribed to, with folders, in Telegram's order."""
    after = pagination.decode(cursor, int)
    listed = await dialogs.available(rt, await call.actor(), refresh=refresh)
    async with call.open() as (db, actor):
        _, read_at = await dialogs.kept(db, actor)
    begin = 0
    if after is not None:
        begin = next((n for n, each in enumerate(listed, 1) if each.telegram_id == after[0]), len(listed))
    shown = [
        AvailableOut.model_validate(each, from_attributes=True) for each in listed[begin : begin + limit + 1]
    ]
    page = pagination.cut(shown, limit, lambda each: (each.telegram_id,))
    return AvailablePageOut(items=page.items, next_cursor=page.next_cursor, read_at=read_at)


@router.post("/api/channels", status_code=201, responses=_ADD)
async def add(call: Call, rt: Rt, body: AddIn, response: Response) -> ChannelOut | PendingOut:
    """Follow a channel. 202 with a task's address while Telegram is still being asked."""
    return await _add(rt, await call.actor(), body, response, call)


@router.get("/api/channels/{channel_id:uuid}")
async def get(call: Call, channel_id: UUID) -> ChannelOut:
    """One followed channel."""
    async with call.open() as (db, actor):
        return _channel(await channels.get(db, actor, channel_id), actor.language)


@router.get("/api/channels/{channel_id:uuid}/progress", response_model=ProgressOut, responses=_PROGRESS)
async def progress(
    call: Call,
    rt: Rt,
    request: Request,
    channel_id: UUID,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> ProgressOut | EventSourceResponse:
    """How far the history is read. With `Accept: text/event-stream`: each change, until all is searchable."""
    async with call.open() as (db, actor):
        followed = await channels.get(db, actor, channel_id)
    if not sse.wanted(request):
        return _progress(followed.progress, followed.channel.title, actor.language)

    def event(progress: Progress) -> sse.Event:
        shown = _progress(progress, followed.channel.title, actor.language)
        seen = shown.model_dump_json(exclude={"rate", "eta_seconds"})
        return sse.Event(sha256(seen.encode()).hexdigest()[:16], "progress", shown.model_dump())

    changes = sse.changes(channels.watch(rt, actor, followed.channel.id), last_event_id, event)
    return sse.stream(changes, actor, call.actor)


@router.patch("/api/channels/{channel_id:uuid}")
async def pause(call: Call, channel_id: UUID, body: PauseIn) -> ChannelOut:
    """Pause or resume reading new posts."""
    async with call.open() as (db, actor):
        return _channel(await channels.pause(db, actor, channel_id, body.paused), actor.language)


@router.delete("/api/channels/{channel_id:uuid}", status_code=204)
async def remove(call: Call, channel_id: UUID) -> None:
    """Stop following; posts that nobody else follows are purged."""
    async with call.open() as (db, actor):
        await channels.remove(db, actor, channel_id)


@router.get("/api/channels/users/{user_id}/channels")
async def list_of_user(
    call: Call, user_id: UUID, limit: Limit = 100, cursor: Cursor = None
) -> PageOut[ChannelOut]:
    """The documented form of the list; the user must be the caller."""
    _own(await call.actor(), user_id)
    return await _page(call, limit, cursor)


@router.post("/api/channels/users/{user_id}/channels", status_code=201, responses=_ADD)
async def add_for_user(
    call: Call, rt: Rt, user_id: UUID, body: AddIn, response: Response
) -> ChannelOut | PendingOut:
    """The documented form of following; the user must be the caller."""
    actor = await call.actor()
    _own(actor, user_id)
    return await _add(rt, actor, body, response, call)


@router.delete("/api/channels/users/{user_id}/channels/{channel_id}", status_code=204)
async def remove_for_user(call: Call, user_id: UUID, channel_id: UUID) -> None:
    """The documented form of removing; the user must be the caller."""
    async with call.open() as (db, actor):
        _own(actor, user_id)
        await channels.remove(db, actor, channel_id)


@router.get("/api/tasks/{task_id}", tags=["tasks"], responses=may(409, 422, 429, 503))
async def task(call: Call, task_id: UUID) -> TaskOut:
    """Work that Telegram was asked for. A failed task answers with the error it ended in."""
    async with call.open() as (db, actor):
        found = await tasks.get(db, actor, task_id)
    done = found.done_at is not None
    result: dict[str, Any] = tasks.outcome(found) if done else {}
    return TaskOut(id=found.id, done=done, channel_id=result.get("channel_id"))


async def _page(call: Call, limit: int, cursor: str | None) -> PageOut[ChannelOut]:
    async with call.open() as (db, actor):
        page = await channels.page(db, actor, limit=limit, cursor=cursor)
    shown = [_channel(followed, actor.language) for followed in page.items]
    return PageOut(items=shown, next_cursor=page.next_cursor)


def _own(actor: Actor, user_id: UUID) -> None:
    if user_id != actor.user_id:
        raise NotFound("users.not_found")


async def _add(rt: Rt, actor: Actor, body: AddIn, response: Response, call: Call) -> ChannelOut | PendingOut:
    telegram_id = _whole(body.telegram_id)
    added = await channels.add(rt, actor, username=body.username, link=body.link, telegram_id=telegram_id)
    if added.channel is None:
        response.status_code = 202
        return PendingOut(task=f"/api/tasks/{added.task_id}")
    async with call.open() as (db, follower):
        return _channel(await channels.get(db, follower, added.channel.id), follower.language)


def _whole(telegram_id: int | str | None) -> int | None:
    if telegram_id is None:
        return None
    text = str(telegram_id)
    if not (text.isascii() and text.isdecimal() and len(text) <= 16):
        raise NotFound("channels.not_in_your_list")
    return int(text)


def _channel(followed: Followed, language: str) -> ChannelOut:
    channel = followed.channel
    return ChannelOut(
        id=channel.id,
        telegram_id=channel.telegram_id,
        title=channel.title,
        username=channel.username,
        private=channel.private,
        paused=followed.subscription.paused,
        progress=_progress(followed.progress, channel.title, language),
    )


def _progress(progress: Progress, title: str, language: str) -> ProgressOut:
    code = progress.last_error
    words = sentence(AssistantError(code, title=title), language) if code else None
    values: dict[str, Any] = {**asdict(progress), "last_error": words, "last_error_code": code}
    return ProgressOut(**values)
