"""Following channels: who may add what, who may read what, and what remains when they stop."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col, delete, select

from tests.corpus import a_tenant
from tests.followed import account, follow, found, listed, open_tasks, page, post
from tests.people import member
from tg_assistant.core import plans
from tg_assistant.core.channels import backfill, channels, dialogs, following, known_ranges, reader_accounts
from tg_assistant.core.channels.known_ranges import Range
from tg_assistant.core.posts import ingestion, posts
from tg_assistant.core.privacy import purging
from tg_assistant.errors import AlreadyExists, Invalid, NotAllowed, NotFound
from tg_assistant.infra.postgres import jobs
from tg_assistant.models import (
    MAX_INDEX_ATTEMPTS,
    AccountStatus,
    AccountTask,
    Channel,
    Dialog,
    Membership,
    Notification,
    Post,
    Subscription,
)

_ids = iter(range(70_000, 90_000))


async def person(rt, tenant, *, connected=True):
    async with rt.db.transaction(tenant.id) as db:
        actor = await member(db, tenant, next(_ids))
        return actor, (await account(db, actor) if connected else None)


@pytest.fixture
async def tenant(rt):
    return await a_tenant(rt)


async def test_adding_writes_channel_subscription_and_first_task_at_once(rt, tenant):
    """A channel of the account's own list needs no look-up; its history is asked for in the same commit."""
    anna, linked = await person(rt, tenant)
    what = found(private=True, username=None)
    async with rt.db.transaction(tenant.id) as db:
        await listed(db, linked, what)
    added = await channels.add(rt, anna, telegram_id=what.telegram_id)
    assert added.channel is not None and added.task_id is None
    async with rt.db.transaction(tenant.id) as db:
        (task,) = await open_tasks(db, tenant)
        (followed,) = await channels.list_(db, anna)
    assert task.args == {"channel_id": str(added.channel.id)}
    assert followed.channel.private and not followed.progress.finished


async def test_a_known_public_channel_is_followed_by_its_id_without_asking_telegram(rt, tenant):
    """The second follower adds no look-up and no second backfill."""
    (anna, _), (max_, _) = await person(rt, tenant), await person(rt, tenant)
    async with rt.db.transaction(tenant.id) as db:
        channel = await follow(db, anna, found(username="Daily_News"))
    added = await channels.add(rt, max_, telegram_id=channel.telegram_id)
    assert added.channel is not None and added.channel.id == channel.id
    async with rt.db.transaction(tenant.id) as db:
        assert len(await open_tasks(db, tenant)) == 1
        assert await open_tasks(db, tenant, "resolve") == []


async def test_wrong_additions_are_refused_with_their_reason(rt, tenant):
    """No account, an id outside the own list, something already followed, nonsense."""
    stranger, _ = await person(rt, tenant, connected=False)
    anna, _ = await person(rt, tenant)
    async with rt.db.transaction(tenant.id) as db:
        channel = await follow(db, anna, found())
    with pytest.raises(NotAllowed, match=r"accounts\.not_connected"):
        await channels.add(rt, stranger, username=channel.username)
    with pytest.raises(NotFound, match=r"channels\.not_in_your_list"):
        await channels.add(rt, anna, telegram_id=4242)
    with pytest.raises(AlreadyExists, match=r"channels\.already_followed"):
        await channels.add(rt, anna, telegram_id=channel.telegram_id)
    with pytest.raises(Invalid, match=r"channels\.reference_too_long"):
        await channels.add(rt, anna, username="x" * 300)
    with pytest.raises(Invalid, match=r"channels\.empty_reference"):
        await channels.add(rt, anna)


async def test_another_persons_private_channel_cannot_be_added_by_its_id(rt, tenant):
    """Knowing the id of a private channel the tenant reads gives nothing."""
    (anna, linked), (max_, _) = await person(rt, tenant), await person(rt, tenant)
    what = found(private=True, username=None)
    async with rt.db.transaction(tenant.id) as db:
        await listed(db, linked, what)
    await channels.add(rt, anna, telegram_id=what.telegram_id)
    with pytest.raises(NotFound, match=r"channels\.not_in_your_list"):
        await channels.add(rt, max_, telegram_id=what.telegram_id)


async def test_the_plans_limit_says_how_many_of_how_many(rt, tenant, monkeypatch):
    """One more than the plan allows is refused with both numbers."""
    monkeypatch.setitem(plans.PLANS, "free", plans.Plan("free", 2, 100, 5))
    anna, _ = await person(rt, tenant)
    async with rt.db.transaction(tenant.id) as db:
        for _ in range(2):
            await follow(db, anna, found())
    with pytest.raises(NotAllowed, match=r"channels\.limit") as refused:
        await channels.add(rt, anna, username="one_more")
    assert refused.value.values == {"max": 2, "current": 2}


async def test_nobody_sees_or_touches_anothers_channels(rt, tenant):
    """Someone else's channel is the same as none, in the tenant and outside it."""
    anna, _ = await person(rt, tenant)
    async with rt.db.transaction(tenant.id) as db:
        channel = await follow(db, anna, found(private=True, username=None))
        await ingestion.save_live(db, channel.id, [post(1)], [1])
        (mine,) = (await posts.list_(db, anna)).items
    others = [(await person(rt, tenant))[0], (await person(rt, await a_tenant(rt)))[0]]
    for other in others:
        async with rt.db.transaction(other.tenant) as db:
            assert await channels.readable_ids(db, other, [channel.id]) == []
            assert (await posts.list_(db, other, [channel.id])).items == []
            for call in (
                channels.get(db, other, channel.id),
                channels.pause(db, other, channel.id, True),
                channels.remove(db, other, channel.id),
                channels.progress(db, other, channel.id),
                posts.get(db, other, mine.post.id),
            ):
                with pytest.raises(NotFound):
                    await call


async def test_lost_access_hides_at_once_and_only_from_who_lost_it(rt, tenant):
    """The one who lost the private channel reads nothing more and is told once; the other reads on."""
    (anna, hers), (max_, his) = await person(rt, tenant), await person(rt, tenant)
    what = found(private=True, username=None)
    async with rt.db.transaction(tenant.id) as db:
        channel = await follow(db, anna, what)
        await follow(db, max_, what)
        await ingestion.save_live(db, channel.id, [post(1)], [1])
        assert await channels.readable_ids(db, max_) == [channel.id]
    async with rt.db.transaction(tenant.id) as db:
        await channels.access_lost(db, hers.id, channel.id)
        await channels.access_lost(db, hers.id, channel.id)
    async with rt.db.transaction(tenant.id) as db:
        assert await channels.readable_ids(db, anna) == []
        assert (await posts.list_(db, anna)).items == []
        assert await channels.readable_ids(db, max_) == [channel.id]
        (shown,) = await channels.list_(db, anna)
        assert shown.progress.last_error == "channels.access_lost"
        told = (await db.exec(select(Notification).where(Notification.tenant_id == tenant.id))).all()
        assert [(note.user_id, note.code) for note in told] == [(anna.user_id, "channels.access_lost")]
        reader = await reader_accounts.of(db, await db.get_one(Channel, channel.id))
        assert reader is not None and reader.id == his.id


async def test_an_old_list_does_not_bring_lost_access_back(rt, tenant):
    """Removing the private channel and adding it again from the list read before shows nothing."""
    (anna, hers), (max_, _) = await person(rt, tenant), await person(rt, tenant)
    what = found(private=True, username=None)
    async with rt.db.transaction(tenant.id) as db:
        await listed(db, hers, what)
        channel = await follow(db, anna, what)
        await follow(db, max_, what)
        await channels.access_lost(db, hers.id, channel.id)
        await channels.remove(db, anna, channel.id)
    with pytest.raises(NotFound):
        await channels.add(rt, anna, telegram_id=what.telegram_id)


async def test_an_old_list_opens_a_private_channel_only_after_telegram_agreed(rt, tenant):
    """What another reads of it is not shown on the word of a list read yesterday, and is not called lost."""
    (anna, hers), (max_, _) = await person(rt, tenant), await person(rt, tenant)
    what = found(private=True, username=None)
    async with rt.db.transaction(tenant.id) as db:
        channel = await follow(db, max_, what)
        await ingestion.save_live(db, channel.id, [post(1)], [1])
        await listed(db, hers, what)
    await channels.add(rt, anna, telegram_id=what.telegram_id)
    async with rt.db.transaction(tenant.id) as db:
        assert await channels.readable_ids(db, anna) == []
        (shown,) = await channels.list_(db, anna)
        assert shown.progress.last_error is None
        assert channel.id in [each.id for each, *_ in await reader_accounts.looked_after(db, hers.id)]
        await following.confirm(db, hers.id, channel.id)
        assert await channels.readable_ids(db, anna) == [channel.id]


async def test_a_channel_made_private_is_hidden_from_who_has_no_access_of_their_own(rt, tenant):
    """Anna's list says that it has no public name any more: Max, who followed by the name, reads no more."""
    (anna, hers), (max_, _) = await person(rt, tenant), await person(rt, tenant)
    what = found()
    async with rt.db.transaction(tenant.id) as db:
        channel = await follow(db, anna, what)
        await following.follow(db, await following.own_account(db, max_), following.as_found(channel))
        assert await channels.readable_ids(db, max_) == [channel.id]
    async with rt.db.transaction(tenant.id) as db:
        now = {"title": "Members", "private": True, "access_hash": 7}
        row = Dialog(account_id=hers.id, tenant_id=tenant.id, telegram_id=what.telegram_id, **now)
        await dialogs.save(db, hers.id, [row])
    async with rt.db.transaction(tenant.id) as db:
        assert await channels.readable_ids(db, max_) == []
        assert [each.channel.title for each in await channels.list_(db, anna)] == ["Members"]
        assert await channels.readable_ids(db, anna) == [channel.id]


async def test_another_followers_account_takes_over_when_one_ends(rt, tenant):
    """The history goes on with whoever else has access; without anybody the channel says so."""
    (anna, hers), (max_, his) = await person(rt, tenant), await person(rt, tenant)
    what = found(private=True, username=None)
    async with rt.db.transaction(tenant.id) as db:
        channel = await follow(db, anna, what)
        await follow(db, max_, what)
        (task,) = await open_tasks(db, tenant)
        assert task.account_id == hers.id
        (await db.merge(hers)).status = AccountStatus.ended
    async with rt.db.transaction(tenant.id) as db:
        assert await backfill.plan_all(db, tenant.id) == 1
        assert his.id in {task.account_id for task in await open_tasks(db, tenant)}
        (await db.merge(his)).status = AccountStatus.ended
    async with rt.db.transaction(tenant.id) as db:
        assert await backfill.plan_all(db, tenant.id) == 0
        assert (await db.get_one(Channel, channel.id)).last_error == "channels.no_account"


async def test_removing_keeps_what_others_follow_and_purges_what_nobody_does(rt, tenant):
    """Posts go only with their last reader, and a purge that comes too late does nothing."""
    (anna, _), (max_, _) = await person(rt, tenant), await person(rt, tenant)
    what = found()
    async with rt.db.transaction(tenant.id) as db:
        channel = await follow(db, anna, what)
        await follow(db, max_, what)
        await ingestion.save_live(db, channel.id, [post(1)], [1])
        await channels.remove(db, anna, channel.id)
        assert not await jobs.waiting(db, "purge_channel", str(channel.id))
        await channels.remove(db, max_, channel.id)
        assert await jobs.waiting(db, "purge_channel", str(channel.id))
        await follow(db, max_, what)
    await purging.purge_channel(rt, tenant.id, channel.id)
    async with rt.db.transaction(tenant.id) as db:
        assert await channels.readable_ids(db, max_) == [channel.id]
        await channels.remove(db, max_, channel.id)
    await purging.purge_channel(rt, tenant.id, channel.id)
    await purging.purge_channel(rt, tenant.id, channel.id)
    async with rt.db.transaction(tenant.id) as db:
        assert (await db.exec(select(Post).where(Post.channel_id == channel.id))).all() == []
        assert await db.get(Channel, channel.id) is None


async def test_nobody_reads_by_the_account_of_somebody_switched_off(rt, tenant):
    """Their session asks Telegram nothing more for the group; switched on again it goes on."""
    anna, linked = await person(rt, tenant)
    async with rt.db.transaction(tenant.id) as db:
        channel = await follow(db, anna, found())
        membership = (await db.exec(select(Membership).where(Membership.user_id == anna.user_id))).one()
        for disabled in (True, False):
            membership.disabled = disabled
            db.add(membership)
            await db.flush()
            reader = await reader_accounts.of(db, await db.get_one(Channel, channel.id))
            assert (reader is None) == disabled
            assert (await reader_accounts.looked_after(db, linked.id) == []) == disabled


async def test_a_paused_channel_stays_readable_and_is_read_no_further(rt, tenant):
    """Pausing asks Telegram nothing more; resuming goes on."""
    anna, linked = await person(rt, tenant)
    async with rt.db.transaction(tenant.id) as db:
        channel = await follow(db, anna, found())
        await channels.pause(db, anna, channel.id, True)
        assert await reader_accounts.looked_after(db, linked.id) == []
        assert await backfill.followed(db, channel.id) is None
        assert await channels.readable_ids(db, anna) == [channel.id]
        await channels.pause(db, anna, channel.id, False)
        assert [found_.id for found_, *_ in await reader_accounts.looked_after(db, linked.id)] == [channel.id]


async def test_gaps_are_wanted_newest_first_and_the_past_until_the_plans_depth(rt, tenant, monkeypatch):
    """Holes above the oldest known post are always filled; below it the plan decides."""
    monkeypatch.setitem(plans.PLANS, "free", plans.Plan("free", 30, 150, 5))
    anna, _ = await person(rt, tenant)
    async with rt.db.transaction(tenant.id) as db:
        channel = await follow(db, anna, found())
        assert await backfill.wanted(db, channel) == backfill.Wanted(1, None)
        await ingestion.save_page(db, channel.id, page(Range(901, 1000)), [Range(901, 1000)], via="backfill")
        assert await backfill.wanted(db, channel) == backfill.Wanted(1, 900)
        await ingestion.save_live(db, channel.id, [post(1100)], [1100])
        assert await backfill.wanted(db, channel) == backfill.Wanted(1001, 1099)
        await known_ranges.add(db, tenant.id, channel.id, Range(1001, 1099))
        await ingestion.save_page(db, channel.id, page(Range(801, 900)), [Range(801, 900)], via="backfill")
        assert await backfill.wanted(db, channel) is None
        assert not await backfill.plan(db, channel)
        progress = await channels.progress(db, anna, channel.id)
    assert (progress.finished, progress.done, progress.total_estimate, progress.gaps) == (True, 201, 201, 0)
    assert (progress.known_low, progress.known_high, progress.eta_seconds) == (801, 1100, None)


async def test_older_history_waits_while_the_index_is_far_behind(rt, tenant, monkeypatch):
    """Neither live posts, gaps between posts nor a new channel's newest page do; held posts do not count."""
    monkeypatch.setattr(backfill, "INDEX_BEHIND", 100)
    anna, _ = await person(rt, tenant)
    async with rt.db.transaction(tenant.id) as db:
        channel = await follow(db, anna, found())
        [newest] = await open_tasks(db, tenant)

        async def planned(*ranges: Range) -> bool:
            for known in ranges:
                await ingestion.save_page(db, channel.id, page(known), [known], via="backfill")
            return await backfill.plan(db, channel, besides=newest.id)

        async def index(**values) -> None:
            await db.exec(update(Post).where(col(Post.channel_id) == channel.id).values(**values))

        assert await planned(Range(901, 1000))  # a hundred wait, and no more than that
        await db.exec(delete(AccountTask).where(col(AccountTask.id) != newest.id))
        assert not await planned(Range(801, 900))
        await ingestion.save_live(db, channel.id, [post(1100)], [1100])
        assert await planned()
        await db.exec(delete(AccountTask).where(col(AccountTask.id) != newest.id))
        assert not await planned(Range(1001, 1099))
        other = await follow(db, anna, found())
        assert [task.args["channel_id"] for task in await open_tasks(db, tenant) if task.id != newest.id] == [
            str(other.id)
        ]
        await index(index_attempts=MAX_INDEX_ATTEMPTS)
        assert await planned()
        await db.exec(delete(AccountTask).where(col(AccountTask.id) != newest.id))
        await index(index_attempts=0)
        assert await backfill.plan_all(db, tenant.id) == 1  # the other's newest page
        await index(indexed_generation=1)
        await db.exec(delete(AccountTask))
        assert await backfill.plan_all(db, tenant.id) == 2


async def test_progress_estimates_what_is_left_while_reading(rt, tenant):
    """Half of the ids known, each a post: about twice as many posts are expected, with a rate and an ETA."""
    anna, _ = await person(rt, tenant)
    async with rt.db.transaction(tenant.id) as db:
        channel = await follow(db, anna, found())
        await ingestion.save_page(db, channel.id, page(Range(501, 600)), [Range(501, 600)], via="backfill")
    async with rt.db.transaction(tenant.id) as db:
        progress = await channels.progress(db, anna, channel.id)
    assert (progress.done, progress.total_estimate, progress.finished) == (100, 600, False)
    assert progress.rate > 0
    assert progress.eta_seconds is not None and progress.eta_seconds > 0


async def test_posts_are_listed_in_pages_with_permalinks(rt, tenant):
    """Newest first, no post twice or left out between pages, deleted ones nowhere."""
    anna, _ = await person(rt, tenant)
    async with rt.db.transaction(tenant.id) as db:
        channel = await follow(db, anna, found(username="paged"))
        timed = [post(id_) for id_ in range(1, 26)]
        timed = [
            type(p)(p.message_id, p.posted_at + timedelta(hours=p.message_id // 3), p.text) for p in timed
        ]
        await ingestion.save_page(db, channel.id, timed, [Range(1, 25)], via="backfill")
        await ingestion.mark_deleted(db, channel.id, [13])
    seen, cursor = [], None
    async with rt.db.transaction(tenant.id) as db:
        while True:
            shown = await posts.list_(db, anna, limit=10, cursor=cursor)
            seen += shown.items
            cursor = shown.next_cursor
            if cursor is None:
                break
        with pytest.raises(Invalid, match=r"lists\.bad_cursor"):
            await posts.list_(db, anna, cursor="%%%")
    ids = [item.post.message_id for item in seen]
    assert sorted(ids) == [n for n in range(1, 26) if n != 13]
    assert [item.post.posted_at for item in seen] == sorted((i.post.posted_at for i in seen), reverse=True)
    assert seen[0].url.startswith("https://t.me/paged/")
    private = Channel(telegram_id=123, title="", private=True)
    assert posts.permalink(private, 5) == "https://t.me/c/123/5"


async def test_the_own_list_is_served_from_the_table(rt, tenant):
    """Telegram is asked once; the next look costs nothing."""
    anna, linked = await person(rt, tenant)
    async with rt.db.transaction(tenant.id) as db:
        await listed(db, linked, found(title="Mine"))
        (await db.merge(linked)).dialogs_at = rt.clock.now()
    shown: list[Dialog] = await dialogs.available(rt, anna)
    assert [dialog.title for dialog in shown] == ["Mine"]
    async with rt.db.transaction(tenant.id) as db:
        assert await open_tasks(db, tenant, "dialogs") == []
        assert (await db.exec(select(Subscription).where(Subscription.user_id == anna.user_id))).all() == []
