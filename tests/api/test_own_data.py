"""One's own profile, data and end: the export is a zip, the receipt is all that is left."""

import io
import json
import zipfile
from urllib.parse import quote

import pytest

from tests.followed import account
from tests.people import member, tenant
from tg_assistant.models import Role


@pytest.fixture(scope="module")
async def friends(rt):
    """Owner 8201, admin 8202, users 8203 and 8204."""
    async with rt.db.transaction() as db:
        made = await tenant(db)
        roles = (Role.owner, Role.admin, Role.user, Role.user)
        for n, role in enumerate(roles):
            await member(db, made, 8201 + n, role)
    return made


async def test_ones_own_profile(http, friends, sign_in):
    """By `me` and by Telegram id the same; the language can be chosen, and nothing else."""
    anna = await sign_in(8203)
    me = (await http.get("/api/users/me", headers=anna)).json()
    assert (me["telegram_id"], me["role"], me["tenant_id"]) == (8203, "user", str(friends.id))
    assert (await http.get("/api/users/8203", headers=anna)).json() == me
    changed = await http.patch("/api/users/8203", json={"language": "ru"}, headers=anna)
    assert changed.json()["language"] == "ru"
    for wish in ({"role": "owner"}, {"language": "en", "plan": "unlimited"}, {"language": "xx"}, {}):
        assert (await http.patch("/api/users/8203", json=wish, headers=anna)).status_code == 422, wish
    assert (await http.get("/api/users/me", headers=anna)).json()["role"] == "user"


async def test_admins_see_their_members_and_others_see_nobody(http, friends, sign_in):
    """Another's id answers as one that does not exist."""
    admin, anna, stranger = [await sign_in(n) for n in (8202, 8203, 8299)]
    assert (await http.get("/api/users/8203", headers=admin)).json()["telegram_id"] == 8203
    assert (await http.get("/api/users/8203/subscription", headers=admin)).json()["plan"] == "free"
    for who in (anna, stranger):
        for at in ("/api/users/8204", "/api/users/8204/subscription", "/api/users/424242"):
            answer = await http.get(at, headers=who)
            assert answer.status_code == 404 and answer.json()["code"] == "users.not_found"
    for odd in ("0", "-5", str(2**70), "99999999999999999999999999"):
        assert (await http.get(f"/api/users/{odd}", headers=anna)).status_code in (404, 422)
    assert (await http.get("/api/users/none/subscription", headers=anna)).status_code == 404


async def test_the_export_is_a_zip_of_json(http, friends, sign_in):
    """Streamed as an attachment that nobody keeps."""
    answer = await http.get("/api/users/me/export", headers=await sign_in(8203))
    assert answer.headers["content-type"] == "application/zip"
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert json.loads(archive.read("profile.json"))["telegram_id"] == 8203
        assert all(isinstance(json.loads(archive.read(name)), (list, dict)) for name in archive.namelist())


async def test_deletion_leaves_a_receipt_and_nothing_else(http, friends, sign_in):
    """The token is dead at once; who comes back is somebody new without a group."""
    kim = await sign_in(8204)
    receipt = await http.delete("/api/users/me", headers=kim)
    assert receipt.status_code == 200
    said = receipt.json()
    assert said["sessions"] >= 1 and said["group"] is False and said["id"] and said["deleted_at"]
    assert (await http.get("/api/users/me", headers=kim)).status_code == 401
    back = (await http.get("/api/users/me", headers=await sign_in(8204))).json()
    assert back["tenant_id"] is None


async def test_the_last_owner_is_told_what_to_do(http, friends, sign_in):
    """Refused with both ways out; the second way is taken with the group."""
    owner, anna = await sign_in(8201), await sign_in(8203)
    refused = await http.delete("/api/users/me", headers=owner)
    assert refused.status_code == 403 and refused.json()["code"] == "erasure.last_owner"
    assert "owner" in refused.json()["detail"] and "delete the group" in refused.json()["detail"]
    gone = await http.delete("/api/users/me", params={"with_group": "true"}, headers=owner)
    assert gone.json()["group"] is True
    left = (await http.get("/api/users/me", headers=anna)).json()
    assert left["tenant_id"] is None and left["role"] is None


async def test_a_log_out_that_telegram_has_not_confirmed(http, rt, sign_in):
    """Nobody works for Telegram here: 202 says that it is asked for, and the account is still listed."""
    async with rt.db.transaction() as db:
        actor = await member(db, await tenant(db), 8291)
    async with rt.db.transaction(actor.tenant) as db:
        linked = await account(db, actor)
    anna = await sign_in(8291)
    answer = await http.delete(f"/api/users/me/sessions/{linked.id}", headers=anna)
    assert answer.status_code == 202
    listed = (await http.get("/api/users/me/sessions", headers=anna)).json()["telegram"]
    assert [one["id"] for one in listed] == [str(linked.id)]


@pytest.mark.parametrize(
    "form", ["+{}", "0{}", "{}_", "8_203", " {}", "{} ", "{}.0", "-{}", "٨٢٠٣", "9" * 17]
)
async def test_a_telegram_id_has_one_form(http, sign_in, form):
    """What other readers take for the same number, another address is not."""
    anna = await sign_in(8292)
    path = quote(form.format(8292).replace("8_203", "8_292"))
    assert (await http.get(f"/api/users/{path}", headers=anna)).status_code == 422
    changed = await http.patch(f"/api/users/{path}", json={"language": "en"}, headers=anna)
    assert changed.status_code == 422
    assert (await http.get(f"/api/users/{path}/subscription", headers=anna)).status_code == 404
    assert (await http.delete(f"/api/admin/jobs/{path}", headers=anna)).status_code in (403, 422)
