"""Handlers of an account's tasks, by kind.

A handler gets the account's context and the task, works in `ctx.transaction()` and returns the result.
It may finish the task itself, in the transaction that saves its work. It raises an AssistantError to fail
for good, Postponed to be called again later, and lets Telegram's FloodWaitError propagate.
"""

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

from ingest.context import AccountContext
from tg_assistant.core.names import TaskKind
from tg_assistant.models import AccountTask

Result = dict[str, Any] | None
Handler = Callable[[AccountContext, AccountTask], Awaitable[Result]]


def handler(kind: str) -> Handler | None:
    """The handler of a kind of task; None for an unknown kind."""
    return import_module(f"ingest.tasks.{kind}").run if kind in TaskKind.__members__ else None
