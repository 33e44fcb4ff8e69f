"""The caller's channels: those of the account's own list, those followed, and how far they are read."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, model_validator

from tg_assistant.api.deps import Call, Rt
from tg_assistant.core import channels, tasks
from tg_assistant.core.access import Actor
from tg_assistant.core.channels import Followed
from tg_assistant.core.progress import Progress
from tg_assistant.errors import NotFound
from tg_assistant.models import Channel

router = APIRouter(tags=["channels"])


class AddIn(BaseModel):
    """Exactly one of the three."""

    username: str | None = Field(default=None, examples=["@durov"])
    link: str | None = Field(default=None, examples=["https://t.me/durov"])
    telegram_id: int | str | None = Field(default=None, description="without −100")

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


class ProgressOut(BaseModel):
    known_low: int | None
    known_high: int | None
    done: int
    total_estimate: int
    gaps: int
    rate: float = Field(description="posts per second over the last minute")
    eta_seconds: int | None
    last_error: str | None
    indexed: int
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


@router.get("/api/channels")
async def list_followed(call: Call) -> list[ChannelOut]:
    """What the caller follows, by title."""
    async with call.open() as (db, actor):
        return [_channel(followed) for followed in await channels.list_(db, actor)]


@router.get("/api/channels/available")
async def available(call: Call, rt: Rt, refresh: bool = False) -> list[AvailableOut]:
    """The channels the linked account is subscribed to; `refresh` asks Telegram again."""
    listed = await channels.available(rt, await call.actor(), refresh=refresh)
    return [AvailableOut.model_validate(dialog, from_attributes=True) for dialog in listed]


@router.post("/api/channels", status_code=201, responses={202: {"model": PendingOut}})
async def add(call: Call, rt: Rt, body: AddIn, response: Response) -> ChannelOut | PendingOut:
    """Follow a channel. 202 with a task's address while Telegram is still being asked."""
    return await _add(rt, await call.actor(), body, response, call)


@router.get("/api/channels/{channel_id}")
async def get(call: Call, channel_id: UUID) -> ChannelOut:
    """One followed channel."""
    async with call.open() as (db, actor):
        return _channel(await channels.get(db, actor, channel_id))


@router.get("/api/channels/{channel_id}/progress")
async def progress(call: Call, channel_id: UUID) -> ProgressOut:
    """How far the channel's history has been read."""
    async with call.open() as (db, actor):
        return _progress(await channels.progress(db, actor, channel_id))


@router.patch("/api/channels/{channel_id}")
async def pause(call: Call, channel_id: UUID, body: PauseIn) -> ChannelOut:
    """Pause or resume reading new posts."""
    async with call.open() as (db, actor):
        return _channel(await channels.pause(db, actor, channel_id, body.paused))


@router.delete("/api/channels/{channel_id}", status_code=204)
async def remove(call: Call, channel_id: UUID) -> None:
    """Stop following; posts that nobody else follows are purged."""
    async with call.open() as (db, actor):
        await channels.remove(db, actor, channel_id)


@router.get("/api/channels/users/{user_id}/channels")
async def list_of_user(call: Call, user_id: UUID) -> list[ChannelOut]:
    """The documented form of the list; the user must be the caller."""
    async with call.open() as (db, actor):
        _own(actor, user_id)
        return [_channel(followed) for followed in await channels.list_(db, actor)]


@router.post(
    "/api/channels/users/{user_id}/channels", status_code=201, responses={202: {"model": PendingOut}}
)
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


@router.get("/api/tasks/{task_id}", tags=["tasks"])
async def task(call: Call, task_id: UUID) -> TaskOut:
    """Work that Telegram was asked for. A failed task answers with the error it ended in."""
    async with call.open() as (db, actor):
        found = await tasks.get(db, actor, task_id)
    done = found.done_at is not None
    result: dict[str, Any] = tasks.outcome(found) if done else {}
    return TaskOut(id=found.id, done=done, channel_id=result.get("channel_id"))


def _own(actor: Actor, user_id: UUID) -> None:
    if user_id != actor.user_id:
        raise NotFound("users.not_found")


async def _add(rt: Rt, actor: Actor, body: AddIn, response: Response, call: Call) -> ChannelOut | PendingOut:
    telegram_id = _whole(body.telegram_id)
    added = await channels.add(rt, actor, username=body.username, link=body.link, telegram_id=telegram_id)
    if added.channel is None:
        response.status_code = 202
        return PendingOut(task=f"/api/tasks/{added.task_id}")
    return await _shown(call, added.channel)


def _whole(telegram_id: int | str | None) -> int | None:
    if telegram_id is None:
        return None
    text = str(telegram_id)
    if not (text.isascii() and text.isdecimal() and len(text) <= 16):
        raise NotFound("channels.unknown")
    return int(text)


async def _shown(call: Call, channel: Channel) -> ChannelOut:
    async with call.open() as (db, actor):
        return _channel(await channels.get(db, actor, channel.id))


def _channel(followed: Followed) -> ChannelOut:
    channel = followed.channel
    return ChannelOut(
        id=channel.id,
        telegram_id=channel.telegram_id,
        title=channel.title,
        username=channel.username,
        private=channel.private,
        paused=followed.subscription.paused,
        progress=_progress(followed.progress),
    )


def _progress(progress: Progress) -> ProgressOut:
    return ProgressOut.model_validate(progress, from_attributes=True)
