"""A person's export holds all of theirs, nothing of others and no secret."""

import asyncio
import io
import json
import zipfile
from collections import Counter
from datetime import UTC, datetime

from sqlmodel import SQLModel, select

from tests.corpus import a_channel, a_reader, a_tenant
from tests.people import member, person
from tg_assistant.core import audit
from tg_assistant.core.access import sessions
from tg_assistant.core.group import invites, members
from tg_assistant.core.messaging import inbox, outbox
from tg_assistant.core.privacy import export
from tg_assistant.models import Account, AccountTask, BotUpdate, Dialog, Login, Question, Role, SignIn

_NOW = datetime.now(UTC)
# So long that neither a time nor a random id of the archive holds one by chance.
ANNA, MAX = 5_550_007_501, 5_550_007_502
ACCESS_HASH = 4_711_471_147
SECRETS = ("RESUME", "SEALED-KEY", "ANOTHER-PERSONS-QUESTION")


async def exported(rt, actor):
    """The files of the archive by name, and all of its text."""
    pieces = [piece async for piece in export.archive(rt, actor)]
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    return {name.removesuffix(".json"): json.loads(text) for name, text in texts.items()}, "".join(
        texts.values()
    )


async def a_life(rt):
    """Anna with something of each kind, and Max of the same group with a question of his own."""
    where = await a_tenant(rt)
    channel = await a_channel(rt, where, ["One post"])
    anna = await a_reader(rt, where, ANNA, [channel.id])
    max_ = await a_reader(rt, where, MAX, [channel.id])
    own = {"tenant_id": where.id, "user_id": anna.user_id}
    async with rt.db.transaction(where.id) as db:
        admin = await member(db, where, 7503, Role.admin)
        for n in range(3):
            db.add(Question(question=f"What of {n}?", answer="«This»", door="bot", **own))
        db.add(Question(question=SECRETS[2], door="bot", tenant_id=where.id, user_id=max_.user_id))
        db.add(Account(telegram_id=ANNA, sealed_session=SECRETS[1].encode(), device="Phone", **own))
        db.add(SignIn(user_id=anna.user_id, address="203.0.113.7", device="Phone"))
        session = await sessions.start(db, anna.user_id, device="Phone", now=rt.clock.now())
        await outbox.add(db, anna.user_id, "account.connected", tenant_id=where.id)
        await _connected(db, where, (anna, max_))
        await members.change(db, admin, anna.user_id, version=1, plan="plus")
        scanned = {"tenant_id": where.id, "user_id": anna.user_id, "scanned_telegram_id": MAX}
        await audit.record(db, None, "account.mismatch", "x", **scanned)
    return where, anna, max_, admin, session


async def _connected(db, where, people):
    """Each with an attempt that was scanned, three channels in the list, a task and a message given up."""
    for actor in people:
        own = {"tenant_id": where.id, "user_id": actor.user_id}
        db.add(Login(status="authorized", device=f"of {actor.telegram_id}", expires_at=_NOW, **own))
        query = select(Account).where(Account.user_id == actor.user_id)
        if (account := (await db.exec(query)).first()) is None:
            account = Account(telegram_id=actor.telegram_id, **own)
            db.add(account)
            await db.flush()
        part = {"account_id": account.id, "tenant_id": where.id}
        for n in range(3):
            title = f"List {n} of {actor.telegram_id}"
            db.add(Dialog(telegram_id=n, title=title, access_hash=ACCESS_HASH, **part))
        db.add(AccountTask(kind="resolve", args={"name": f"of {actor.telegram_id}"}, **part))
        message = {"from": {"id": actor.telegram_id}, "text": f"Held of {actor.telegram_id}"}
        message["forward_origin"] = {"sender_user": {"id": MAX, "first_name": SECRETS[2]}}
        held = {"payload": {"message": message}, "attempts": inbox.HELD}
        db.add(BotUpdate(update_id=actor.telegram_id, **held))


async def test_everything_of_ones_own_and_nothing_else(rt, monkeypatch):
    """Each kind of data is a file; another's question, secrets and who acted on one stay out."""
    monkeypatch.setattr(export, "_BATCH", 2)
    where, anna, max_, admin, session = await a_life(rt)
    files, text = await exported(rt, anna)
    assert files["profile"]["telegram_id"] == ANNA
    assert files["profile"]["membership"]["group"] == where.name
    assert sorted(one["question"] for one in files["questions"]) == [f"What of {n}?" for n in range(3)]
    assert [one["title"] for one in files["channels"]] == ["Channel 1"]
    assert [one["address"] for one in files["sign_ins"]] == ["203.0.113.7"]
    assert len(files["sessions"]) == len(files["telegram_accounts"]) == len(files["notifications"]) == 1
    assert len(files["invites_used"]) == 1
    assert [one["title"] for one in files["account_channels"]] == [f"List {n} of {ANNA}" for n in range(3)]
    assert [one["device"] for one in files["connection_attempts"]] == [f"of {ANNA}"]
    assert [one["args"] for one in files["account_tasks"]] == [{"name": f"of {ANNA}"}]
    assert f"Held of {ANNA}" in str(files["messages_not_processed"]) and str(MAX) not in text
    assert str(ACCESS_HASH) not in text
    done_to_me = next(one for one in files["audit"] if one["action"] == "member.change")
    assert done_to_me["by_you"] is False and done_to_me["detail"] == {"plan": "plus"}
    for secret in (*SECRETS, session.resume_secret, session.refresh_token, "hash", str(max_.user_id)):
        assert secret not in text
    assert str(admin.user_id) not in text


# Tables with rows that concern a person and are no file of the archive, and why.
ELSEWHERE = {
    "memberships": "profile",
    "subscriptions": "channels",
    "audit_events": "audit",
    "channel_access": "how Telegram addresses what `account_channels` lists; lives as long as the account",
    "lost_channels": "ids of channels that are gone; why answers from them are hidden in `questions`",
    "account_budgets": "how many requests to Telegram this account has just made, gone within a day",
    "method_waits": "until when Telegram asked this account to wait",
    "one_time_links": "a hash and the time it was asked for, which the trail has too",
    "tenant_flags": "the group's; who changed it is in the trail",
}
CONCERNS = {"user_id", "account_id", "created_by", "changed_by"}


def test_each_table_with_a_persons_rows_is_exported_or_says_why_not():
    """A table added later fails this until it is in the archive or in the list above."""
    exported = {part.model.__tablename__ for part in export._PARTS}
    concerning = {table.name for table in SQLModel.metadata.sorted_tables if CONCERNS & set(table.c.keys())}
    assert concerning == exported | set(ELSEWHERE)
    assert not exported & set(ELSEWHERE)


async def test_what_an_admin_did_to_others_is_told_without_them(rt):
    """The admin's own export says that they changed a member, not whom."""
    where = await a_tenant(rt)
    async with rt.db.transaction(where.id) as db:
        anna, admin = await member(db, where, 7511), await member(db, where, 7512, Role.admin)
        await members.change(db, admin, anna.user_id, version=1, plan="plus")
    files, text = await exported(rt, admin)
    assert any(one["action"] == "member.change" and one["by_you"] for one in files["audit"])
    assert str(anna.user_id) not in text


async def test_a_person_without_a_group_gets_theirs_too(rt):
    """Who only pressed /start has a profile and lines of the trail."""
    async with rt.db.transaction() as db:
        stranger = await person(db, 7521, name="Kim")
        await sessions.start(db, stranger.user_id, device="x", now=rt.clock.now())
    files, _ = await exported(rt, stranger)
    assert files["profile"]["first_name"] == "Kim" and files["profile"]["membership"] is None
    assert files["questions"] == files["channels"] == [] and len(files["sessions"]) == 1
    assert [one["action"] for one in files["audit"]] == ["person.export"]


async def test_an_archive_is_made_while_it_is_sent(rt):
    """Many rows come in many pieces, so that nobody's data stands in memory as a whole."""
    where = await a_tenant(rt)
    async with rt.db.transaction(where.id) as db:
        invite = await invites.create(db, invites.operator(where.id))
        anna = await member(db, where, 7531)
        own = {"tenant_id": where.id, "user_id": anna.user_id, "door": "bot"}
        for n in range(1_200):
            db.add(Question(question=f"{invite.code} {n} {'x' * 300}", **own))
    pieces = [len(piece) async for piece in export.archive(rt, anna)]
    assert len([size for size in pieces if size]) >= 3


async def test_the_loop_is_not_kept_for_long(rt, monkeypatch):
    """However many rows of a kind there are, fifty at most are written before somebody else's turn."""
    where = await a_tenant(rt)
    async with rt.db.transaction(where.id) as db:
        anna = await member(db, where, 7541)
        own = {"tenant_id": where.id, "user_id": anna.user_id}
        db.add_all([Question(question=f"{n}", door="bot", **own) for n in range(300)])
        for n in range(300):
            message = {"message": {"from": {"id": 7541}, "text": f"Held {n}"}}
            db.add(BotUpdate(update_id=7_541_000 + n, payload=message, attempts=inbox.HELD))
    turns, written = 0, Counter()
    plain = export._json

    def counting(value):
        written[turns] += 1
        return plain(value)

    async def others():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(export, "_json", counting)
    waiting = asyncio.create_task(others())
    try:
        files, _ = await exported(rt, anna)
    finally:
        waiting.cancel()
    assert len(files["questions"]) == len(files["messages_not_processed"]) == 300
    assert max(written.values()) <= 50
