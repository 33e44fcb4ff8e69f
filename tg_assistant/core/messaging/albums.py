"""Albums: Telegram sends each photo as an update of its own; to the person they are one message."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.models import BotUpdate

_CHAT, _ALBUM = ("message", "chat", "id"), ("message", "media_group_id")


def is_part(payload: dict[str, Any]) -> bool:
    """Tell whether an update is one message of an album."""
    message = payload.get("message")
    return isinstance(message, dict) and isinstance(message.get("media_group_id"), str)


async def gather(db: AsyncSession, update_id: int) -> dict[str, Any] | None:
    """Store the captions of the album's other open updates in this one, and return it; the others are done.

    Returns None for a part that came after the album was answered and adds no words; with words it is
    answered by itself. `inbox.finish` keeps the album's mark, a hash, with the done update.
    """
    part = (await db.exec(select(BotUpdate).where(BotUpdate.update_id == update_id))).one()
    mark = sha256(repr([part.payload["message"].get("chat"), _of(part)]).encode()).hexdigest()[:32]
    others = await _others(db, part)
    joined = _joined([each.payload["message"] for each in (part, *others)])
    await db.exec(
        update(BotUpdate)
        .where(col(BotUpdate.update_id).in_([each.update_id for each in others]))
        .values(done_at=func.now(), payload={"album": mark})
    )
    part.payload = {**part.payload, "album": mark, "message": {**part.payload["message"], **joined}}
    db.add(part)
    await db.flush()
    marked = col(BotUpdate.payload)["album"].astext == mark, col(BotUpdate.done_at).is_not(None)
    before = select(BotUpdate.update_id).where(*marked, col(BotUpdate.update_id) < update_id)
    late = (await db.exec(before)).first() is not None
    return part.payload if joined or not late else None


def _of(part: BotUpdate) -> str:
    return part.payload["message"]["media_group_id"]


async def _others(db: AsyncSession, part: BotUpdate) -> Sequence[BotUpdate]:
    chat = str((part.payload["message"].get("chat") or {}).get("id"))
    query = select(BotUpdate).where(
        col(BotUpdate.done_at).is_(None),
        col(BotUpdate.attempts) == 0,
        col(BotUpdate.update_id) != part.update_id,
        col(BotUpdate.payload)[_CHAT].astext == chat,
        col(BotUpdate.payload)[_ALBUM].astext == _of(part),
    )
    return (await db.exec(query.order_by(col(BotUpdate.update_id)))).all()


def _joined(messages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the captions as one, a paragraph each, with their entities; empty if there are none."""
    caption, entities = "", list[dict[str, Any]]()
    for message in messages:
        if not (words := message.get("caption")):
            continue
        caption += "\n\n" if caption else ""
        before = len(caption.encode("utf-16-le", "surrogatepass")) // 2
        for entity in message.get("caption_entities") or ():
            entities.append({**entity, "offset": entity["offset"] + before})
        caption += words
    return {"caption": caption, "caption_entities": entities} if caption else {}
