"""What can be asked of an account: kind of task → handler.

A handler gets the account's context and the task, works in `ctx.transaction()` and returns the result.
It may close the task itself, in the transaction that saves its work. It raises an AssistantError to fail
for good, Postponed to be called again later, and lets Telegram's FloodWaitError rise.
"""

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

from ingest.context import AccountContext
from tg_assistant.models import AccountTask

Result = dict[str, Any] | None
Handler = Callable[[AccountContext, AccountTask], Awaitable[Result]]

_KINDS = {  # kind → module with an `async def run(ctx, task)`
    "dialogs": "ingest.tasks.dialogs",
    "history": "ingest.tasks.history",
    "log_out": "ingest.tasks.log_out",
    "resolve": "ingest.tasks.resolve",
}


def handler(kind: str) -> Handler | None:
    """The handler of a kind of task; None for an unknown kind."""
    name = _KINDS.get(kind)
    return import_module(name).run if name else None
