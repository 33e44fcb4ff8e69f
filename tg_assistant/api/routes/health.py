"""Liveness and readiness: 503 with the failing checks named."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from tg_assistant.api.deps import Rt
from tg_assistant.core import health

router = APIRouter(tags=["health"])


class HealthOut(BaseModel):
    status: str = Field(examples=["ok", "failing"])
    checks: dict[str, bool] = Field(examples=[{"database": True}])
    failing: list[str] = Field(default=[], description="the checks that say no")


_RESPONSES: dict[int | str, dict[str, Any]] = {
    503: {"model": HealthOut, "description": "`failing` names the checks"}
}


@router.get("/health", name="health", responses=_RESPONSES)
async def process(rt: Rt, response: Response) -> HealthOut:
    """The process answers, in time, and what it works on comes to an end. Asks no neighbour."""
    return _said({"process": True, **rt.pulse.checks()}, response)


@router.get("/ready", responses=_RESPONSES)
async def ready(rt: Rt, response: Response) -> HealthOut:
    """Requests can be served. Without `vectors` and `embeddings` answers are weaker: they fail nothing."""
    return _said(await health.ready(rt), response, needed={"database"})


@router.get("/health/auth", responses=_RESPONSES)
async def auth(rt: Rt, response: Response) -> HealthOut:
    """People can sign in and connect an account."""
    return _said(await health.signing_in(rt), response)


@router.get("/health/bot", responses=_RESPONSES)
async def bot(rt: Rt, response: Response) -> HealthOut:
    """Telegram knows the bot, and nobody waits for its answer."""
    return _said(await health.bot(rt), response)


def _said(checks: Mapping[str, bool], response: Response, needed: set[str] | None = None) -> HealthOut:
    failing = [name for name, well in checks.items() if not well]
    fails = bool(set(failing) & (needed or set(checks)))
    if fails:
        response.status_code = 503
    return HealthOut(status="failing" if fails else "ok", checks=dict(checks), failing=failing)
