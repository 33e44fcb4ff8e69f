"""Key rotation in ingest: online, in small committed batches, and resumed after an interruption."""

import asyncio
from typing import NoReturn
from uuid import UUID

import structlog

from tg_assistant.core.accounts import accounts, key_rotation
from tg_assistant.core.group import tenants
from tg_assistant.core.names import Topic
from tg_assistant.errors import Unavailable
from tg_assistant.infra.crypto import Keyring
from tg_assistant.infra.postgres.db import DatabaseError
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, Login
from tg_assistant.settings.load import SettingsError

log = structlog.get_logger()
_POLL_SECONDS = 5.0
_AWAY_SECONDS = 2.0


async def run(rt: Runtime, keyring: Keyring) -> NoReturn:
    """Reopen accounts whose key is now available, then process requests for rotation, until cancelled."""
    reopened = False
    async with rt.events.listening(Topic.keys) as event:
        while True:
            event.clear()
            try:
                if not reopened:
                    async with rt.db.transaction() as db:
                        await accounts.reopen(db, keyring)
                    reopened = True
                await _work(rt, keyring)
            except (Unavailable, DatabaseError) as error:
                log.warning("keys.waiting", error=type(error).__name__)
                await asyncio.sleep(_AWAY_SECONDS)
                continue
            await event.within(_POLL_SECONDS)


async def _work(rt: Runtime, keyring: Keyring) -> None:
    while True:
        async with rt.db.transaction() as db:
            asked = await key_rotation.waiting(db)
        if asked is None:
            return
        try:
            keyring.refresh()
        except SettingsError as error:
            async with rt.db.transaction() as db:
                await key_rotation.finish(db, asked.id, str(error))
            continue
        await _rotate(rt, keyring, asked.id)


async def _rotate(rt: Runtime, keyring: Keyring, rotation_id: UUID) -> None:
    log.info("keys.rotate", keys=keyring.ids)
    async with rt.db.transaction() as db:
        await key_rotation.begin(db, rotation_id, keyring)
        await accounts.reopen(db, keyring)
        everybody = await tenants.ids(db)
    for tenant_id in everybody:
        for model in (Account, Login):
            after: UUID | None = None
            while True:
                async with rt.db.transaction(tenant_id) as db:
                    batch = await key_rotation.rewrap(db, rotation_id, keyring, model, tenant_id, after)
                if batch.last is None:
                    break
                after = batch.last
    async with rt.db.transaction() as db:
        await key_rotation.finish(db, rotation_id)
    log.info("keys.rotated")
