"""Task "log_out": log an account out, first at Telegram, then here."""

from contextlib import suppress

from telethon.tl.functions import auth

from ingest.context import AccountContext
from ingest.session_errors import ENDED, SessionEnded
from tg_assistant.core.accounts import accounts
from tg_assistant.models import AccountTask


async def run(ctx: AccountContext, task: AccountTask) -> None:
    """Log out. Raises SessionEnded once both are done; the key is kept until Telegram answers."""
    with suppress(*ENDED):  # a session that has already ended counts as logged out
        await ctx.client(auth.LogOutRequest())
    async with ctx.transaction() as db:
        await accounts.logged_out(db, await accounts.read(db, ctx.account_id))
    raise SessionEnded("LOGGED_OUT")
