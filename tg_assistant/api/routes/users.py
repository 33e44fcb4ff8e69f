"""Profiles and plans: the caller's own, and for admins those of their group's members."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from tg_assistant.api import limits
from tg_assistant.api.deps import Call
from tg_assistant.api.http.plain_int import PLAIN, is_plain
from tg_assistant.core.access.rate_limits import Rule
from tg_assistant.core.group import profiles
from tg_assistant.core.group.profiles import PlanInForce, Profile
from tg_assistant.errors import NotFound

router = APIRouter(prefix="/api/users", tags=["people"])
TelegramId = Annotated[
    int, Path(ge=1, lt=10**16, description="the person's id at Telegram", examples=[210000001]), PLAIN
]
AnyId = Annotated[str, Path(description="an id, or a Telegram id", max_length=40, examples=["210000001"])]


class ProfileOut(BaseModel):
    id: UUID
    telegram_id: int
    name: str
    first_name: str
    last_name: str
    username: str | None
    language: str
    tenant_id: UUID | None = Field(description="null until an invite is redeemed")
    role: str | None
    plan: str
    plan_expires_at: datetime | None
    disabled: bool
    created_at: datetime
    last_seen_at: datetime | None


class ProfileIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    language: Literal["ru", "en"]


class PlanOut(BaseModel):
    plan: str = Field(examples=["free"])
    channels_limit: int = Field(description="channels a person may follow")
    posts_limit: int = Field(description="newest posts read of each channel")
    questions_per_day: int
    expires_at: datetime | None = Field(default=None, description="then the free plan holds")


@router.get("/me")
async def me(call: Call) -> ProfileOut:
    """Who the bearer is, and which group they belong to."""
    async with call.open() as (db, actor):
        return _profile(await profiles.get(db, actor, actor.user_id))


@router.get("/me/subscription")
async def own_subscription(call: Call) -> PlanOut:
    """What the bearer's plan allows."""
    async with call.open() as (db, actor):
        return _plan(await profiles.plan_of(db, actor, actor.user_id))


@router.get("/{telegram_id}")
async def get_user(call: Call, telegram_id: TelegramId) -> ProfileOut:
    """Oneself; admins also a member of their group. Anybody else does not exist."""
    async with call.open() as (db, actor):
        return _profile(await profiles.get(db, actor, telegram_id))


@router.patch("/{telegram_id}", dependencies=[limits.by_user_of_others(Rule.admin)])
async def change_user(call: Call, telegram_id: TelegramId, body: ProfileIn) -> ProfileOut:
    """Choose the language. Role, plan and access are changed at `/api/admin/users/{id}`."""
    async with call.open() as (db, actor):
        return _profile(await profiles.set_language(db, actor, telegram_id, body.language))


@router.get("/{user_id}/subscription")
async def subscription(call: Call, user_id: AnyId) -> PlanOut:
    """What somebody's plan allows: one's own; for admins anybody's of their group."""
    async with call.open() as (db, actor):
        return _plan(await profiles.plan_of(db, actor, _who(user_id)))


def _who(text: str) -> UUID | int:
    if is_plain(text):
        return int(text)
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("users.not_found") from None


def _plan(found: PlanInForce) -> PlanOut:
    plan = found.plan
    return PlanOut(
        plan=plan.name,
        channels_limit=plan.channels_limit,
        posts_limit=plan.posts_limit,
        questions_per_day=plan.questions_per_day,
        expires_at=found.expires_at,
    )


def _profile(profile: Profile) -> ProfileOut:
    user, membership = profile.user, profile.membership
    return ProfileOut(
        **user.model_dump(include=set(ProfileOut.model_fields)),
        name=f"{user.first_name} {user.last_name}".strip() or f"@{user.username or user.telegram_id}",
        tenant_id=membership.tenant_id if membership else None,
        role=membership.role if membership else None,
        plan=membership.plan if membership else "free",
        plan_expires_at=membership.plan_expires_at if membership else None,
        disabled=membership.disabled if membership else False,
    )
