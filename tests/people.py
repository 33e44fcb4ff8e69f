"""People, init data and memberships that tests of several folders need."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel.ext.asyncio.session import AsyncSession

from tests.servers import BOT_TOKEN
from tg_assistant.core.access import sign_in
from tg_assistant.core.access.init_data import TelegramPerson, Validator
from tg_assistant.core.actor import Actor
from tg_assistant.core.group import invites, tenants
from tg_assistant.infra.postgres.db import set_tenant
from tg_assistant.models import Role, Tenant

SIGNING_KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC_KEY = SIGNING_KEY.public_key().public_bytes_raw().hex()
VALIDATOR = Validator(BOT_TOKEN, PUBLIC_KEY)


def init_data(
    user: Any, *, token: str = BOT_TOKEN, key: Ed25519PrivateKey = SIGNING_KEY, **fields: Any
) -> str:
    """Init data as Telegram signs it: HMAC over everything but `hash`, Ed25519 over neither signature."""
    values = {"auth_date": str(int(time.time())), "query_id": "AAF", **fields}
    values["user"] = user if isinstance(user, str) else json.dumps(user, separators=(",", ":"))
    text = "\n".join(f"{k}={values[k]}" for k in sorted(values))
    signed = key.sign(f"{token.partition(':')[0]}:WebAppData\n{text}".encode())
    values["signature"] = base64.urlsafe_b64encode(signed).rstrip(b"=").decode()
    text = "\n".join(f"{k}={values[k]}" for k in sorted(values))
    secret = hmac.digest(b"WebAppData", token.encode(), "sha256")
    values["hash"] = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
    return urlencode(values)


async def person(db: AsyncSession, telegram_id: int, name: str = "Anna", language: str = "en") -> Actor:
    """Somebody known to the product who is a member of nothing."""
    described = TelegramPerson(telegram_id=telegram_id, first_name=name, language_code=language)
    return await sign_in.upsert_user(db, described, door="test")


async def tenant(db: AsyncSession, name: str = "Friends") -> Tenant:
    return (await tenants.create(db, name))[0]


async def member(db: AsyncSession, where: Tenant, telegram_id: int, role: Role = Role.user) -> Actor:
    """Somebody who joined `where` by an invite of that role."""
    stranger = await person(db, telegram_id)
    await set_tenant(db, where.id)
    invite = invites.new(where.id, role=role)
    db.add(invite)
    await db.flush()
    await invites.redeem(db, stranger, invite.code)
    return await sign_in.actor(db, stranger.user_id, door="test")
