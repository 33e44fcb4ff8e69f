"""Feeds: private addresses for feed readers, which show what their owner may read at that moment."""

from email.utils import parsedate_to_datetime
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from tests.corpus import a_channel, a_tenant, incoming_post
from tests.people import member
from tg_assistant.core.exports.feed_documents import FeedForm, _Xml, document
from tg_assistant.core.exports.feeds import MAX_FEEDS, Fetched
from tg_assistant.core.posts import ingestion
from tg_assistant.core.posts.posts import ShownPost
from tg_assistant.models import Channel, Feed, Post, Role, Subscription

ATOM = "{http://www.w3.org/2005/Atom}"
TEXTS = [
    "Мост закрыт.\nДо мая <b>& дальше</b>",
    "The ferry leaves at 23:40",
    "\n\n  Третий пост \x0b о мосте",
]
ANNA, BORIS, CHIEF = 8_401, 8_402, 8_403


@pytest.fixture(scope="module")
async def town(rt):
    """Anna and Boris follow a channel; another one is followed by Boris alone."""
    where = await a_tenant(rt)
    channel = await a_channel(rt, where, TEXTS, number=41)
    other = await a_channel(rt, where, ["Секретный мост"], number=42)
    async with rt.db.transaction(where.id) as db:
        people = [await member(db, where, n) for n in (ANNA, BORIS)]
        await member(db, where, CHIEF, Role.owner)
        for person, follows in zip(people, ([channel], [channel, other]), strict=True):
            for each in follows:
                db.add(Subscription(user_id=person.user_id, channel_id=each.id, tenant_id=where.id))
    return channel, other, people


async def made(http, own, **body):
    answer = await http.post("/api/feeds", json=body, headers=own)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def fetched(http, url, **headers):
    return await http.get(url.removeprefix("http://127.0.0.1:8000"), headers=headers)


async def test_a_channel_as_rss_and_atom(http, town, sign_in):
    """Both are well-formed, newest first, each post with its link; its markup stays text."""
    channel, *_ = town
    feed = await made(http, await sign_in(ANNA), channel_id=str(channel.id))
    answer = await fetched(http, feed["url"])
    assert answer.headers["content-type"].startswith("application/rss+xml")
    items = ElementTree.fromstring(answer.content).findall("channel/item")
    assert [each.findtext("link") for each in items] == [f"https://t.me/channel_41/{n}" for n in (3, 2, 1)]
    assert items[2].findtext("title") == "Мост закрыт."
    assert items[2].findtext("description") == "Мост закрыт.<br>\nДо мая &lt;b&gt;&amp; дальше&lt;/b&gt;"
    assert items[0].findtext("title") == "Третий пост \ufffd о мосте"
    answer = await fetched(http, feed["atom_url"])
    assert answer.headers["content-type"].startswith("application/atom+xml")
    root = ElementTree.fromstring(answer.content)
    assert root.findtext(f"{ATOM}title") == "Channel 41"
    assert [each.findtext(f"{ATOM}title") for each in root.findall(f"{ATOM}entry")][1] == TEXTS[1]
    assert feed["url"].rpartition("/")[2] not in answer.text


async def test_a_search_as_a_feed(http, town, sign_in):
    """The newest posts with all its words, of the owner's own channels."""
    feed = await made(http, await sign_in(ANNA), query="мост")
    answer = await fetched(http, feed["url"])
    assert answer.text.count("<item>") == 2 and "Секретный" not in answer.text


async def test_nothing_new_costs_nothing(http, rt, town, sign_in):
    """By tag or by time 304 without a body; an edit, a new post and a deletion are each a new version."""
    channel, *_ = town
    url = (await made(http, await sign_in(ANNA), channel_id=str(channel.id)))["url"]
    first = await fetched(http, url)
    tag, when = first.headers["etag"], first.headers["last-modified"]
    assert parsedate_to_datetime(when) and first.headers["cache-control"] == "private, no-cache"
    for given_ in ({"If-None-Match": f'"x", W/{tag}'}, {"If-Modified-Since": when}, {"If-None-Match": "*"}):
        same = await fetched(http, url, **given_)
        assert (same.status_code, same.content) == (304, b""), given_
        assert same.headers["etag"] == tag
    assert (await fetched(http, url, **{"If-Modified-Since": "yesterday"})).status_code == 200
    assert (await fetched(http, f"{url}?format=atom", **{"If-None-Match": tag})).status_code == 200
    for change in ("edit", "new", "delete"):
        async with rt.db.transaction(channel.tenant_id) as db:
            if change == "delete":
                query = select(Post).where(col(Post.channel_id) == channel.id, Post.message_id == 4)
                (await db.exec(query)).one().deleted_at = rt.clock.now()
            else:
                number = 4 if change == "new" else 2
                post = incoming_post(number, f"{change}: now at 23:50", edited_at=rt.clock.now())
                await ingestion.save_page(db, channel.id, [post], [], via="live")
        answer = await fetched(http, url, **{"If-None-Match": tag})
        assert answer.status_code == 200, change
        assert answer.headers["etag"] != tag, change
        tag = answer.headers["etag"]


async def test_they_are_listed_and_ended(http, town, sign_in, rt):
    """Without the address, which only its hash is kept of; an ended one answers like one that never was."""
    channel, *_ = town
    own, other = await sign_in(BORIS), await sign_in(ANNA)
    feed = await made(http, own, channel_id=str(channel.id))
    await fetched(http, feed["url"])
    [listed] = (await http.get("/api/feeds", headers=own)).json()["items"]
    assert (listed["id"], listed["title"], listed["query"]) == (feed["id"], "Channel 41", None)
    assert listed["last_used_at"] and feed["url"].rpartition("/")[2] not in str(listed)
    async with rt.db.transaction(channel.tenant_id) as db:
        kept = (await db.exec(select(Feed))).all()
    assert feed["url"].rpartition("/")[2] not in str([row.model_dump() for row in kept])
    assert (await http.delete(f"/api/feeds/{feed['id']}", headers=other)).status_code == 404
    assert (await http.delete(f"/api/feeds/{feed['id']}", headers=own)).status_code == 204
    for url in (feed["url"], "/feeds/nothing", "/feeds/" + "x" * 5_000):
        gone = await fetched(http, url)
        assert (gone.status_code, gone.json()["code"]) == (404, "feeds.not_found")
    assert (await http.get("/api/feeds", headers=own)).json()["items"] == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "feeds.of_one"),
        ({"query": "?!"}, 422, "search.empty"),
        ({"query": "x", "channel_id": "00000000-0000-0000-0000-000000000001"}, 422, "feeds.of_one"),
        ({"channel_id": "00000000-0000-0000-0000-000000000001"}, 404, "channels.not_found"),
    ],
)
async def test_what_no_feed_can_be_of(http, town, sign_in, body, status, code):
    """Each refused in its own words."""
    answer = await http.post("/api/feeds", json=body, headers=await sign_in(ANNA))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_what_may_not_be_read_is_not_shown(http, rt, town, sign_in):
    """A channel one does not follow has no feed; one that is no longer followed ends its showing at once."""
    _, other, _ = town
    refused = await http.post("/api/feeds", json={"channel_id": str(other.id)}, headers=await sign_in(ANNA))
    assert (refused.status_code, refused.json()["code"]) == (404, "channels.not_found")
    own = await sign_in(BORIS)
    feed, found = await made(http, own, channel_id=str(other.id)), await made(http, own, query="секретный")
    assert "Секретный" in (await fetched(http, feed["url"])).text
    assert "Секретный" in (await fetched(http, found["url"])).text
    assert (await http.delete(f"/api/channels/{other.id}", headers=own)).status_code == 204
    assert (await fetched(http, feed["url"])).status_code == 404
    assert "Секретный" not in (await fetched(http, found["url"])).text


async def test_so_many_and_no_more(http, town, sign_in):
    """Twenty at a time; ending one makes room."""
    own = await sign_in(ANNA)
    before = (await http.get("/api/feeds", headers=own)).json()["items"]
    for n in range(MAX_FEEDS - len(before)):
        await made(http, own, query=f"word{n}")
    full = await http.post("/api/feeds", json={"query": "more"}, headers=own)
    assert (full.status_code, full.json()["code"], full.json()["max"]) == (403, "feeds.limit", MAX_FEEDS)
    for each in (await http.get("/api/feeds", headers=own)).json()["items"]:
        assert (await http.delete(f"/api/feeds/{each['id']}", headers=own)).status_code == 204
    await made(http, own, query="more")


async def test_who_is_switched_off_loses_them_for_good(http, rt, town, sign_in):
    """Like sessions: being switched on again brings none back."""
    channel, *_ = town
    feed = await made(http, await sign_in(BORIS), channel_id=str(channel.id))
    chief = await sign_in(CHIEF)
    listed = (await http.get("/api/admin/users", headers=chief)).json()["items"]
    [boris] = [each for each in listed if each["telegram_id"] == BORIS]
    for disabled in (True, False):
        change = {"version": boris["version"] + (not disabled), "disabled": disabled}
        answer = await http.patch(f"/api/admin/users/{boris['id']}", json=change, headers=chief)
        assert answer.status_code == 200, answer.text
        assert (await fetched(http, feed["url"])).status_code == 404, disabled


def shown(text, media=None):
    channel = Channel(telegram_id=1, title=text or "x")
    post = Post(message_id=1, text=text, media=media)
    post.posted_at = post.edited_at = parsedate_to_datetime("Mon, 30 Nov 2026 09:00:00 +0000")
    return ShownPost(post, channel, "https://t.me/c/1/1?a=1&b=2")


@given(st.text(st.characters(codec=None), max_size=200), st.sampled_from(list(FeedForm)))
def test_whatever_a_post_says_the_document_is_well_formed(text, form):
    """Control characters, lone surrogates, `]]>`, markup: a parser reads it."""
    one = shown(text, "photo")
    made_ = document(Fetched(one.post.id, text, "ru", [one], b"", one.post.posted_at), form)
    root = ElementTree.fromstring(made_)
    assert any(each.text == "https://t.me/c/1/1?a=1&b=2" or each.get("href") for each in root.iter())


def test_an_empty_post_is_called_by_its_kind():
    """A photo without a caption has a title, too."""
    one = shown("", "photo")
    made_ = document(Fetched(one.post.id, "x", "en", [one], b"", one.post.posted_at), FeedForm.rss)
    assert ElementTree.fromstring(made_).findtext("channel/item/title") == "photo"
    assert _Xml().written().startswith(b"<?xml")
