"""Settings of the whole group: feature flags, experiments, retention."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from tg_assistant.api import limits, pagination
from tg_assistant.api.deps import Call
from tg_assistant.api.pagination import Cursor, Limit, PageOut
from tg_assistant.core.access.rate_limits import Rule
from tg_assistant.core.privacy import retention
from tg_assistant.core.rollout import experiments, flags
from tg_assistant.core.rollout.experiments import TrialState
from tg_assistant.core.rollout.flags import FlagState

router = APIRouter(tags=["admin: group"])
Name = Annotated[str, Path(max_length=60, examples=["answers.model"])]
Days = Annotated[int | None, Field(ge=1, le=retention.MAX_DAYS)]
_CHANGE = [limits.by_user(Rule.admin)]


class FlagOut(BaseModel):
    name: str
    description: str
    enabled: bool
    default: bool
    changed_at: datetime | None = Field(description="null while the default holds")


class FlagIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    enabled: bool | None = Field(description="null: back to the default")


class SumsOut(BaseModel):
    exposures: int
    outcomes: int


class ExperimentOut(BaseModel):
    name: str
    description: str
    outcome: str = Field(description="what is counted")
    share: int = Field(description="percent of the people who are part of it")
    started_at: datetime | None = Field(description="null while it does not run")
    results: dict[str, SumsOut] = Field(description="by variant")


class ExperimentIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    running: bool
    share: int = Field(default=100, ge=1, le=100)


class RetentionOut(BaseModel):
    """In days."""

    posts: int = Field(description="after nobody could read the channel any more")
    questions: int
    sign_ins: int
    addresses: int = Field(description="then only the network: /24, /48")
    jobs: int
    audit: int


class RetentionIn(BaseModel):
    """In days; null is the default again. Only the fields given are changed."""

    model_config = ConfigDict(extra="forbid")

    posts: Days = None
    questions: Days = None
    sign_ins: Days = None
    addresses: Days = None
    jobs: Days = None
    audit: Days = None


@router.get("/flags")
async def list_flags(call: Call, limit: Limit = 100, cursor: Cursor = None) -> PageOut[FlagOut]:
    """Every feature flag with its state in the group."""
    async with call.open() as (db, actor):
        states = await flags.list_(db, actor)
    return pagination.by_name(map(_flag, states), lambda flag: flag.name, limit, cursor)


@router.patch("/flags/{name}", dependencies=_CHANGE)
async def set_flag(call: Call, name: Name, body: FlagIn) -> FlagOut:
    """Switch a flag for the group; it holds from the next use on."""
    async with call.open() as (db, actor):
        if body.enabled is None:
            return _flag(await flags.forget(db, actor, name))
        return _flag(await flags.set_(db, actor, name, body.enabled))


@router.get("/experiments")
async def list_experiments(call: Call, limit: Limit = 100, cursor: Cursor = None) -> PageOut[ExperimentOut]:
    """Every experiment with its state and sums in the group."""
    async with call.open() as (db, actor):
        states = await experiments.list_(db, actor)
    return pagination.by_name(map(_experiment, states), lambda one: one.name, limit, cursor)


@router.patch("/experiments/{name}", dependencies=_CHANGE)
async def set_experiment(call: Call, name: Name, body: ExperimentIn) -> ExperimentOut:
    """Start an experiment (its sums begin anew), change its share, or stop it."""
    async with call.open() as (db, actor):
        state = await experiments.set_(db, actor, name, running=body.running, share=body.share)
    return _experiment(state)


@router.get("/retention")
async def get_retention(call: Call) -> RetentionOut:
    """How long the group keeps things."""
    async with call.open() as (db, actor):
        return RetentionOut(**asdict(await retention.get(db, actor)))


@router.patch("/retention", dependencies=_CHANGE)
async def set_retention(call: Call, body: RetentionIn) -> RetentionOut:
    """Owners only. What is older goes within a day and does not come back."""
    given: dict[str, Any] = body.model_dump(exclude_unset=True)
    async with call.open() as (db, actor):
        return RetentionOut(**asdict(await retention.change(db, actor, **given)))


def _flag(state: FlagState) -> FlagOut:
    return FlagOut(**asdict(state.flag), enabled=state.enabled, changed_at=state.changed_at)


def _experiment(state: TrialState) -> ExperimentOut:
    trial = state.trial
    return ExperimentOut(
        name=trial.name,
        description=trial.description,
        outcome=trial.outcome,
        share=state.share,
        started_at=state.started_at,
        results={name: SumsOut(**asdict(sums)) for name, sums in state.results.items()},
    )
