"""Log an account out: first at Telegram, then here."""

from telethon.tl.functions import auth

from ingest.context import AccountContext
from ingest.ended import SessionEnded, ended_by
from tg_assistant.core import accounts
from tg_assistant.models import AccountTask


async def run(ctx: AccountContext, task: AccountTask) -> None:
    """Ends with SessionEnded once both are done. Until Telegram answers, the key is kept."""
    try:
        await ctx.client(auth.LogOutRequest())
    except Exception as error:
        if not ended_by(error):  # a session that is gone already is logged out
            raise
    async with ctx.transaction() as db:
        await accounts.logged_out(db, await accounts.read(db, ctx.account_id))
    raise SessionEnded("LOGGED_OUT")
