"""Saving: any order and any number of repeats of what Telegram tells end in the same, right rows."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from tests.corpus import NOW, a_channel, a_reader, a_tenant, stored
from tests.followed import page, post
from tg_assistant.core.channels import known_ranges
from tg_assistant.core.channels.known_ranges import Range
from tg_assistant.core.posts import ingestion, posts
from tg_assistant.core.posts.ingestion import IncomingPost
from tg_assistant.errors import NotFound
from tg_assistant.infra.postgres import jobs
from tg_assistant.models import Channel, Post, PostVersion


def version(message_id: int, n: int) -> IncomingPost:
    """The message as it stood after its n-th edit."""
    return post(message_id, f"v{n}", edited_at=NOW + timedelta(seconds=n) if n else None)


# What may be told of one message: its n-th version, or (None) its deletion
told = st.lists(
    st.tuples(st.integers(1, 4), st.one_of(st.none(), st.integers(0, 5))), min_size=1, max_size=25
)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=told)
async def test_any_order_of_new_edit_and_delete_converges(rt, told):
    """The newest version told of stands, unless a deletion was told of: then the post stays deleted."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, [])
    for message_id, n in told:
        async with rt.db.transaction(tenant.id) as db:
            if n is None:
                await ingestion.mark_deleted(db, channel.id, [message_id])
            else:
                await ingestion.save_live(db, channel.id, [version(message_id, n)], [message_id])
    found = await stored(rt, channel)
    for message_id in {id_ for id_, _ in told}:
        versions = [n for id_, n in told if id_ == message_id]
        row = found[message_id]
        assert (row.deleted_at is not None) == (None in versions)
        if None not in versions:
            assert row.text == f"v{max(n for n in versions if n is not None)}"
    assert Counter(id_ for id_ in found) == Counter({id_ for id_, _ in told})


async def test_what_cannot_be_stored_is_replaced(rt):
    """A NUL or half a character, wherever a post has texts, stops no page; told again it changes nothing."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, [])
    odd = post(1, "a\0b \ud83d", links=["https://x/\0"], forward_title="\udfff F")
    for new in (2, 0):
        async with rt.db.transaction(tenant.id) as db:
            saved = await ingestion.save_live(db, channel.id, [odd, post(2, "plain")], [1, 2])
        assert (saved.new, saved.changed) == (new, 0)
    row = (await stored(rt, channel))[1]
    assert (row.text, row.links, row.forward_title) == ("a\ufffdb \ufffd", ["https://x/\ufffd"], "\ufffd F")


async def test_a_repeated_page_changes_nothing(rt):
    """A killed backfill reads its last page again: no duplicate, no version, nothing dirty."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, [])
    async with rt.db.transaction(tenant.id) as db:
        first = await ingestion.save_page(
            db, channel.id, page(Range(1, 100)), [Range(1, 100)], via="backfill"
        )
    async with rt.db.transaction(tenant.id) as db:
        for row in await db.exec(select(Post).where(Post.channel_id == channel.id)):
            row.indexed_generation = 1
    async with rt.db.transaction(tenant.id) as db:
        again = await ingestion.save_page(
            db, channel.id, page(Range(1, 100)), [Range(1, 100)], via="backfill"
        )
    assert (first.new, again.new, again.changed) == (100, 0, 0)
    assert all(row.indexed_generation == 1 for row in (await stored(rt, channel)).values())
    async with rt.db.transaction(tenant.id) as db:
        assert await known_ranges.of(db, channel.id) == [Range(1, 100)]


async def test_an_edit_keeps_the_old_text_and_marks_the_post_dirty(rt):
    """Earlier texts stay readable, and the index takes the new one."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, [])
    async with rt.db.transaction(tenant.id) as db:
        await ingestion.save_live(db, channel.id, [version(1, 0)], [1])
    async with rt.db.transaction(tenant.id) as db:
        row = (await db.exec(select(Post).where(Post.channel_id == channel.id))).one()
        row.indexed_generation = 1
    async with rt.db.transaction(tenant.id) as db:
        saved = await ingestion.save_live(db, channel.id, [version(1, 2)], [1])
        stale = await ingestion.save_live(db, channel.id, [version(1, 1)], [1])
    assert (saved.changed, stale.changed) == (1, 0)
    row = (await stored(rt, channel))[1]
    assert (row.text, row.version, row.indexed_generation) == ("v2", 2, 0)
    async with rt.db.transaction(tenant.id) as db:
        old = (await db.exec(select(PostVersion).where(PostVersion.post_id == row.id))).one()
    assert (old.version, old.text) == (1, "v0")


async def test_of_many_edits_the_first_text_and_the_newest_are_kept(rt):
    """A post that is edited all day does not fill the database; another one's versions stay."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, [])
    reader = await a_reader(rt, tenant, 61_077, [channel.id])
    async with rt.db.transaction(tenant.id) as db:
        await ingestion.save_live(db, channel.id, [version(1, 0), version(2, 0)], [1, 2])
    for n in range(1, 41):
        edited = [version(1, n), *([version(2, n)] if n <= 20 else [])]
        async with rt.db.transaction(tenant.id) as db:
            await ingestion.save_live(db, channel.id, edited, [each.message_id for each in edited])
    rows = await stored(rt, channel)
    kept = {1: ["v0", *(f"v{n}" for n in range(21, 40))], 2: [f"v{n}" for n in range(20)]}
    async with rt.db.transaction(tenant.id) as db:
        for message_id, row in rows.items():
            query = select(PostVersion).where(PostVersion.post_id == row.id).order_by(PostVersion.version)
            assert [old.text for old in await db.exec(query)] == kept[message_id]
        shown = await posts.versions(db, reader, [row.id for row in rows.values()])
    assert {id_: [old.text for old in shown[row.id]] for id_, row in rows.items()} == kept


async def test_no_more_are_read_of_what_was_kept_before(rt):
    """Rows of a time without the limit."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, ["news"])
    reader = await a_reader(rt, tenant, 61_078, [channel.id])
    async with rt.db.transaction(tenant.id) as db:
        row = (await db.exec(select(Post).where(Post.channel_id == channel.id))).one()
        row.version = 501
        for n in range(1, 501):
            db.add(PostVersion(post_id=row.id, version=n, tenant_id=tenant.id, text=f"v{n}"))
    async with rt.db.transaction(tenant.id) as db:
        shown = (await posts.get(db, reader, row.id)).versions
    assert [old.version for old in shown] == [1, *range(482, 501)]


async def test_a_view_count_alone_makes_nothing_dirty(rt):
    """Views change all the time; the index does not care."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, [])
    async with rt.db.transaction(tenant.id) as db:
        await ingestion.save_live(db, channel.id, [post(1, views=1)], [1])
    async with rt.db.transaction(tenant.id) as db:
        (row,) = await db.exec(select(Post).where(Post.channel_id == channel.id))
        row.indexed_generation = 3
    async with rt.db.transaction(tenant.id) as db:
        await ingestion.save_live(db, channel.id, [post(1, views=900)], [1])
    row = (await stored(rt, channel))[1]
    assert (row.views, row.indexed_generation) == (900, 3)


async def test_saving_and_its_job_are_one_transaction(rt):
    """A rollback leaves neither post nor range nor job."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, [])
    with pytest.raises(RuntimeError):
        async with rt.db.transaction(tenant.id) as db:
            await ingestion.save_page(db, channel.id, page(Range(1, 3)), [Range(1, 3)], via="backfill")
            assert await jobs.waiting(db, "index", str(tenant.id))
            raise RuntimeError
    assert await stored(rt, channel) == {}
    async with rt.db.transaction(tenant.id) as db:
        assert await known_ranges.of(db, channel.id) == []
        assert not await jobs.waiting(db, "index", str(tenant.id))


async def test_a_channel_purged_meanwhile_refuses_the_page(rt):
    """A page read for a channel that is gone ends in NotFound, not in orphaned rows."""
    tenant = await a_tenant(rt)
    gone = await a_channel(rt, tenant, [])
    async with rt.db.transaction(tenant.id) as db:
        await db.delete(gone)
    with pytest.raises(NotFound):
        async with rt.db.transaction(tenant.id) as db:
            await ingestion.save_live(db, gone.id, [version(1, 0)], [1])


async def test_a_bulk_of_live_posts_leaves_their_holes_open(rt):
    """Ids nobody told of stay unknown between those that were."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, [])
    async with rt.db.transaction(tenant.id) as db:
        await ingestion.save_live(db, channel.id, [post(5), post(9)], [5, 6, 9])
        assert await known_ranges.of(db, channel.id) == [Range(5, 6), Range(9, 9)]
    async with rt.db.transaction(tenant.id) as db:
        assert (await db.get_one(Channel, channel.id)).top_message_id == 9


async def test_an_edit_of_what_is_older_than_all_known_makes_nothing_known(rt):
    """One reaction to post 5 of 11,000 must not have all history down to it read; a stored post is edited."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, {90: "stored"})
    async with rt.db.transaction(tenant.id) as db:
        await ingestion.save_page(db, channel.id, [post(100)], [Range(95, 100)], via="backfill")
        edits = [post(id_, f"edited {id_}", edited_at=NOW) for id_ in (5, 90, 97, 103)]
        await ingestion.save_live(db, channel.id, [*edits, post(104)], [104])
        assert await known_ranges.of(db, channel.id) == [Range(95, 100), Range(104, 104)]
    texts = {id_: row.text for id_, row in (await stored(rt, channel)).items()}
    assert texts.keys() == {90, 97, 100, 103, 104}
    assert (texts[90], texts[97]) == ("edited 90", "edited 97")


async def test_what_telegram_shows_long_after_its_deletion_comes_back(rt):
    """Deleted by mistake, or a tombstone; not by an answer of before, nor of the same moment."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, {1: "one"})
    async with rt.db.transaction(tenant.id) as db:
        await ingestion.mark_deleted(db, channel.id, [1, 2])
    at = (await stored(rt, channel))[1].deleted_at
    assert at is not None
    shown = [post(1, "one"), post(2, "two", edited_at=NOW)]
    for seen_at, there in ((None, False), (at, False), (at + ingestion.REVIVE_AFTER, True)):
        async with rt.db.transaction(tenant.id) as db:
            await ingestion.save_page(db, channel.id, shown, [], via="reconcile", seen_at=seen_at)
        rows = await stored(rt, channel)
        assert [rows[id_].deleted_at is None for id_ in (1, 2)] == [there, there]
    assert [(row.text, row.version, row.indexed_generation) for row in (rows[1], rows[2])] == [
        ("one", 1, 0),
        ("two", 1, 0),
    ]
    assert rows[2].posted_at == shown[1].posted_at


RISE = "Цены вырастут на 50 000."
DENIED = f"{RISE} Это неправда, цены не изменятся."
STRUCK = [{"kind": "strikethrough", "offset": 0, "length": len(RISE)}]


async def saved(rt, channel, *incoming) -> tuple[ingestion.Saved, Post]:
    async with rt.db.transaction(channel.tenant_id) as db:
        done = await ingestion.save_live(db, channel.id, incoming, [one.message_id for one in incoming])
    return done, (await stored(rt, channel))[1]


async def indexed(rt, channel) -> None:
    async with rt.db.transaction(channel.tenant_id) as db:
        for row in await db.exec(select(Post).where(Post.channel_id == channel.id)):
            row.indexed_generation = 1


async def test_an_edit_of_the_formatting_is_an_edit(rt):
    """Striking a sentence out makes a version and changes what is said; making it bold only a version."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, [])
    await saved(rt, channel, post(1, DENIED))
    await indexed(rt, channel)
    later = {"edited_at": NOW + timedelta(seconds=1)}
    done, row = await saved(rt, channel, post(1, DENIED, entities=STRUCK, **later))
    assert (done.changed, row.version, row.indexed_generation) == (1, 2, 0)
    assert (row.text, row.said) == (DENIED, "Это неправда, цены не изменятся.")
    await indexed(rt, channel)
    bold = [*STRUCK, {"kind": "bold", "offset": 30, "length": 4}]
    done, row = await saved(rt, channel, post(1, DENIED, entities=bold, edited_at=NOW + timedelta(seconds=2)))
    assert (done.changed, row.version, row.indexed_generation) == (1, 3, 1)
    done, row = await saved(rt, channel, post(1, DENIED, entities=bold, edited_at=NOW + timedelta(seconds=2)))
    assert (done.changed, row.version) == (0, 3)
    async with rt.db.transaction(tenant.id) as db:
        query = select(PostVersion).where(PostVersion.post_id == row.id)
        before = {version.version: version.entities for version in await db.exec(query)}
    assert before == {1: [], 2: STRUCK}


async def test_formatting_of_an_old_post_is_indexed_once_and_is_no_edit(rt):
    """Read before formatting was stored, it is read again: what is struck out is not said any more."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, [])
    await saved(rt, channel, post(1, DENIED))
    async with rt.db.transaction(tenant.id) as db:
        for row in await db.exec(select(Post).where(Post.channel_id == channel.id)):
            row.entities, row.indexed_generation = None, 1
    done, row = await saved(rt, channel, post(1, DENIED, entities=STRUCK))
    assert (done.changed, row.version, row.indexed_generation) == (1, 1, 0)
    await indexed(rt, channel)
    done, row = await saved(rt, channel, post(1, DENIED, entities=STRUCK))
    assert (done.changed, row.version, row.indexed_generation) == (0, 1, 1)


async def test_votes_and_previews_are_said_and_are_no_edit(rt):
    """They come from others: indexed again, without a version; counts change nothing but themselves."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, [])
    poll = {"origin": "poll", "text": "Опрос: Едем? Варианты ответа: да; нет"}
    _, first = await saved(rt, channel, post(1, "Решаем", parts=[poll], views=1))
    await indexed(rt, channel)
    votes = {"origin": "poll_results", "text": "Голоса: да — 3"}
    done, row = await saved(rt, channel, post(1, "Решаем", parts=[poll, votes], views=1))
    assert (done.changed, row.version, row.indexed_generation) == (1, 1, 0)
    assert "Голоса: да — 3" in row.said and row.said.startswith("Решаем\nОпрос: Едем?")
    assert row.counted_at == first.counted_at
    await indexed(rt, channel)
    more = post(1, "Решаем", parts=[poll, votes], views=2, reactions=[{"emoji": "👍", "count": 1}])
    done, row = await saved(rt, channel, more)
    assert (done.changed, row.version, row.indexed_generation, row.views) == (0, 1, 1, 2)
    assert row.counted_at is not None and first.counted_at is not None and row.counted_at > first.counted_at
    other = {**poll, "text": "Опрос: Едем? Варианты ответа: да; нет; завтра"}
    done, row = await saved(rt, channel, post(1, "Решаем", parts=[other], views=2))
    assert row.version == 2
