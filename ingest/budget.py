"""An account's budget of requests, asked by the client before each one: the only place that enforces it.

A refusal looks like Telegram's own FLOOD_WAIT, so whoever can wait for that waits for this. Live updates,
connecting and logging out are not counted.
"""

import math
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from telethon import types
from telethon.errors import FloodWaitError
from telethon.tl.functions import account, auth, contacts, messages, updates, users
from telethon.tl.functions import help as help_

from tg_assistant.core.accounts.budgets import LIST, READ, RESOLVE, Rate

_UNCOUNTED = {module.__name__ for module in (account, auth, help_, updates, users)}
_LISTS = (
    messages.GetDialogsRequest,
    messages.GetDialogFiltersRequest,
    messages.GetPinnedDialogsRequest,
)
_for_person: ContextVar[bool] = ContextVar("for_person", default=False)
_further: ContextVar[bool] = ContextVar("further", default=False)


class BudgetSpent(FloodWaitError):
    """The account's own budget is used up for `seconds`; nothing was sent."""


@contextmanager
def for_person(waits: bool) -> Generator[None]:
    """Let the requests made inside use the part of the budget kept for people, if one `waits` for them."""
    before = _for_person.set(waits)
    try:
        yield
    finally:
        _for_person.reset(before)


@contextmanager
def further() -> Generator[None]:
    """Let the requests made inside pass though the budget is spent; they are counted.

    For those that complete an answer already paid for: refused, it would be asked for again from the start,
    and again, without ever being complete.
    """
    before = _further.set(True)
    try:
        yield
    finally:
        _further.reset(before)


class Budget:
    """`rates()` gives the limits by kind, `now()` Unix time; `spent` is what earlier processes have used."""

    def __init__(
        self, rates: Callable[[], Mapping[str, Rate]], now: Callable[[], float], spent: Mapping[str, float]
    ) -> None:
        self._rates, self._now = rates, now
        self.spent = dict(spent)
        self.changed = False

    def spend(self, request: Any) -> None:
        """Count a request that is about to be sent. Raises BudgetSpent."""
        kind = kind_of(request)
        rate = self._rates().get(kind or "")
        if kind is None or rate is None:
            return
        now = self._now()
        # no more than the whole budget: a clock that was set back must not stop the account for hours
        spent = min(self.spent.get(kind, 0.0), now + rate.seconds)
        left = rate.wait(spent, now, for_person=_for_person.get())
        if left > 0 and not _further.get() and not _goes_on(request):
            raise BudgetSpent(request, capture=math.ceil(left))
        self.spent[kind] = rate.spend(spent, now)
        self.changed = True


def kind_of(request: Any) -> str | None:
    """The kind of budget that a request is counted in; None for one that never waits."""
    if isinstance(request, contacts.ResolveUsernameRequest):
        return RESOLVE
    if isinstance(request, _LISTS):
        return LIST
    return None if type(request).__module__ in _UNCOUNTED else READ


def _goes_on(request: Any) -> bool:
    """Whether it is a further page of a list: stopping there would waste the pages that were read."""
    first = types.InputPeerEmpty
    return isinstance(request, messages.GetDialogsRequest) and not isinstance(request.offset_peer, first)
