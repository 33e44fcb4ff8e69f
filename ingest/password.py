"""The 2FA step of a QR attempt: the hint, three tries, Telegram's countdown; the password is never kept."""

import asyncio
from typing import TYPE_CHECKING

from telethon import errors
from telethon.password import compute_check
from telethon.tl import types
from telethon.tl.functions import account, auth

from ingest.client import Client
from tg_assistant.core.accounts import login_steps
from tg_assistant.infra.crypto import SealBroken
from tg_assistant.models import LoginStatus

if TYPE_CHECKING:
    from ingest.login import Attempt

MAX_TRIES = 3
_POLL_SECONDS = 2.0
_SRP_TRIES = 3


async def ask(attempt: "Attempt", client: Client) -> types.User:
    """The signed-in user once the password is right; after three wrong ones the attempt fails.

    Source: https://core.telegram.org/api/srp
    """
    wrong = (await attempt.pause(0)).password_tries
    while wrong < MAX_TRIES:
        asked = await attempt.call(client, account.GetPasswordRequest())
        async with attempt.rt.db.transaction(attempt.login.tenant_id) as db:
            await login_steps.ask_password(
                db, attempt.login.id, attempt.epoch, hint=asked.hint, key=attempt.box.public, wrong=wrong
            )
        given = await _given(attempt)
        try:
            return await _checked(attempt, client, given)
        except errors.PasswordHashInvalidError:
            wrong += 1
    await attempt.end(LoginStatus.failed, "password_attempts")
    await attempt.pause(0)  # raises Over
    raise AssertionError("an ended attempt goes on")


async def _given(attempt: "Attempt") -> str:
    """The next password sealed to this attempt's box; one sealed to a dead process's box is dropped."""
    while True:
        async with attempt.rt.db.transaction(attempt.login.tenant_id) as db:
            sealed = await login_steps.take_password(db, attempt.login.id, attempt.epoch)
        if sealed is not None:
            try:
                return attempt.box.open(sealed)
            except SealBroken:
                continue
        await attempt.pause(_POLL_SECONDS)


async def _checked(attempt: "Attempt", client: Client, password: str) -> types.User:
    """Raises PasswordHashInvalidError, FloodWaitError. The challenge is fresh: an old one has expired."""
    for _ in range(_SRP_TRIES):
        asked = await attempt.call(client, account.GetPasswordRequest())
        proof = await asyncio.to_thread(compute_check, asked, password)
        try:
            result = await attempt.call(client, auth.CheckPasswordRequest(proof))
        except errors.SrpIdInvalidError:
            continue
        return result.user
    raise TimeoutError("no valid SRP challenge")
