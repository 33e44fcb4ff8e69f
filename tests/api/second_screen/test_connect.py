"""The second screen's page: previews spend nothing, one browser gets it, others get nothing."""

import re

from tests.people import member, tenant
from tg_assistant.core.accounts import logins


async def start(rt, telegram_id):
    async with rt.db.transaction() as db:
        actor = await member(db, await tenant(db), telegram_id)
    async with rt.db.transaction(actor.tenant) as db:
        return actor, await logins.start(db, actor, device="test")


async def test_looking_spends_nothing(http, rt):
    """Telegram fetches links for a preview: any number of GETs leave the link good."""
    _, started = await start(rt, 8301)
    for _ in range(3):
        page = await http.get(f"/tg/connect/{started.link_token}")
        assert page.status_code == 200 and "Anna" in page.text and "<form" in page.text
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert page.headers["referrer-policy"] == "strict-origin"  # its address is a key
    assert (await http.post(f"/tg/connect/{started.link_token}", data={"go": "1"})).status_code == 303


async def test_one_browser_gets_the_page(http, rt):
    """The first POST makes this browser the second screen; the link is then dead for all others."""
    _, started = await start(rt, 8302)
    http.cookies.clear()
    first = await http.post(f"/tg/connect/{started.link_token}", data={"go": "1"})
    cookie = first.headers["set-cookie"]
    assert (
        "HttpOnly" in cookie
        and "SameSite=strict" in cookie
        and started.link_token not in first.headers["location"]
    )
    http.cookies.clear()
    second = await http.post(f"/tg/connect/{started.link_token}", data={"go": "1"})
    assert second.status_code == 410 and "tga_connect" not in second.headers.get("set-cookie", "")
    assert (await http.get("/tg/connect/live/state")).status_code == 404
    token = re.search(r"tga_connect=([^;]+)", cookie)
    assert token is not None
    state = await http.get("/tg/connect/live/state", headers={"Cookie": f"tga_connect={token[1]}"})
    assert state.json()["status"] == "pending" and state.headers["cache-control"] == "no-store"


async def test_a_foreign_page_cannot_spend_or_cancel(http, rt):
    """A POST from another origin is refused."""
    _, started = await start(rt, 8303)
    evil = {"Origin": "https://evil.example"}
    assert (await http.post(f"/tg/connect/{started.link_token}", headers=evil)).status_code == 403
    assert (await http.post("/tg/connect/live/cancel", headers=evil)).status_code == 403


async def test_the_password_needs_the_pages_token(http, rt, sign_in):
    """A bearer of the same person cannot send a password: only the ordinary browser's page may."""
    _, started = await start(rt, 8304)
    http.cookies.clear()
    bearer = await sign_in(8304)
    http.cookies.clear()
    answer = await http.post(
        f"/api/tg/qr/password/{started.login.id}", json={"password": "hunter2"}, headers=bearer
    )
    assert answer.status_code == 404 and "hunter2" not in answer.text


async def test_unknown_links_are_a_page_in_words(http):
    """A made-up link answers a page that says how to get a good one."""
    page = await http.get("/tg/connect/" + "x" * 43, headers={"Accept-Language": "ru"})
    assert page.status_code == 404 and "начните заново" in page.text


async def test_qr_status_belongs_to_its_starter(http, rt, sign_in):
    """Another person's attempt answers as one that does not exist, at every alias."""
    _, started = await start(rt, 8305)
    async with rt.db.transaction() as db:
        await member(db, await tenant(db), 8306)
    http.cookies.clear()
    other, own = await sign_in(8306), await sign_in(8305)
    for prefix in ("/api/tg/qr", "/tg/qr", "/qr-auth"):
        address = f"{prefix}/status/{started.login.id}"
        assert (await http.get(address, headers=other)).status_code == 404
        assert (await http.get(address, headers=own)).json()["status"] == "pending"


async def test_the_page_of_an_ended_sign_in_says_so(http, rt, sign_in):
    """Signed out in the app: the open page, its state, its link and its buttons are gone, in words."""
    async with rt.db.transaction() as db:
        await member(db, await tenant(db), 8307)
    http.cookies.clear()
    own = await sign_in(8307)
    links = [
        (await http.post("/api/tg/qr/start", json={}, headers=own)).json()["connect_url"] for _ in range(2)
    ]
    links = ["/tg/connect/" + link.rpartition("/")[2] for link in links]
    http.cookies.clear()
    spent = await http.post(links[0], data={"go": "1"})
    cookie = {"Cookie": spent.headers["set-cookie"].partition(";")[0]}
    for path in ("/tg/connect/live", "/tg/connect/live/state"):
        assert (await http.get(path, headers=cookie)).status_code == 200
    assert (await http.post("/api/auth/logout", headers=own)).is_success
    said = {"Accept-Language": "en", **cookie}
    for answer in (
        await http.get("/tg/connect/live", headers=said),
        await http.get(links[1], headers=said),
        await http.post(links[1], data={"go": "1"}, headers=said),
        await http.post("/tg/connect/live/cancel", headers=said),
    ):
        assert answer.status_code == 410 and "Start again in the app" in answer.text
    assert (await http.get("/tg/connect/live/state", headers=cookie)).status_code == 410
