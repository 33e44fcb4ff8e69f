"""Settings of a group's admins: feature flags, and experiments with their results."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlmodel import Field, SQLModel

from tg_assistant.models.base import mention, moment, now, ref


class TenantFlag(SQLModel, table=True):
    """A flag that the group has set; without a row the default in `core/rollout/flags.py` applies."""

    __tablename__: ClassVar[Any] = "tenant_flags"
    tenant_id: UUID = ref("tenants.id", primary_key=True, index=False)
    name: str = Field(primary_key=True)
    enabled: bool
    changed_at: datetime = now()
    changed_by: UUID | None = mention("users.id")


class Experiment(SQLModel, table=True):
    """A group's state of an experiment in `core/rollout/experiments.py`; `share` in percent of the people."""

    __tablename__: ClassVar[Any] = "experiments"
    tenant_id: UUID = ref("tenants.id", primary_key=True, index=False)
    name: str = Field(primary_key=True)
    share: int = 0
    started_at: datetime | None = moment()  # None: not running


class ExperimentResult(SQLModel, table=True):
    """Sums without personal data: how often a variant was shown, and how often its outcome occurred."""

    __tablename__: ClassVar[Any] = "experiment_results"
    tenant_id: UUID = ref("tenants.id", primary_key=True, index=False)
    name: str = Field(primary_key=True)
    variant: str = Field(primary_key=True)
    exposures: int = 0
    outcomes: int = 0
