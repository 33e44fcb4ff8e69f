"""Redeeming an invite; admins create them (`routes/admin/invites.py`)."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from tg_assistant.api import limits, problems
from tg_assistant.api.deps import Call
from tg_assistant.core.access.rate_limits import Rule
from tg_assistant.core.group import invites

router = APIRouter(prefix="/api/invites", tags=["invites"])


class CodeIn(BaseModel):
    code: str = Field(max_length=100, examples=["7KQ2M9XWTB4A"])


class MembershipOut(BaseModel):
    tenant_id: UUID
    role: str


@router.post(
    "/redeem",
    status_code=201,
    responses=problems.may(
        409,
        410,
        s409="The code is good, but the caller already belongs to a group; it keeps its use",
        s410="Used up, revoked, expired or unknown: the same answer for all four, for members, too",
    ),
    dependencies=[limits.by_user_and_address(Rule.invites)],
)
async def redeem(call: Call, body: CodeIn) -> MembershipOut:
    """Join the invite's group."""
    async with call.open() as (db, actor):
        membership = await invites.redeem(db, actor, body.code)
    return MembershipOut(tenant_id=membership.tenant_id, role=membership.role)
