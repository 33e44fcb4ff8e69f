"""Log an account out: first at Telegram, then here."""

from contextlib import suppress

from telethon.tl.functions import auth

from ingest.context import AccountContext
from ingest.session_errors import ENDED, SessionEnded
from tg_assistant.core.accounts import accounts
from tg_assistant.models import AccountTask


async def run(ctx: AccountContext, task: AccountTask) -> None:
    """Ends with SessionEnded once both are done. Until Telegram answers, the key is kept."""
    with suppress(*ENDED):  # a session that is gone already is logged out
        await ctx.client(auth.LogOutRequest())
    async with ctx.transaction() as db:
        await accounts.logged_out(db, await accounts.read(db, ctx.account_id))
    raise SessionEnded("LOGGED_OUT")
