"""All of a person's own data as a zip of JSON files, streamed; without secrets and other people's data."""

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit
from tg_assistant.core.actor import Actor
from tg_assistant.core.answers import question_log, showing
from tg_assistant.core.answers.showing import Place
from tg_assistant.core.messaging import inbox
from tg_assistant.infra.postgres.db import set_user
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import (
    Account,
    AccountTask,
    AppSession,
    AuditEvent,
    Channel,
    Dialog,
    Feed,
    Invite,
    InviteUse,
    Login,
    Membership,
    Notification,
    Question,
    SignIn,
    Subscription,
    Tenant,
    User,
)

_PROFILE = {"id", "telegram_id", "first_name", "last_name", "username", "created_at", "last_seen_at"} | {
    "language",
    "language_chosen",
}
_OF_OTHERS = {"member", "scanned_telegram_id"}  # details of an audit event that are about another person
_BATCH = 50  # rows; no transaction stays open for a slow reader, and the event loop is released after each


@dataclass(frozen=True)
class _Part:
    """Rows of one table that belong to the person. Fields are listed, so that new columns stay private."""

    name: str
    model: Any
    fields: tuple[str, ...]
    person: Any = None  # the column with the person's id; None: `user_id`, or that of the row's account

    def belongs_to(self, user_id: UUID) -> Any:
        columns = self.model.__table__.c
        if self.person is None and "user_id" not in columns:
            return columns.account_id.in_(select(Account.id).where(Account.user_id == user_id))
        return (columns.user_id if self.person is None else col(self.person)) == user_id


_PARTS = (
    _Part(
        "sessions",
        AppSession,
        ("id", "door", "device", "created_at", "last_seen_at", "expires_at", "revoked_at"),
    ),
    _Part("sign_ins", SignIn, ("at", "door", "device", "address", "outcome")),
    _Part(
        "telegram_accounts",
        Account,
        (
            *("id", "telegram_id", "status", "ended_reason", "device", "connected_at", "last_ok_at"),
            "group_ids",
        ),
    ),
    _Part(
        "questions",
        Question,
        ("id", "created_at", "door", "question", "answer", "sources", "abstained", "confidence"),
    ),
    _Part(
        "connection_attempts",
        Login,
        ("id", "status", "reason", "device", "created_at", "updated_at", "expires_at"),
    ),
    _Part("account_channels", Dialog, ("telegram_id", "title", "username", "private", "members", "folder")),
    _Part(
        "account_tasks",
        AccountTask,
        ("id", "kind", "args", "created_at", "deadline", "attempts", "done_at", "error"),
    ),
    _Part("feeds", Feed, ("id", "channel_id", "query", "created_at", "last_used_at", "revoked_at")),
    _Part("invites_used", InviteUse, ("code", "at")),
    _Part(
        "invites_made",
        Invite,
        ("code", "role", "uses_limit", "uses_count", "active", "expires_at", "created_at"),
        Invite.created_by,
    ),
    _Part("notifications", Notification, ("code", "args", "created_at", "sent_at")),
)


class _Outgoing:
    """Output of the zip that has not been sent yet. It has no `seek`, so `zipfile` rewrites nothing."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._written.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing; `zipfile` requires the method."""

    def take(self) -> bytes:
        taken, self._written = b"".join(self._written), []
        return taken


async def archive(rt: Runtime, actor: Actor) -> AsyncIterator[bytes]:
    """Yield the zip in pieces; it has one JSON file per kind of data.

    Before each piece checks whether everything written may still be shown. Raises what `showing.check` does;
    the pieces sent until then are an incomplete zip.
    """
    rests: set[Place] = set()
    async with rt.db.transaction(actor.tenant_id) as db:
        await audit.record(db, actor, "person.export")
    out = _Outgoing()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archived:  # type: ignore[call-overload]
        archived.writestr("profile.json", _json(await _profile(rt, actor)))
        for name, batches in _files(rt, actor, rests):
            with archived.open(f"{name}.json", "w", force_zip64=True) as file:
                separator = "["
                async for batch in batches:
                    for row in batch:
                        file.write(f"{separator}\n{_json(row)}".encode())
                        separator = ","
                    await _still_theirs(rt, actor, rests)
                    yield out.take()
                    await asyncio.sleep(0)  # the consumer may never await, and others need the loop
                file.write(b"[]\n" if separator == "[" else b"\n]\n")
    await _still_theirs(rt, actor, rests)
    yield out.take()


async def _still_theirs(rt: Runtime, actor: Actor, rests: set[Place]) -> None:
    if actor.door != "cli":  # the operator exports at the person's request, who may be disabled
        await showing.check(rt, actor, rests)


def _files(
    rt: Runtime, actor: Actor, rests: set[Place]
) -> list[tuple[str, AsyncIterator[list[dict[str, Any]]]]]:
    return [
        *((part.name, _rows(rt, actor, part, rests)) for part in _PARTS),
        ("channels", _once(rt, actor, _channels)),
        ("messages_not_processed", _once(rt, actor, _held)),
        ("audit", _audit(rt, actor)),
    ]


async def _rows(
    rt: Runtime, actor: Actor, part: _Part, rests: set[Place]
) -> AsyncIterator[list[dict[str, Any]]]:
    async for rows in _batches(rt, actor, part.model, part.belongs_to(actor.user_id)):
        if part.model is Question:
            rests |= {place for row in rows for place in question_log.places_of(row)}
        yield [{name: getattr(row, name) for name in part.fields} for row in rows]


async def _audit(rt: Runtime, actor: Actor) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield events by the person and events about their membership, without other people's ids."""
    mine = str(actor.user_id)
    about_me = (col(AuditEvent.user_id) == actor.user_id) | (col(AuditEvent.subject) == mine)
    async for rows in _batches(rt, actor, AuditEvent, about_me):
        yield [
            {
                "at": row.at,
                "action": row.action,
                "by_you": row.user_id == actor.user_id,
                "subject": "" if row.action.startswith("member.") and row.subject != mine else row.subject,
                "detail": {name: said for name, said in row.detail.items() if name not in _OF_OTHERS},
            }
            for row in rows
        ]


async def _batches(rt: Runtime, actor: Actor, model: Any, condition: Any) -> AsyncIterator[list[Any]]:
    key = list(model.__table__.primary_key.columns)
    further = condition
    while True:
        async with rt.db.transaction(actor.tenant_id) as db:
            await set_user(db, actor.user_id)  # makes events without a tenant visible, too
            query = select(model).where(further).order_by(*key).limit(_BATCH)
            rows = list((await db.exec(query)).all())
            if model is Question:
                await question_log.withhold(db, actor, rows)
        if not rows:
            return
        yield rows
        last = [getattr(rows[-1], column.name) for column in key]
        further = condition & (tuple_(*key) > tuple_(*last))


async def _once(rt: Runtime, actor: Actor, read: Any) -> AsyncIterator[list[dict[str, Any]]]:
    async with rt.db.transaction(actor.tenant_id) as db:
        rows = await read(db, actor)
    for n in range(0, len(rows), _BATCH):
        yield rows[n : n + _BATCH]


async def _channels(db: AsyncSession, actor: Actor) -> list[dict[str, Any]]:
    query = (
        select(Channel, Subscription)
        .join(Subscription, col(Subscription.channel_id) == col(Channel.id))
        .where(Subscription.user_id == actor.user_id)
        .order_by(col(Channel.title))
    )
    return [
        {
            "telegram_id": channel.telegram_id,
            "title": subscription.shown_title or channel.title,
            "username": channel.username,
            "paused": subscription.paused,
            "followed_since": subscription.created_at,
        }
        for channel, subscription in (await db.exec(query)).all()
    ]


async def _held(db: AsyncSession, actor: Actor) -> list[dict[str, Any]]:
    """Return what the person wrote to the bot in updates it could not process; it stores no others.

    Whose messages they forward or reply to is left out.
    """
    found = (await db.exec(inbox.held_of(actor.telegram_id))).all()
    return [{"received_at": row.received_at, "wrote": _wrote(row.payload)} for row in found]


def _wrote(update: dict[str, Any]) -> str:
    message, pressed = update.get("message") or {}, update.get("callback_query") or {}
    return message.get("text") or message.get("caption") or pressed.get("data") or ""


async def _profile(rt: Runtime, actor: Actor) -> dict[str, Any]:
    async with rt.db.transaction(actor.tenant_id) as db:
        user = await db.get_one(User, actor.user_id)
        query = select(Membership, Tenant.name).join(Tenant, col(Tenant.id) == col(Membership.tenant_id))
        row = (await db.exec(query.where(Membership.user_id == actor.user_id))).first()
    membership = None
    if row is not None:
        kept = {"role", "plan", "plan_expires_at", "disabled", "created_at"}
        membership = {"group": row[1], **row[0].model_dump(include=kept)}
    return {**user.model_dump(include=_PROFILE), "membership": membership}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
