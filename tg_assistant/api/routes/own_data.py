"""The caller's own data: listing and ending sessions, exporting, and deleting everything."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from tg_assistant.api import limits, pagination
from tg_assistant.api.deps import Call, Rt
from tg_assistant.api.pagination import Cursor, Limit, PageOut
from tg_assistant.api.safety import SafetyOut, shown
from tg_assistant.core.access import sessions
from tg_assistant.core.access.rate_limits import Rule
from tg_assistant.core.accounts import accounts, safety
from tg_assistant.core.actor import Actor
from tg_assistant.core.privacy import erasure, export
from tg_assistant.errors import NotAllowed, SignInNeeded
from tg_assistant.infra.runtime import Runtime

log = structlog.get_logger()
router = APIRouter(prefix="/api/users/me", tags=["own data"])


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
    app: list[SessionOut] = Field(description="last seen first, in pages")
    telegram: list[AccountOut] = Field(description="all of them on the first page, none on the others")
    next_cursor: str | None = Field(description="give it as `cursor` to read on; null on the last page")


class ReceiptOut(BaseModel):
    """Keep it: nothing here knows who it was for."""

    id: UUID
    deleted_at: datetime
    telegram_accounts: int = Field(description="logged out at Telegram, their keys destroyed")
    channels: int = Field(description="no longer followed; posts nobody else follows go with their index")
    questions: int
    sessions: int
    group: bool = Field(description="the whole group was deleted with its last owner")


@router.get("/accounts/safety")
async def account_safety(call: Call, rt: Rt, limit: Limit = 50, cursor: Cursor = None) -> PageOut[SafetyOut]:
    """How much of its budget of requests the caller's Telegram account has used, and what waits."""
    after = pagination.decode(cursor, UUID)
    found = [shown(one) for one in await safety.of_own(rt, await call.actor())]
    ids = [one.account_id for one in found]
    begin = 0 if after is None or after[0] not in ids else ids.index(after[0]) + 1
    return pagination.cut(found[begin : begin + limit + 1], limit, lambda one: (one.account_id,))


@router.get("/sessions")
async def list_sessions(call: Call, limit: Limit = 50, cursor: Cursor = None) -> SessionsOut:
    """Where the bearer is signed in, and which Telegram account is linked."""
    async with call.open() as (db, actor):
        page = await sessions.page(db, actor, limit=limit, cursor=cursor)
        linked = await accounts.list_(db, actor) if actor.tenant_id and not cursor else []
    return SessionsOut(
        app=[
            SessionOut(
                **row.model_dump(include=set(SessionOut.model_fields)), current=row.id == actor.session_id
            )
            for row in page.items
        ],
        telegram=[AccountOut(**row.model_dump(include=set(AccountOut.model_fields))) for row in linked],
        next_cursor=page.next_cursor,
    )


@router.delete(
    "/sessions/{session_id}",
    status_code=204,
    responses={202: {"description": "Telegram has not confirmed the log-out yet; it is being tried on"}},
)
async def end_session(call: Call, rt: Rt, session_id: UUID, response: Response) -> None:
    """End an app session, or log a linked account out: at Telegram too, and its key is destroyed.

    202 while Telegram has not confirmed: the account is still in the list until it has.
    """
    async with call.open() as (db, actor):
        linked = await accounts.list_(db, actor) if actor.tenant_id else []
        if session_id not in {account.id for account in linked}:
            await sessions.end(db, actor, session_id)
            return
    if not await accounts.disconnect(rt, actor, session_id):
        response.status_code = 202


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}, "description": "a zip of JSON files"}},
    dependencies=[limits.by_user(Rule.export)],
)
async def export_data(call: Call, rt: Rt) -> StreamingResponse:
    """Everything kept about the bearer: profile, sessions, accounts, channels, questions, audit lines.

    It breaks off, and is no whole zip, once the bearer may not see any more what is in it.
    """
    actor = await call.actor()
    headers = {"Content-Disposition": 'attachment; filename="telegram-assistant.zip"'}
    return StreamingResponse(_allowed(rt, actor), media_type="application/zip", headers=headers)


async def _allowed(rt: Runtime, actor: Actor) -> AsyncIterator[bytes]:
    try:
        async for piece in export.archive(rt, actor):
            yield piece
    except (NotAllowed, SignInNeeded) as lost:  # the answer has begun: its status cannot change
        log.info("export.ended", code=lost.code)


@router.delete("")
async def delete_everything(
    call: Call,
    rt: Rt,
    with_group: Annotated[
        bool, Query(description="for a last owner: delete the whole group with everything in it, too")
    ] = False,
) -> ReceiptOut:
    """Log out at Telegram, then delete the bearer with all they have. It cannot be undone.

    503 while Telegram has not confirmed the log-out: nothing is deleted yet, ask again. 403 for the last
    owner of a group with other people in it: make somebody else an owner, or say `with_group=true`.
    """
    receipt = await erasure.erase(rt, await call.actor(), with_group=with_group)
    return ReceiptOut(
        id=receipt.id,
        deleted_at=receipt.at,
        telegram_accounts=receipt.accounts,
        channels=receipt.channels,
        questions=receipt.questions,
        sessions=receipt.sessions,
        group=receipt.group,
    )
