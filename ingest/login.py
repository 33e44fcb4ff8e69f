"""One QR attempt, from the first code shown to a sealed session, or to the log-out of its key.

Telethon's own `qr_login().wait()` misses a scan that happens before it runs or during a reconnect, so this
module calls `auth.exportLoginToken` again on the update, before the code expires, after each reconnect and
every few seconds. Protocol: https://core.telegram.org/api/qr-login
"""

import asyncio
import base64
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog
from telethon import errors, events
from telethon.tl import types
from telethon.tl.functions import auth
from telethon.tl.types.auth import Authorization, LoginToken, LoginTokenMigrateTo, LoginTokenSuccess

from ingest import password
from ingest.client import ASK_SECONDS, Client, new_client
from ingest.lease import Lease
from ingest.login_row import LoginRow, Over
from ingest.persistence import persistently
from ingest.session_errors import ENDED
from tg_assistant.core.accounts import login_steps
from tg_assistant.core.names import Topic
from tg_assistant.infra.crypto import Keyring, SealBroken
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Login, LoginStatus

log = structlog.get_logger()
_POLL_SECONDS = 8.0  # each call shows a new code: a camera needs some time for each
_RETRY_SECONDS = 2.0
_LOG_OUT_RETRY_SECONDS = 5.0
Offline = (OSError, TimeoutError, errors.ServerError, errors.TimedOutError)


class Attempt:
    """Runs one login under its lease. A new key is stored in the row before it can be authorised."""

    def __init__(self, rt: Runtime, keyring: Keyring, login: Login, lease: Lease) -> None:
        self._rt, self._keyring, self._lease = rt, keyring, lease
        self.row = LoginRow(rt, login, lease.epoch)
        self._id, self._epoch = login.id, lease.epoch
        self._client: Client | None = None
        self._session: bytes | None = None  # the session that the row has sealed
        self._shown: str | None = None
        self._ask_again = False

    async def run(self) -> None:
        """Run until the attempt is over and Telegram has logged out any key of it that was not stored.

        Raises LeaseLost.
        """
        try:
            await self._load()
            async with self._rt.events.listening(Topic.login, str(self._id)) as self.row.wake:
                if not LoginStatus(self.row.login.status).final:
                    await self._until_over()
                await self._log_out()
        finally:
            await self._drop_client()

    async def _load(self) -> None:
        async with self.row.transaction() as db:
            self._person = await login_steps.person(db, self.row.login)
            self._binding = await login_steps.binding(db, self.row.login)
        if self.row.login.pending_session:
            with suppress(SealBroken):
                self._session = self._keyring.open(self.row.login.pending_session, self._binding)

    async def _until_over(self) -> None:
        async with self.row.transaction() as db:
            left = await login_steps.seconds_left(db, self._id)
        try:
            async with asyncio.timeout(left):
                while True:
                    await self._try()
        except Over:
            pass
        except TimeoutError:
            await self.row.end(LoginStatus.expired)

    async def _try(self) -> None:
        """Connect, sign in and store the session once. Returns to be called again; raises Over at the end."""
        try:
            client = await self._connected()
            await self._store(await self._signed_in(client))
        except errors.FloodWaitError as wait:
            await self.row.write(reason="flood_wait", retry_after=wait.seconds)
            await self._wait_out(wait.seconds)
        except Offline as error:
            log.info("login.unavailable", login_id=str(self._id), error=type(error).__name__)
            row = await self.row.read()
            hidden = {} if row.status == LoginStatus.password_required else _NO_CODE
            self._shown = None
            await self.row.write(reason="telegram_unavailable", retry_after=None, **hidden)
            await self.row.pause(_RETRY_SECONDS)
        except ENDED:
            self._session = None  # the unfinished key has ended (terminated on the phone): make another
            await self._drop_client()

    # ── Talking to Telegram ──────────────────────────────────────────────────

    async def _connected(self) -> Client:
        if self._client is not None and self._client.is_connected():
            return self._client
        await self._drop_client()
        client = self._client = new_client(self._rt.settings, self._session, left=self._lease.left)
        client.add_event_handler(self._on_login_token, events.Raw(types.UpdateLoginToken))
        client.on_reconnect = self._maybe_scanned  # an update may have been missed
        client.on_wait = lambda method, seconds: persistently(lambda: self._keep_wait(method, seconds))
        async with self.row.transaction() as db:
            left = await login_steps.waits(db, self._id, self._person.telegram_id)
        for method, seconds in left.items():
            client.wait_for(method, seconds)
        await client.connect()
        await self._note_key(client)
        return client

    async def _keep_wait(self, method: str, seconds: int) -> None:
        async with self.row.transaction() as db:
            await login_steps.keep_wait(db, self._id, method, seconds)

    async def _on_login_token(self, _update: Any) -> None:
        self._maybe_scanned()

    def _maybe_scanned(self) -> None:
        self._ask_again = True
        self.row.wake.set()

    async def _signed_in(self, client: Client) -> types.User:
        """Show codes until one is accepted, and ask for the 2FA password if there is one. Raises Over."""
        if client._self_id and isinstance(me := await client.get_me(), types.User):
            return me  # a key from before a crash or a lost connection, accepted since then
        try:
            while True:
                token = await self._token(client)
                if isinstance(token, LoginTokenSuccess):
                    assert isinstance(token.authorization, Authorization)
                    assert isinstance(token.authorization.user, types.User)
                    return token.authorization.user
                if isinstance(token, LoginToken):
                    await self._show(client, token)
        except errors.SessionPasswordNeededError:
            return await password.ask(self.row, client)

    async def _token(self, client: Client) -> Any:
        telegram = self._rt.settings.telegram
        request = auth.ExportLoginTokenRequest(telegram.api_id, telegram.api_hash.get_secret_value(), [])
        token = await client.ask(request)
        if not isinstance(token, LoginTokenMigrateTo):
            return token
        log.info("login.migrating", login_id=str(self._id), dc=token.dc_id)
        async with asyncio.timeout(ASK_SECONDS):
            await client._switch_dc(token.dc_id)
        await self._note_key(client)
        try:
            return await client.ask(auth.ImportLoginTokenRequest(token.token))
        except (errors.AuthTokenExpiredError, errors.AuthTokenInvalidError):
            return None  # scanned too late: show a new code

    async def _show(self, client: Client, token: LoginToken) -> None:
        """Write the code into the row; wait until it is scanned or expires soon, 8 s at most. Raises Over."""
        encoded = base64.urlsafe_b64encode(token.token).decode().rstrip("=")
        url = f"tg://login?token={encoded}"
        assert token.expires is not None
        left = token.expires.timestamp() - client.server_now()
        if url != self._shown:
            expires_at = self._rt.clock.now() + timedelta(seconds=left)
            async with self.row.transaction() as db:
                if not await login_steps.show_qr(db, self._id, self._epoch, url, expires_at):
                    raise Over
            self._shown = url
            log.info("login.code_shown", login_id=str(self._id), seconds=round(left))
        await self._wait_out(min(_POLL_SECONDS, max(0.3, left - 1)), for_scan=True)

    # ── The row ──────────────────────────────────────────────────────────────

    async def _wait_out(self, seconds: float, *, for_scan: bool = False) -> None:
        """Wait for `seconds`, with `for_scan` only until a scan may have happened.

        Other changes of the row do not shorten it, except that it raises Over once the attempt has ended.
        """
        ends = asyncio.get_running_loop().time() + seconds
        while (left := ends - asyncio.get_running_loop().time()) > 0:
            if for_scan and self._ask_again:
                break
            await self.row.pause(left)
        self._ask_again = False

    async def _note_key(self, client: Client) -> None:
        """Seal the key into the row, so that after a crash an authorised key can still be logged out."""
        saved = client.saved()
        if saved == self._session:
            return
        sealed = self._keyring.seal(saved, self._binding)
        async with self.row.transaction() as db:
            await login_steps.keep_pending(db, self._id, self._epoch, sealed)
        self._session = saved

    async def _store(self, user: types.User) -> None:
        """Store the session if it is of the person who started the attempt, and end it. Raises Over."""
        if user.id != self._person.telegram_id:
            async with self.row.transaction() as db:
                await login_steps.mismatch(db, self.row.login, self._epoch, user.id)
            raise Over
        assert self._session is not None
        await self._drop_client()  # the account's lease holder opens the next connection with this key
        with suppress(login_steps.AttemptOver):
            async with self.row.transaction() as db:
                await login_steps.authorize(
                    db, self.row.login, self._epoch, session=self._session, keyring=self._keyring
                )
        raise Over

    # ── The end ──────────────────────────────────────────────────────────────

    async def _log_out(self) -> None:
        """Log out a key that was not stored with an account, retrying until Telegram answers."""
        while (await self.row.read()).pending_session is not None:
            if await self._logged_out():
                async with self.row.transaction() as db:
                    await login_steps.keep_pending(db, self._id, self._epoch, None)
                return
            await asyncio.sleep(_LOG_OUT_RETRY_SECONDS)

    async def _logged_out(self) -> bool:
        if self._session is None:
            return True  # this process cannot unseal the key
        try:
            with suppress(*ENDED):  # already ended
                await (await self._connected()).ask(auth.LogOutRequest())
        except (errors.FloodWaitError, *Offline):
            return False
        log.info("login.key_logged_out", login_id=str(self._id))
        return True

    async def _drop_client(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()


_NO_CODE: dict[str, Any] = {"status": LoginStatus.pending.value, "qr_url": None, "qr_expires_at": None}
