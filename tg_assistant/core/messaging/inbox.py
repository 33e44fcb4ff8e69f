"""The bot's updates: committed before they are confirmed to Telegram, then processed in order.

Telegram repeats an update until it is confirmed, so it is saved once by its id. It is processed at least
once, because a process may die after doing the work and before storing that.
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
TRIES = 5  # then the person is notified and the update is held: it stays stored and blocks no other
HELD = TRIES + 1  # the value of `attempts` of a held update
_FROM_A_PERSON = ("message", "callback_query", "my_chat_member")  # kinds the bot subscribes to
_PASSED_ON = ("forward_origin", "forward_date", "via_bot", "sender_chat", "sender_business_bot")
_KEEP_DONE = timedelta(days=2)  # Telegram repeats an unconfirmed update for 24 hours
_KEEP_HELD = timedelta(days=7)

# A lane contains what must stay in order: a chat's messages, and separately its buttons and /cancel, which
# would otherwise wait behind a question that is being answered. A forwarded /cancel does not count.
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

_FINISH = text("""
UPDATE bot_updates SET done_at = now(),
    payload = CASE WHEN payload ? 'album' THEN jsonb_build_object('album', payload -> 'album') ELSE '{}' END
WHERE update_id = :id
""")


@dataclass(frozen=True)
class Pending:
    """The first open update of a lane. Once `attempts`, the tries begun, is TRIES, it can only be held."""

    lane: str
    update_id: int
    payload: dict[str, Any]
    attempts: int


async def save(db: AsyncSession, received: Sequence[dict[str, Any]]) -> int:
    """Save updates as Telegram sent them, ignoring known ones; return how many were new.

    Characters that PostgreSQL cannot store are replaced. An update that it refuses nevertheless is saved as
    held, without its payload, so that it does not block the others.
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
    except DataError:  # its id cannot be stored either, so the log line above is all that remains
        return 0


async def _tried(db: AsyncSession, rows: list[dict[str, Any]]) -> int | None:
    """Return how many were new, or None when PostgreSQL refuses one of them because of its content."""
    try:
        async with db.begin_nested():
            return await _insert(db, rows)
    except (OperationalError, InterfaceError):
        raise  # PostgreSQL is unavailable or out of resources, which no update has caused
    except StatementError:
        return None


async def _insert(db: AsyncSession, rows: list[dict[str, Any]]) -> int:
    statement = insert(BotUpdate).values(rows).on_conflict_do_nothing(index_elements=["update_id"])
    saved = await db.exec(statement.returning(col(BotUpdate.update_id)))
    return len(saved.all())


async def heads(db: AsyncSession, *, busy: Collection[str], most: int) -> list[Pending]:
    """Return the next update of each lane that is not in `busy`, at most `most`."""
    values = {"held": HELD, "busy": list(busy), "most": most, "passed_on": list(_PASSED_ON)}
    rows = await run_text(db, _HEADS, **values)
    return [Pending(*row) for row in rows]


async def longest_wait(db: AsyncSession) -> float:
    """Return the longest time in seconds that a chat has waited without progress; 0 where none waits.

    Updates queued behind others of the same chat do not count, as they do not show that the bot is late.
    """
    return float((await run_text(db, _LONGEST_WAIT, tries=TRIES)).scalar_one() or 0)


async def begin(db: AsyncSession, update_id: int) -> int:
    """Count a try before it is made, so that one that kills the process counts; return the new number."""
    return await _count(db, update_id, 1)


async def give_back(db: AsyncSession, update_id: int) -> int:
    """Uncount a try that failed because Telegram or PostgreSQL was unavailable; return the new number."""
    return await _count(db, update_id, -1)


async def hold(db: AsyncSession, update_id: int) -> None:
    """Hold the update, once the person is notified: `heads` never returns it again."""
    statement = update(BotUpdate).where(col(BotUpdate.update_id) == update_id).values(attempts=HELD)
    await db.exec(statement)


def held_of(telegram_id: int) -> Any:
    """Return a query of the held updates this person sent, the oldest first; they are stored for a week."""
    sender = func.coalesce(*(col(BotUpdate.payload)[(kind, "from", "id")].astext for kind in _FROM_A_PERSON))
    mine = col(BotUpdate.attempts) >= TRIES, sender == str(telegram_id)
    return select(BotUpdate).where(*mine).order_by(col(BotUpdate.update_id))


async def forget(db: AsyncSession, telegram_id: int) -> None:
    """Delete the held updates that this person sent."""
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
    """Mark the update as done and delete its payload; the id stays, to recognise a repetition.

    Of an album its mark stays, too, to recognise parts that come later.
    """
    await run_text(db, _FINISH, id=update_id)


async def sweep(db: AsyncSession) -> None:
    """Delete ids done more than two days ago, and held updates received more than a week ago."""
    done = col(BotUpdate.done_at) < func.now() - _KEEP_DONE
    held = (col(BotUpdate.attempts) >= TRIES) & (col(BotUpdate.received_at) < func.now() - _KEEP_HELD)
    await db.exec(delete(BotUpdate).where(done | held))
