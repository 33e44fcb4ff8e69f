"""The caller's own profile and sessions: of this app and of the linked Telegram account."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from tg_assistant.api.deps import Call, Rt
from tg_assistant.core import accounts, plans, sessions
from tg_assistant.models import Account, AppSession

router = APIRouter(prefix="/api/users", tags=["people"])


class ProfileOut(BaseModel):
    id: UUID
    telegram_id: int
    name: str
    language: str
    tenant_id: UUID | None
    role: str | None


class PlanOut(BaseModel):
    plan: str
    channels_limit: int
    posts_limit: int
    questions_per_day: int
    expires_at: datetime | None = None


class SessionOut(BaseModel):
    id: UUID
    device: str
    created_at: datetime
    last_seen_at: datetime
    current: bool


class AccountOut(BaseModel):
    id: UUID
    telegram_id: int
    status: str
    device: str
    connected_at: datetime


class SessionsOut(BaseModel):
    app: list[SessionOut]
    telegram: list[AccountOut]


@router.get("/me")
async def me(call: Call) -> ProfileOut:
    """Who the bearer is, and which group they belong to."""
    actor = await call.actor()
    return ProfileOut(
        id=actor.user_id,
        telegram_id=actor.telegram_id,
        name=actor.name,
        language=actor.language,
        tenant_id=actor.tenant_id,
        role=actor.role,
    )


@router.get("/me/subscription")
async def subscription(call: Call) -> PlanOut:
    """What the bearer's plan allows."""
    actor = await call.actor()
    plan = plans.of(actor.plan)
    return PlanOut(
        plan=plan.name,
        channels_limit=plan.channels_limit,
        posts_limit=plan.posts_limit,
        questions_per_day=plan.questions_per_day,
    )


@router.get("/me/sessions")
async def list_sessions(call: Call) -> SessionsOut:
    """Where the bearer is signed in, and which Telegram account is linked."""
    async with call.open() as (db, actor):
        app = await sessions.list_(db, actor)
        linked = await accounts.list_(db, actor) if actor.tenant_id else []
    return SessionsOut(
        app=[_session(row, actor.session_id) for row in app], telegram=[_account(row) for row in linked]
    )


@router.delete("/me/sessions/{session_id}", status_code=204)
async def end_session(call: Call, rt: Rt, session_id: UUID) -> None:
    """End an app session, or log a linked account out: at Telegram too, and its key is destroyed."""
    async with call.open() as (db, actor):
        linked = await accounts.list_(db, actor) if actor.tenant_id else []
        if session_id not in {account.id for account in linked}:
            await sessions.end(db, actor, session_id)
            return
    await accounts.disconnect(rt, actor, session_id)


def _session(row: AppSession, current: UUID | None) -> SessionOut:
    return SessionOut(
        id=row.id,
        device=row.device,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        current=row.id == current,
    )


def _account(row: Account) -> AccountOut:
    return AccountOut(
        id=row.id,
        telegram_id=row.telegram_id,
        status=row.status,
        device=row.device,
        connected_at=row.connected_at,
    )
