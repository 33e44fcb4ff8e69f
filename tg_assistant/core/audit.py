"""Who did what: one line for everything that changes rights, sessions or data. Never a secret."""

from typing import TYPE_CHECKING, Any

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.infra import metrics
from tg_assistant.infra.db import set_user
from tg_assistant.models import AuditEvent

if TYPE_CHECKING:
    from tg_assistant.core.access.sign_in import Actor

log = structlog.get_logger()


async def record(
    db: AsyncSession, actor: "Actor | None", action: str, subject: object = "", **detail: Any
) -> None:
    """`action` is noun.verb. `actor` None: the system or the command line did it."""
    tenant_id = actor.tenant_id if actor else detail.pop("tenant_id", None)
    user_id = actor.user_id if actor else detail.pop("user_id", None)
    who = {"tenant_id": tenant_id, "user_id": user_id}
    line = AuditEvent(**who, action=action, subject=str(subject), detail=detail)
    if tenant_id is None:
        await set_user(db, user_id)  # a line of no tenant is shown to the person it is about, and to no other
    db.add(line)
    if tenant_id is None:
        await db.flush()
    # an invite's subject is its code, which opens the door: it stands in the table alone
    shown = {} if action.startswith("invite.") else {"subject": str(subject)}
    log.info(f"audit.{action}", **shown, **detail)
    noun, _, verb = action.partition(".")
    if noun == "invite":
        metrics.invite_operations_total.labels(verb).inc()
