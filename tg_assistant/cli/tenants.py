"""`tg-assistant tenants`: tenants are created on the command line only."""

import json
from typing import Annotated

import typer

from tg_assistant.cli.door import transaction

app = typer.Typer(no_args_is_help=True, help="Tenants: self-hosted groups with their members.")


@app.callback()
def group() -> None:
    """Keeps `create` a subcommand while it is the only one."""


@app.command()
def create(name: str, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Create a tenant and print the one-use invite for its owner."""
    from tg_assistant.core.group import tenants

    tenant, invite = transaction(lambda db: tenants.create(db, name))
    if as_json:
        typer.echo(
            json.dumps({"tenant_id": str(tenant.id), "name": tenant.name, "owner_invite": invite.code})
        )
    else:
        typer.echo(f"Tenant {tenant.name}: {tenant.id}\nOwner's invite (once, 7 days): {invite.code}")
