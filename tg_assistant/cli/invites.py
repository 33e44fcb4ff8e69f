"""`tg-assistant invites` (and scripts/invites_cli.py): create, revoke, get, list."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from tg_assistant.cli.door import Commands, fail, transaction

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from tg_assistant.models import Invite

app = typer.Typer(
    cls=Commands, no_args_is_help=True, add_completion=False, help="Invites: the only way into a tenant."
)
Json = Annotated[bool, typer.Option("--json", help="One JSON object or list")]
Tenant = Annotated[UUID, typer.Option(help="The tenant's id, printed by `tenants create`")]
Code = Annotated[str, typer.Option(help="12 letters and digits")]


class InviteRole(StrEnum):
    """Roles an invite may give. Only the invite of a new tenant makes an owner."""

    user = "user"
    admin = "admin"


class Status(StrEnum):
    """States to filter by in `list`."""

    active = "active"
    revoked = "revoked"
    expired = "expired"


@app.command()
def create(
    tenant: Tenant,
    role: InviteRole = InviteRole.user,
    limit: Annotated[
        int | None, typer.Option(help="How many may use it: one, if not given; 0 = unlimited")
    ] = None,
    expires: Annotated[str | None, typer.Option(help="ISO 8601; without a zone: UTC")] = None,
    notes: str = "",
    as_json: Json = False,
) -> None:
    """Make an invite and print its code."""
    from tg_assistant.core.group import invites
    from tg_assistant.models import Role

    until = _moment(expires) if expires else None

    async def work(db: "AsyncSession") -> "Invite":
        await _enter(db, tenant)
        return await invites.create(
            db,
            invites.operator(tenant),
            role=Role(role.value),
            uses_limit=invites.DEFAULT_USES if limit is None else limit,
            expires_at=until,
            notes=notes,
        )

    _show(transaction(work), as_json)


@app.command()
def revoke(code: Code, as_json: Json = False) -> None:
    """Make an invite unusable at once."""
    from tg_assistant.core.group import invites

    async def work(db: "AsyncSession") -> "Invite":
        return await invites.revoke(db, await _tenant_operator(db, code), code)

    _show(transaction(work), as_json)


@app.command()
def get(code: Code, as_json: Json = False) -> None:
    """Show one invite."""
    from tg_assistant.core.group import invites

    async def work(db: "AsyncSession") -> "Invite":
        return await invites.get(db, await _tenant_operator(db, code), code)

    _show(transaction(work), as_json)


@app.command("list")
def list_(
    tenant: Tenant,
    status: Status | None = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 50,
    as_json: Json = False,
) -> None:
    """Show a tenant's invites, the newest first."""
    from tg_assistant.core.group import invites

    async def work(db: "AsyncSession") -> "list[Invite]":
        await _enter(db, tenant)
        wanted = status.value if status else None
        return (await invites.list_(db, invites.operator(tenant), status=wanted, limit=limit)).items

    found = transaction(work)
    if as_json:
        typer.echo(json.dumps([_facts(invite) for invite in found]))
    for invite in [] if as_json else found:
        _show(invite, as_json=False)


async def _enter(db: "AsyncSession", tenant: UUID) -> None:
    """Act for the tenant. Raises NotFound if none has this id."""
    from tg_assistant.errors import NotFound
    from tg_assistant.infra.postgres.db import set_tenant
    from tg_assistant.models import Tenant as Row

    await set_tenant(db, tenant)
    if await db.get(Row, tenant) is None:
        raise NotFound("tenants.not_found")


async def _tenant_operator(db: "AsyncSession", code: str) -> Any:
    """The operator actor of the tenant that this invite belongs to. Raises NotFound."""
    from tg_assistant.core.group import invites
    from tg_assistant.errors import NotFound
    from tg_assistant.infra.postgres.db import set_invite
    from tg_assistant.models import Invite

    cleaned = invites.clean(code)
    await set_invite(db, cleaned)
    invite = await db.get(Invite, cleaned)
    if invite is None:
        raise NotFound("invites.not_found")
    await _enter(db, invite.tenant_id)
    return invites.operator(invite.tenant_id)


def _moment(text: str) -> datetime:
    from tg_assistant.infra.clock import SYSTEM

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"--expires: {text!r} is not a time such as 2030-01-31T12:00:00+00:00")
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment <= SYSTEM.now():
        fail(f"--expires: {text!r} is over already")
    return moment


def _facts(invite: "Invite") -> dict[str, Any]:
    """The invite as JSON values in the order of the table's columns, which a loaded row does not preserve."""
    facts = json.loads(invite.model_dump_json())
    return {name: facts[name] for name in type(invite).model_fields}


def _show(invite: "Invite", as_json: bool) -> None:
    from tg_assistant.core.group import invites
    from tg_assistant.infra.clock import SYSTEM

    if as_json:
        typer.echo(json.dumps(_facts(invite)))
        return
    uses = f"{invite.uses_count}/{invite.uses_limit or '∞'}"
    until = f"until {invite.expires_at:%Y-%m-%d %H:%M}" if invite.expires_at else "no end"
    state = invites.state_of(invite, SYSTEM.now())
    typer.echo(f"{invite.code}  {invite.role}  {uses}  {until}  {state}  {invite.notes}".rstrip())
