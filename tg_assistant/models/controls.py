"""What a group's admins set: feature flags and experiments with their results."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlmodel import Field, SQLModel

from tg_assistant.models.base import mention, moment, now, ref


class TenantFlag(SQLModel, table=True):
    """A flag the group has set; without a row its default in `core/rollout/flags.py` holds."""

    __tablename__: ClassVar[Any] = "tenant_flags"
    tenant_id: UUID = ref("tenants.id", primary_key=True, index=False)
    name: str = Field(primary_key=True)
    enabled: bool
    changed_at: datetime = now()
    changed_by: UUID | None = mention("users.id")


class Experiment(SQLModel, table=True):
    """An experiment of `core/rollout/experiments.py` as a group runs it; `share` in percent of the people."""

    __tablename__: ClassVar[Any] = "experiments"
    tenant_id: UUID = ref("tenants.id", primary_key=True, index=False)
    name: str = Field(primary_key=True)
    share: int = 0
    started_at: datetime | None = moment()  # None: it does not run


class ExperimentResult(SQLModel, table=True):
    """Sums only, no people: how often a variant was met, and how often it led to what is counted."""

    __tablename__: ClassVar[Any] = "experiment_results"
    tenant_id: UUID = ref("tenants.id", primary_key=True, index=False)
    name: str = Field(primary_key=True)
    variant: str = Field(primary_key=True)
    exposures: int = 0
    outcomes: int = 0
