"""The actor and tenant scoping. Doors get an Actor from `access`; core functions check its rights first."""

from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from sqlmodel import select
from sqlmodel.sql.expression import SelectOfScalar

from tg_assistant.errors import NotAllowed
from tg_assistant.models import Role

T = TypeVar("T", bound=Any)


@dataclass(frozen=True)
class Actor:
    """A signed-in person. `tenant_id` and `role` are None until an invite is redeemed."""

    user_id: UUID
    telegram_id: int
    language: str
    tenant_id: UUID | None
    role: Role | None
    plan: str
    door: str
    session_id: UUID | None = None
    name: str = ""

    def require(self, role: Role = Role.user) -> None:
        """Raise NotAllowed unless the person is a member with at least this role."""
        if self.tenant_id is None or self.role is None:
            raise NotAllowed("access.no_membership")
        if self.role.rank < role.rank:
            raise NotAllowed("access.role")

    @property
    def tenant(self) -> UUID:
        """The tenant's id. Raises NotAllowed for a person without a group; call `require` first."""
        if self.tenant_id is None:
            raise NotAllowed("access.no_membership")
        return self.tenant_id


def scoped(model: type[T], actor: Actor) -> SelectOfScalar[T]:
    """Return a query of the actor's tenant's rows of `model`; all tenant scoping in core uses it."""
    return select(model).where(model.tenant_id == actor.tenant)
