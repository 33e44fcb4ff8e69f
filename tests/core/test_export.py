"""A person's export holds all of theirs, nothing of others and no secret."""

import io
import json
import zipfile

from tests.corpus import a_channel, a_reader, a_tenant
from tests.people import member, person
from tg_assistant.core import export, invites, members, notifications, sessions
from tg_assistant.models import Account, Question, Role, SignIn

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
    anna = await a_reader(rt, where, 7501, [channel.id])
    max_ = await a_reader(rt, where, 7502, [channel.id])
    own = {"tenant_id": where.id, "user_id": anna.user_id}
    async with rt.db.transaction(where.id) as db:
        admin = await member(db, where, 7503, Role.admin)
        for n in range(3):
            db.add(Question(question=f"What of {n}?", answer="«This»", door="bot", **own))
        db.add(Question(question=SECRETS[2], door="bot", tenant_id=where.id, user_id=max_.user_id))
        db.add(Account(telegram_id=7501, sealed_session=SECRETS[1].encode(), device="Phone", **own))
        db.add(SignIn(user_id=anna.user_id, address="203.0.113.7", device="Phone"))
        session = await sessions.start(db, anna.user_id, device="Phone", now=rt.clock.now())
        await notifications.add(db, anna.user_id, "account.connected", tenant_id=where.id)
        await members.change(db, admin, anna.user_id, version=1, plan="plus")
    return where, anna, max_, admin, session


async def test_everything_of_ones_own_and_nothing_else(rt, monkeypatch):
    """Each kind of data is a file; another's question, secrets and who acted on one stay out."""
    monkeypatch.setattr(export, "_BATCH", 2)
    where, anna, max_, admin, session = await a_life(rt)
    files, text = await exported(rt, anna)
    assert files["profile"]["telegram_id"] == 7501
    assert files["profile"]["membership"]["group"] == where.name
    assert sorted(one["question"] for one in files["questions"]) == [f"What of {n}?" for n in range(3)]
    assert [one["title"] for one in files["channels"]] == ["Channel 1"]
    assert [one["address"] for one in files["sign_ins"]] == ["203.0.113.7"]
    assert len(files["sessions"]) == len(files["telegram_accounts"]) == len(files["notifications"]) == 1
    assert len(files["invites_used"]) == 1
    done_to_me = next(one for one in files["audit"] if one["action"] == "member.change")
    assert done_to_me["by_you"] is False and done_to_me["detail"] == {"plan": "plus"}
    for secret in (*SECRETS, session.resume_secret, session.refresh_token, "hash", str(max_.user_id)):
        assert secret not in text
    assert str(admin.user_id) not in text


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
