"""The account-safety meter: how much of its budget an account has used, what waits, why and until when."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import pagination
from tg_assistant.core.accounts import accounts, budgets
from tg_assistant.core.accounts.budgets import LIST, READ, RESOLVE, Rate
from tg_assistant.core.actor import Actor, scoped
from tg_assistant.core.names import TaskKind
from tg_assistant.core.pagination import Order, Page
from tg_assistant.infra import clock
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, AccountStatus, AccountTask, MethodWait, Role, User

LIVE = "live"  # updates of the account and its channels, which are in no budget
TELEGRAM, BUDGET = (
    "telegram",
    "budget",
)  # why something waits
_TASKS = {
    TaskKind.history: READ,
    TaskKind.look: READ,
    TaskKind.dialogs: LIST,
    TaskKind.resolve: RESOLVE,
}


@dataclass(frozen=True)
class Meter:
    """`used` of `limit` requests of a kind in `seconds`; one comes back every `seconds / limit` seconds."""

    kind: str
    used: int
    limit: int
    seconds: int


@dataclass(frozen=True)
class Waiting:
    """What no request may be made for `until`, and why: `telegram` or `budget`. `tasks` of it are open."""

    kind: str
    why: str
    until: datetime
    tasks: int


@dataclass(frozen=True)
class Safety:
    """One account's meter. `slow_start` is the share of the budget allowed until `slow_until`, if set."""

    account: Account
    name: str
    slow_start: float
    slow_until: datetime | None
    meters: list[Meter] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)

    @property
    def at_risk(self) -> bool:
        """Whether Telegram itself has asked the account to wait."""
        return any(one.why == TELEGRAM for one in self.waiting)


async def of_own(rt: Runtime, actor: Actor) -> list[Safety]:
    """Return the meters of the actor's own accounts, as listed by `accounts.list_`."""
    actor.require()
    async with rt.db.transaction(actor.tenant) as db:
        linked = await accounts.list_(db, actor)
        return [await _measured(rt, db, account, actor.name) for account in linked]


async def of_group(rt: Runtime, actor: Actor, *, limit: int = 50, cursor: str | None = None) -> Page[Safety]:
    """Return the meters of the group's accounts that are not logged out, the latest connected first.

    Raises NotAllowed for anyone below admin, and Invalid for a cursor that was never issued.
    """
    actor.require(Role.admin)
    async with rt.db.transaction(actor.tenant) as db:
        query = scoped(Account, actor).where(Account.status != AccountStatus.logged_out)
        order = Order[Account](
            col(Account.connected_at), col(Account.id), lambda one: (one.connected_at, one.id)
        )
        found = await pagination.page(db, query, order, limit=limit, cursor=cursor)
        people = select(User).where(col(User.id).in_([one.user_id for one in found.items]))
        names = {one.id: f"{one.first_name} {one.last_name}".strip() for one in await db.exec(people)}
        measured = [await _measured(rt, db, one, names.get(one.user_id, "")) for one in found.items]
    return Page(measured, found.next_cursor)


async def _measured(rt: Runtime, db: AsyncSession, account: Account, name: str) -> Safety:
    now = clock.now(db)
    share = budgets.slow_start(account.connected_at, now)
    ends = account.connected_at + timedelta(days=len(budgets.SLOW_START))
    if account.status != AccountStatus.connected:
        return Safety(account, name, 1.0, None)
    per_minute = rt.settings.telegram.requests_per_minute
    rates = budgets.rates(account.connected_at, now, per_minute)
    spent = await budgets.spent(db, account.id)
    at = now.timestamp()
    meters = [
        Meter(kind, rate.used(spent.get(kind, 0.0), at), rate.limit, rate.seconds)
        for kind, rate in rates.items()
    ]
    slow = (share, ends) if rates and share < 1 else (1.0, None)
    return Safety(account, name, *slow, meters, await _waiting(db, account.id, rates, spent))


async def _waiting(
    db: AsyncSession, account_id: UUID, rates: dict[str, Rate], spent: dict[str, float]
) -> list[Waiting]:
    """Return what waits: what Telegram asked for first, then the budgets that are used up."""
    now = clock.now(db)
    query = select(AccountTask.kind).where(
        AccountTask.account_id == account_id, col(AccountTask.done_at).is_(None)
    )
    kinds = (_TASKS.get(TaskKind(kind)) for kind in await db.exec(query) if kind in TaskKind.__members__)
    open_tasks = Counter(kind for kind in kinds if kind)
    asked: dict[str, datetime] = {}
    waits = select(MethodWait).where(
        MethodWait.account_id == account_id, col(MethodWait.not_before) > func.now()
    )
    for wait in await db.exec(waits):
        kind = kind_of(wait.method)
        asked[kind] = max(wait.not_before, asked.get(kind, wait.not_before))
    found = [Waiting(kind, TELEGRAM, until, open_tasks[kind]) for kind, until in sorted(asked.items())]
    for kind, rate in rates.items():
        left = rate.wait(spent.get(kind, 0.0), now.timestamp(), for_person=False)
        if left >= 1 and kind not in asked:
            until = datetime.fromtimestamp(now.timestamp() + min(left, rate.seconds), UTC)
            found.append(Waiting(kind, BUDGET, until, open_tasks[kind]))
    return found


def kind_of(method: str) -> str:
    """Return what one of Telegram's methods is used for: a kind of budget, or LIVE."""
    area, _, name = method.partition(".")
    if name == "resolveUsername":
        return RESOLVE
    if "Dialog" in name:
        return LIST
    return READ if area in ("messages", "channels") else LIVE
