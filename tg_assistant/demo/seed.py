"""Creates the demo's tenant, and an invite for each of two people in their Telegram. Safe to run again."""

import asyncio
import os
import sys

import httpx

from tg_assistant.core.group import invites, tenants
from tg_assistant.infra.postgres.db import Database, Session, set_operator, set_tenant
from tg_assistant.models import Role, Tenant

TENANT = "Demo"
PEOPLE = {"anna": Role.admin, "max": Role.user}  # one of them can open the admin panel


async def seed(database: Database, bot_username: str) -> dict[str, str]:
    """Create the tenant and the invites if missing; returns the invite links by person."""
    async with database.transaction() as db:
        await set_operator(db)
        tenant = await tenants.called(db, TENANT)
        if tenant is None:
            tenant, _ = await tenants.create(db, TENANT)
        await set_tenant(db, tenant.id)
        codes = {person: await _invite(db, tenant, person) for person in PEOPLE}
    return {person: f"https://t.me/{bot_username}?start=inv_{code}" for person, code in codes.items()}


async def _invite(db: Session, tenant: Tenant, person: str) -> str:
    actor = invites.operator(tenant.id)
    for invite in (await invites.list_(db, actor)).items:
        if invite.notes == person:
            return invite.code
    return (await invites.create(db, actor, role=PEOPLE[person], notes=person)).code


async def _main(control_url: str, bot_username: str) -> None:
    database = Database(os.environ["DATABASE_URL"], pool_size=1)
    links = await seed(database, bot_username)
    await database.close()
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{control_url}/invitations", json=links)
        answer.raise_for_status()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
