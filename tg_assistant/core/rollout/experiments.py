"""Experiments: assignment of variants, and counts of exposures and outcomes, not stored by person."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit
from tg_assistant.core.actor import Actor, scoped
from tg_assistant.errors import Invalid, NotFound
from tg_assistant.infra import clock
from tg_assistant.models import Experiment, ExperimentResult, Role


@dataclass(frozen=True)
class Trial:
    """A declared experiment. The first of `variants` is the default for those not in the experiment."""

    name: str
    description: str
    variants: tuple[str, ...]
    outcome: str  # description of what is counted


LENGTH = Trial(
    "answers.length",
    "How many sentences of posts an answer without a language model has: up to four, or up to two",
    ("usual", "short"),
    "the person asked again within ten minutes",
)
TRIALS = {trial.name: trial for trial in (LENGTH,)}


@dataclass(frozen=True)
class Sums:
    exposures: int = 0
    outcomes: int = 0


@dataclass(frozen=True)
class TrialState:
    """A group's state of an experiment: `share` in percent; `results` by variant, which a stop leaves."""

    trial: Trial
    share: int
    started_at: datetime | None
    results: dict[str, Sums] = field(default_factory=dict)


def assigned(trial: Trial, user_id: UUID, share: int) -> str | None:
    """Return the person's variant, always the same one, or None outside of the share.

    A larger share includes everybody from a smaller one; different experiments are assigned independently.
    """
    digest = hashlib.sha256(f"{trial.name}:{user_id}".encode()).digest()
    if int.from_bytes(digest[:4]) % 100 >= share:
        return None
    return trial.variants[int.from_bytes(digest[4:8]) % len(trial.variants)]


async def record_exposure(db: AsyncSession, actor: Actor, trial: Trial, variant: str) -> None:
    """Count that the actor has been shown `variant`."""
    await _count(db, actor, trial, variant, exposures=1)


async def record_outcome(db: AsyncSession, actor: Actor, trial: Trial, variant: str) -> None:
    """Count the experiment's outcome for an actor that was shown `variant`."""
    await _count(db, actor, trial, variant, outcomes=1)


async def variant(db: AsyncSession, actor: Actor, trial: Trial) -> str | None:
    """Return the actor's variant; None if the experiment is not running or they are not part of it."""
    query = select(Experiment).where(Experiment.tenant_id == actor.tenant, Experiment.name == trial.name)
    row = (await db.exec(query)).first()
    if row is None or row.started_at is None:
        return None
    return assigned(trial, actor.user_id, row.share)


async def _count(db: AsyncSession, actor: Actor, trial: Trial, variant: str, **more: int) -> None:
    counted = {"exposures": 0, "outcomes": 0, **more}
    key = {"tenant_id": actor.tenant, "name": trial.name, "variant": variant}
    statement = insert(ExperimentResult).values(**key, **counted)
    added: Any = {name: getattr(ExperimentResult, name) + by for name, by in counted.items()}
    statement = statement.on_conflict_do_update(index_elements=list(key), set_=added)
    await db.exec(statement)


async def list_(db: AsyncSession, actor: Actor) -> list[TrialState]:
    """Return every experiment with its state and counts in the actor's group. Admins only."""
    actor.require(Role.admin)
    rows = {row.name: row for row in await db.exec(scoped(Experiment, actor))}
    sums = {
        (row.name, row.variant): Sums(row.exposures, row.outcomes)
        for row in await db.exec(scoped(ExperimentResult, actor))
    }
    return [_state(trial, rows.get(trial.name), sums) for trial in TRIALS.values()]


def _state(trial: Trial, row: Experiment | None, sums: dict[tuple[str, str], Sums]) -> TrialState:
    results = {name: sums.get((trial.name, name), Sums()) for name in trial.variants}
    return TrialState(trial, row.share if row else 0, row.started_at if row else None, results)


async def set_(db: AsyncSession, actor: Actor, name: str, *, running: bool, share: int = 100) -> TrialState:
    """Start, change or stop an experiment of the actor's group; a start resets the counts.

    Admins only. Raises NotFound for an undeclared name and Invalid for a share outside 1…100.
    """
    actor.require(Role.admin)
    if name not in TRIALS:
        raise NotFound("experiments.not_found")
    if not 1 <= share <= 100:
        raise Invalid("experiments.share")
    row = (await db.exec(scoped(Experiment, actor).where(Experiment.name == name).with_for_update())).first()
    row = row or Experiment(tenant_id=actor.tenant, name=name)
    if running and row.started_at is None:
        for result in await db.exec(scoped(ExperimentResult, actor).where(ExperimentResult.name == name)):
            await db.delete(result)
        row.started_at = clock.now(db)
    elif not running:
        row.started_at = None
    row.share = share
    db.add(row)
    await db.flush()
    await audit.record(db, actor, "experiment.set", name, running=running, share=share)
    return next(state for state in await list_(db, actor) if state.trial.name == name)
