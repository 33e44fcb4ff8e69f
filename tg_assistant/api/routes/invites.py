"""Redeeming an invite; making them is for admins."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from tg_assistant.api import limits
from tg_assistant.api.deps import Call
from tg_assistant.core import invites
from tg_assistant.core.limits import Rule

router = APIRouter(prefix="/api/invites", tags=["invites"])


class CodeIn(BaseModel):
    code: str = Field(max_length=100, examples=["7KQ2M9XWTB4A"])


class MembershipOut(BaseModel):
    tenant_id: str
    role: str


@router.post("/redeem", status_code=201, dependencies=[limits.by_user_and_address(Rule.invites)])
async def redeem(call: Call, body: CodeIn) -> MembershipOut:
    """Join the invite's tenant. 410 when the code is used up, revoked, expired or unknown."""
    async with call.open() as (db, actor):
        membership = await invites.redeem(db, actor, body.code)
    return MembershipOut(tenant_id=str(membership.tenant_id), role=membership.role)
