"""The bot's updates: committed before Telegram is told that we have them, then worked off in order.

Telegram repeats an update until it is confirmed, so it is saved once by its id; it is processed at least
once, because a process may die between doing the work and writing that down.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import delete, func, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, InterfaceError, OperationalError, StatementError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core.names import Topic
from tg_assistant.infra.postgres.db import run_text
from tg_assistant.infra.postgres.events import notify
from tg_assistant.infra.postgres.pg_text import storable
from tg_assistant.models import BotUpdate

log = structlog.get_logger()
TRIES = 5  # then the person is told, and it is held: it stays in the table, and the rest goes on
HELD = TRIES + 1  # what `attempts` says from then on
_FROM_A_PERSON = ("message", "callback_query", "my_chat_member")  # kinds the bot asks Telegram for
_PASSED_ON = ("forward_origin", "forward_date", "via_bot", "sender_chat", "sender_business_bot")
_KEEP_DONE = timedelta(days=2)  # Telegram repeats an unconfirmed update for 24 hours
_KEEP_HELD = timedelta(days=7)

# A lane is what must stay in order: a chat's messages, and apart from them its buttons and the person's own
# /cancel, which would otherwise wait behind a question that is being answered. One passed on stops nothing.
_HEADS = text("""
SELECT DISTINCT ON (lane) lane, update_id, payload, attempts FROM (
    SELECT update_id, payload, attempts,
        coalesce(payload #>> '{message,chat,id}', payload #>> '{callback_query,from,id}',
                 payload #>> '{my_chat_member,chat,id}', 'nobody')
        || CASE WHEN payload -> 'callback_query' IS NOT NULL
                  OR payload #>> '{message,text}' LIKE '/cancel%'
                 AND NOT payload -> 'message' ?| CAST(:passed_on AS text[]) THEN ' quick' ELSE '' END AS lane
    FROM bot_updates WHERE done_at IS NULL AND attempts < :held
) AS open
WHERE lane <> ALL(CAST(:busy AS text[])) ORDER BY lane, update_id LIMIT :most
""")


_CHAT = """coalesce(payload #>> '{message,chat,id}', payload #>> '{callback_query,from,id}',
    payload #>> '{my_chat_member,chat,id}', 'nobody')"""
_LONGEST_WAIT = text(f"""
WITH waiting AS (
    SELECT {_CHAT} AS chat, min(received_at) AS since FROM bot_updates
    WHERE done_at IS NULL AND attempts < :tries GROUP BY 1
), served AS (
    SELECT {_CHAT} AS chat, max(done_at) AS last FROM bot_updates
    WHERE done_at > now() - interval '10 minutes' GROUP BY 1
)
SELECT extract(epoch FROM max(now() - greatest(since, last))) FROM waiting LEFT JOIN served USING (chat)
""")  # noqa: S608 - constants of this file are put together  # nosec B608


@dataclass(frozen=True)
class Pending:
    """The first undone update of a lane; `attempts` were begun before; after TRIES only `hold` it."""

    lane: str
    update_id: int
    payload: dict[str, Any]
    attempts: int


async def save(db: AsyncSession, received: Sequence[dict[str, Any]]) -> int:
    """Write down updates as Telegram sent them; those already known change nothing. How many were new.

    Characters that PostgreSQL does not take are replaced. An update that it refuses nevertheless is held
    from the start, by its id alone: all others must not wait for it.
    """
    if not received:
        return 0
    rows = [{"update_id": each["update_id"], "payload": storable(each), "attempts": 0} for each in received]
    if (new := await _tried(db, rows)) is None:
        new = sum([await _alone(db, row) for row in rows])
    await notify(db, Topic.update)
    return new


async def _alone(db: AsyncSession, row: dict[str, Any]) -> int:
    if (new := await _tried(db, [row])) is not None:
        return new
    log.error("update.not_storable", update_id=row["update_id"])
    try:
        async with db.begin_nested():
            return await _insert(db, [{"update_id": row["update_id"], "payload": {}, "attempts": HELD}])
    except DataError:  # not even its id is one, so nothing of it can be kept but the line above
        return 0


async def _tried(db: AsyncSession, rows: list[dict[str, Any]]) -> int | None:
    """How many were new; None when PostgreSQL refuses one of them for what it says."""
    try:
        async with db.begin_nested():
            return await _insert(db, rows)
    except (OperationalError, InterfaceError):
        raise  # PostgreSQL is away or out of something: that is no update's fault
    except StatementError:
        return None


async def _insert(db: AsyncSession, rows: list[dict[str, Any]]) -> int:
    statement = insert(BotUpdate).values(rows).on_conflict_do_nothing(index_elements=["update_id"])
    saved = await db.exec(statement.returning(col(BotUpdate.update_id)))
    return len(saved.all())


async def heads(db: AsyncSession, *, busy: Collection[str], most: int) -> list[Pending]:
    """The next update of each lane that is not `busy`."""
    values = {"held": HELD, "busy": list(busy), "most": most, "passed_on": list(_PASSED_ON)}
    rows = await run_text(db, _HEADS, **values)
    return [Pending(*row) for row in rows]


async def longest_wait(db: AsyncSession) -> float:
    """For how many seconds some chat has waited without anything of it being done; 0 where none waits.

    What one chat sends in a row waits for itself: that says nothing of the bot.
    """
    return float((await run_text(db, _LONGEST_WAIT, tries=TRIES)).scalar_one() or 0)


async def begin(db: AsyncSession, update_id: int) -> int:
    """Count a try before it is made, so that an update that kills the process is counted too."""
    return await _count(db, update_id, 1)


async def give_back(db: AsyncSession, update_id: int) -> int:
    """The try did not count: Telegram or PostgreSQL was away, which is not the update's fault."""
    return await _count(db, update_id, -1)


async def hold(db: AsyncSession, update_id: int) -> None:
    """Given up, and the person knows: never handed out again."""
    statement = update(BotUpdate).where(col(BotUpdate.update_id) == update_id).values(attempts=HELD)
    await db.exec(statement)


def held_of(telegram_id: int) -> Any:
    """A query of the updates given up that this person sent, the oldest first; they are kept a week."""
    sender = func.coalesce(*(col(BotUpdate.payload)[(kind, "from", "id")].astext for kind in _FROM_A_PERSON))
    mine = col(BotUpdate.attempts) >= TRIES, sender == str(telegram_id)
    return select(BotUpdate).where(*mine).order_by(col(BotUpdate.update_id))


async def forget(db: AsyncSession, telegram_id: int) -> None:
    """Delete the updates given up that this person sent."""
    for held in (await db.exec(held_of(telegram_id))).all():
        await db.delete(held)


async def _count(db: AsyncSession, update_id: int, step: int) -> int:
    statement = (
        update(BotUpdate)
        .where(col(BotUpdate.update_id) == update_id)
        .values(attempts=BotUpdate.attempts + step)
        .returning(col(BotUpdate.attempts))
    )
    return (await db.exec(statement)).scalar_one()


async def finish(db: AsyncSession, update_id: int) -> None:
    """Done: only the id is kept, to know a repetition; what the person wrote is forgotten."""
    statement = (
        update(BotUpdate)
        .where(col(BotUpdate.update_id) == update_id)
        .values(done_at=func.now(), payload=text("'{}'::jsonb"))
    )
    await db.exec(statement)


async def sweep(db: AsyncSession) -> None:
    """Forget ids too old to be repeated, and updates held for longer than anybody looks at them."""
    done = col(BotUpdate.done_at) < func.now() - _KEEP_DONE
    held = (col(BotUpdate.attempts) >= TRIES) & (col(BotUpdate.received_at) < func.now() - _KEEP_HELD)
    await db.exec(delete(BotUpdate).where(done | held))
