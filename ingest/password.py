"""The 2FA step of a QR attempt: the hint, three tries, Telegram's waits; the password is never stored."""

import asyncio

from telethon import errors
from telethon.password import compute_check
from telethon.tl import types
from telethon.tl.functions import account, auth

from ingest.client import Client
from ingest.login_row import LoginRow
from tg_assistant.core.accounts import login_steps
from tg_assistant.infra.crypto import SealBroken
from tg_assistant.models import LoginStatus

MAX_TRIES = 3
_POLL_SECONDS = 2.0
_SRP_TRIES = 3


async def ask(row: LoginRow, client: Client) -> types.User:
    """Ask for the password and return the signed-in user; after three wrong ones the attempt fails.

    Raises Over then, and when the attempt ends otherwise. Source: https://core.telegram.org/api/srp
    """
    wrong = (await row.pause(0)).password_tries
    while wrong < MAX_TRIES:
        asked = await client.ask(account.GetPasswordRequest())
        async with row.transaction() as db:
            await login_steps.ask_password(
                db, row.login.id, row.epoch, hint=asked.hint, key=row.box.public, wrong=wrong
            )
        given = await _given(row)
        try:
            return await _checked(client, given)
        except errors.PasswordHashInvalidError:
            wrong += 1
    await row.end(LoginStatus.failed, "password_attempts")
    await row.pause(0)  # raises Over
    raise AssertionError("an ended attempt goes on")


async def _given(row: LoginRow) -> str:
    """The next password sealed to this attempt's box; discards one sealed to the box of an earlier process.

    Raises Over.
    """
    while True:
        async with row.transaction() as db:
            sealed = await login_steps.take_password(db, row.login.id, row.epoch)
        if sealed is not None:
            try:
                return row.box.open(sealed)
            except SealBroken:
                continue
        await row.pause(_POLL_SECONDS)


async def _checked(client: Client, password: str) -> types.User:
    """Check the password with Telegram, with a fresh SRP challenge, since they expire.

    Raises PasswordHashInvalidError, FloodWaitError, and TimeoutError if every challenge expired.
    """
    for _ in range(_SRP_TRIES):
        asked = await client.ask(account.GetPasswordRequest())
        proof = await asyncio.to_thread(compute_check, asked, password)
        try:
            result = await client.ask(auth.CheckPasswordRequest(proof))
        except errors.SrpIdInvalidError:
            continue
        return result.user
    raise TimeoutError("no valid SRP challenge")
