"""The Telegram accounts of the admin's group: how carefully each is treated, and what waits."""

from fastapi import APIRouter

from tg_assistant.api.deps import Call, Rt
from tg_assistant.api.pagination import Cursor, Limit, PageOut
from tg_assistant.api.safety import SafetyOut, shown
from tg_assistant.core.accounts import safety

router = APIRouter(prefix="/accounts", tags=["admin: accounts"])


@router.get("/safety")
async def list_safety(call: Call, rt: Rt, limit: Limit = 50, cursor: Cursor = None) -> PageOut[SafetyOut]:
    """The account-safety meters of the group, the latest connected first."""
    page = await safety.of_group(rt, await call.actor(), limit=limit, cursor=cursor)
    return PageOut(items=[shown(one) for one in page.items], next_cursor=page.next_cursor)
