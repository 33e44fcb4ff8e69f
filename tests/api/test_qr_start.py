"""Beginning to connect an account over REST: how long it may take, and an invite beside it."""

import httpx
import pytest
from sqlmodel import col, select

from tests.people import member, tenant
from tests.servers import all_tenants
from tg_assistant.api.app import create_api
from tg_assistant.core.group import invites
from tg_assistant.infra.runtime import open_runtime
from tg_assistant.models import Invite, Login


@pytest.mark.parametrize("seconds", [60, 3600])
async def test_an_attempt_lives_as_long_as_the_settings_say(rt, sign_in, seconds):
    """QR_TTL_SECONDS is what the answer says and what the attempt's row has."""
    async with rt.db.transaction() as db:
        await member(db, await tenant(db), 84_000 + seconds)
    own = await sign_in(84_000 + seconds)
    security = rt.settings.security.model_copy(update={"qr_ttl_seconds": seconds})
    async with open_runtime(rt.settings.model_copy(update={"security": security})) as changed:
        transport = httpx.ASGITransport(create_api(lambda: changed))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http:
            started = (await http.post("/api/tg/qr/start", json={}, headers=own)).json()
    async with all_tenants(rt) as db:
        login = (await db.exec(select(Login).where(col(Login.id) == started["qr_session_id"]))).one()
    assert started["expires_in"] == seconds == (login.expires_at - login.created_at).total_seconds()


async def test_an_invite_beside_the_start(http, rt, sign_in):
    """Joins and starts at once; the same request sent again starts again, and uses nothing up."""
    async with rt.db.transaction() as db:
        admin = invites.operator((await tenant(db)).id)
    async with rt.db.transaction(admin.tenant) as db:
        code = (await invites.create(db, admin, uses_limit=2)).code
    own = await sign_in(84_001)
    for _ in range(2):
        answer = await http.post("/api/tg/qr/start", json={"invite_code": code}, headers=own)
        assert answer.status_code == 201, answer.text
    async with all_tenants(rt) as db:
        assert (await db.exec(select(Invite.uses_count).where(Invite.code == code))).one() == 1
