"""The account-safety meter as REST shows it: numbers, and until when what waits."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from tg_assistant.core.accounts.safety import Safety


class MeterOut(BaseModel):
    kind: str = Field(description="read, list or resolve", examples=["read"])
    used: int = Field(description="requests of the last `seconds`")
    limit: int
    seconds: int


class WaitingOut(BaseModel):
    kind: str = Field(description="read, list, resolve or live", examples=["read"])
    why: str = Field(description="telegram: it asked to wait; budget: the account's own is used up")
    until: datetime
    tasks: int = Field(description="open tasks that wait for it")


class SafetyOut(BaseModel):
    """`slow_start` is the share of the usual budget, 1 once the first days are over."""

    account_id: UUID
    user_id: UUID
    name: str
    status: str
    ended_reason: str | None
    slow_start: float
    slow_until: datetime | None
    meters: list[MeterOut]
    waiting: list[WaitingOut]


def shown(one: Safety) -> SafetyOut:
    """The meter of one account."""
    account = one.account
    return SafetyOut(
        account_id=account.id,
        user_id=account.user_id,
        name=one.name,
        status=account.status,
        ended_reason=account.ended_reason,
        slow_start=one.slow_start,
        slow_until=one.slow_until,
        meters=[MeterOut(**vars(each)) for each in one.meters],
        waiting=[WaitingOut(**vars(each)) for each in one.waiting],
    )
