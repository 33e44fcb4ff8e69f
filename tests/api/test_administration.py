"""The admin endpoints over REST: the own group alone, changes that hold at once and are written down."""

import pytest

from tests.corpus import a_channel, a_reader
from tests.people import member, tenant
from tg_assistant.core.retrieval import indexing
from tg_assistant.infra.postgres import jobs
from tg_assistant.models import Question, Role


@pytest.fixture(scope="module")
async def group(rt):
    """A group with an owner 8101, an admin 8102, and Anna 8103 who follows a public channel."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        await member(db, friends, 8101, Role.owner)
        await member(db, friends, 8102, Role.admin)
    channel = await a_channel(rt, friends, ["One post", "Another post"])
    anna = await a_reader(rt, friends, 8103, [channel.id])
    async with rt.db.transaction(friends.id) as db:
        db.add(
            Question(
                tenant_id=friends.id,
                user_id=anna.user_id,
                question="?",
                door="bot",
                abstained=True,
                milliseconds=7,
            )
        )
    return friends, channel, anna


@pytest.fixture(scope="module")
async def admin(group, sign_in):
    return await sign_in(8102)


async def test_members_are_found_and_changed(http, group, admin, sign_in):
    """A change holds with the person's next request; an old version is refused and says the new one."""
    found = (await http.get("/api/admin/users", params={"search": "8103"}, headers=admin)).json()["items"]
    assert [one["telegram_id"] for one in found] == [8103]
    at, version = f"/api/admin/users/{found[0]['id']}", found[0]["version"]
    anna = await sign_in(8103)
    changed = await http.patch(at, json={"version": version, "plan": "plus"}, headers=admin)
    assert changed.json()["version"] == version + 1
    mine = (await http.get("/api/users/8103/subscription", headers=anna)).json()
    assert mine == {
        "plan": "plus",
        "channels_limit": 100,
        "posts_limit": 50_000,
        "questions_per_day": 500,
        "expires_at": None,
    }
    late = await http.patch(at, json={"version": version, "disabled": True}, headers=admin)
    assert late.status_code == 409 and late.json()["version"] == version + 1
    assert "version 2" in late.json()["detail"]
    off = await http.patch(at, json={"version": version + 1, "disabled": True}, headers=admin)
    assert off.status_code == 200
    assert (await http.get("/api/users/me", headers=anna)).status_code in (401, 403)
    assert (
        await http.patch(at, json={"version": version + 2, "disabled": False}, headers=admin)
    ).status_code == 200
    disabled = await http.get("/api/admin/users", params={"disabled": "true"}, headers=admin)
    assert disabled.json()["items"] == []


async def test_a_persons_sessions_are_seen_and_ended(http, group, admin, sign_in):
    """Signed out by an admin means signed out with the next request; an owner's are the owner's."""
    anna, owner = await sign_in(8103), await sign_in(8101)
    listed = (await http.get("/api/admin/sessions", params={"limit": "100"}, headers=admin)).json()["items"]
    by_person = {one["telegram_id"]: one["id"] for one in reversed(listed)}
    assert {8101, 8102, 8103} <= set(by_person)
    ended = await http.delete(f"/api/admin/sessions/{by_person[8103]}", headers=admin)
    assert ended.status_code == 204
    assert (await http.get("/api/users/me", headers=anna)).status_code == 401
    refused = await http.delete(f"/api/admin/sessions/{by_person[8101]}", headers=admin)
    assert refused.status_code == 403
    assert (await http.get("/api/users/me", headers=owner)).status_code == 200
    first = (await http.get("/api/admin/sessions", params={"limit": "1"}, headers=admin)).json()
    rest = {"limit": "100", "cursor": first["next_cursor"]}
    others = (await http.get("/api/admin/sessions", params=rest, headers=admin)).json()["items"]
    assert first["items"][0]["id"] not in {one["id"] for one in others}


async def test_channels_are_shown_and_paused(http, rt, group, admin):
    """Numbers for all; the name of a private one that the admin does not read stays with its readers."""
    friends, channel, _ = group
    private = await a_channel(rt, friends, ["Secret"], number=77)
    async with rt.db.transaction(friends.id) as db:
        private.private, private.username = True, None
        await db.merge(private)
    listed = (await http.get("/api/admin/channels", headers=admin)).json()["items"]
    public, hidden = ({one["private"]: one for one in listed}[flag] for flag in (False, True))
    assert (public["title"], public["followers"], public["posts"]) == ("Channel 1", 1, 2)
    assert (hidden["title"], hidden["username"], hidden["posts"]) == (None, None, 1)
    found = await http.get("/api/admin/channels", params={"search": "Channel 77"}, headers=admin)
    assert found.json()["items"] == []
    at = f"/api/admin/channels/{channel.id}"
    for paused in (True, False):
        changed = await http.patch(at, json={"paused": paused}, headers=admin)
        assert changed.json()["paused"] is paused


async def test_held_jobs_are_decided_about(http, rt, group, admin, sign_in):
    """Shown without contents, tried again or given up; another group's do not exist."""
    friends, _, _ = group
    async with rt.db.transaction() as db:
        other = await tenant(db, "Others")
        await member(db, other, 8104, Role.admin)
        for where in (friends.id, friends.id, other.id):
            await jobs.enqueue(db, "no_such", {"tenant_id": str(where), "what": "SECRET"})

    async def explode(payload):
        raise ValueError("always")

    jobs_before, jobs._RETRIES = jobs._RETRIES, 0
    try:
        await jobs.run_worker(rt.db.url, {"no_such": explode}, drain=True)
    finally:
        jobs._RETRIES = jobs_before
    answer = await http.get("/api/admin/jobs", params={"status": "held"}, headers=admin)
    held = answer.json()["items"]
    assert len(held) == 2 and "SECRET" not in answer.text
    stranger = await sign_in(8104)
    for call in (http.delete, lambda at, **k: http.post(f"{at}/requeue", **k)):
        assert (await call(f"/api/admin/jobs/{held[0]['id']}", headers=stranger)).status_code == 404
    again = await http.post(f"/api/admin/jobs/{held[0]['id']}/requeue", headers=admin)
    gone = await http.delete(f"/api/admin/jobs/{held[1]['id']}", headers=admin)
    assert (again.status_code, gone.status_code) == (204, 204)
    waiting = await http.get("/api/admin/jobs", params={"status": "waiting"}, headers=admin)
    assert held[0]["id"] in [one["id"] for one in waiting.json()["items"]]
    assert (await http.get("/api/admin/jobs", params={"status": "held"}, headers=admin)).json()["items"] == []


async def test_the_trail_says_who_did_what(http, group, admin):
    """Filtered by the beginning of the action, in pages, the newest first."""
    await http.patch("/api/admin/flags/answers.model", json={"enabled": False}, headers=admin)
    await http.patch("/api/admin/flags/answers.model", json={"enabled": None}, headers=admin)
    query = {"action": "flag.", "limit": "1"}
    first = (await http.get("/api/admin/audit", params=query, headers=admin)).json()
    query["cursor"] = first["next_cursor"]
    second = (await http.get("/api/admin/audit", params=query, headers=admin)).json()
    assert [one["action"] for one in first["items"] + second["items"]] == ["flag.reset", "flag.set"]
    assert second["items"][0]["detail"] == {"enabled": False}
    me = (await http.get("/api/users/me", headers=admin)).json()
    assert first["items"][0]["user_id"] == me["id"]
    naive = await http.get("/api/admin/audit", params={"since": "2026-01-01T00:00:00"}, headers=admin)
    assert naive.status_code == 422


async def test_the_group_in_numbers(http, rt, group, admin):
    """Sums that add up."""
    await indexing.index_dirty(rt, group[0].id)
    stats = (await http.get("/api/admin/stats", headers=admin)).json()
    assert stats["members"] == 3 and sum(stats["members_by_plan"].values()) == 3
    assert stats["posts"] == stats["posts_indexed"] >= 2 and stats["channels"] >= 1
    assert (stats["questions_day"], stats["questions_week"]) == (1, 1)
    assert stats["questions_by_door_week"] == {"bot": 1}
    assert (stats["abstained_share"], stats["median_milliseconds"]) == (1.0, 7)


async def test_flags_experiments_and_retention(http, group, admin, sign_in):
    """Shown, set and reset; what is not declared does not exist; how long things are kept is the owner's."""
    flags = {one["name"]: one for one in (await http.get("/api/admin/flags", headers=admin)).json()["items"]}
    assert set(flags) == {"answers.model", "search.semantic", "bot.notifications"}
    off = await http.patch("/api/admin/flags/search.semantic", json={"enabled": False}, headers=admin)
    assert off.json()["enabled"] is False and off.json()["changed_at"]
    back = await http.patch("/api/admin/flags/search.semantic", json={"enabled": None}, headers=admin)
    assert back.json()["enabled"] is True
    unknown = await http.patch("/api/admin/flags/no.such", json={"enabled": True}, headers=admin)
    assert unknown.status_code == 404
    at = "/api/admin/experiments/answers.length"
    started = await http.patch(at, json={"running": True, "share": 20}, headers=admin)
    assert started.json()["share"] == 20 and started.json()["started_at"]
    assert started.json()["results"] == {v: {"exposures": 0, "outcomes": 0} for v in ("usual", "short")}
    assert (await http.patch(at, json={"running": False}, headers=admin)).json()["started_at"] is None
    owner = await sign_in(8101)
    refused = await http.patch("/api/admin/retention", json={"questions": 30}, headers=admin)
    assert refused.status_code == 403
    kept = await http.patch("/api/admin/retention", json={"questions": 30}, headers=owner)
    assert kept.json() == {
        "posts": 90,
        "questions": 30,
        "sign_ins": 90,
        "addresses": 30,
        "jobs": 7,
        "audit": 365,
    }
    reset = await http.patch("/api/admin/retention", json={"questions": None}, headers=owner)
    assert (
        reset.json()["questions"]
        == 90
        == (await http.get(at.replace("experiments/answers.length", "retention"), headers=admin)).json()[
            "questions"
        ]
    )
