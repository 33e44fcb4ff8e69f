"""When a post was last compared with Telegram, as the passes through a channel go on."""

from datetime import timedelta

from tests.corpus import NOW, a_channel, a_tenant
from tg_assistant.core.channels import comparisons

HOUR = timedelta(hours=1)


async def compared_at(db, channel_id, message_ids):
    state = (await comparisons.of(db, [channel_id])).get(channel_id)
    return {id_: comparisons.moment_of(state, id_) if state else None for id_ in message_ids}


async def test_each_post_has_the_time_of_the_look_that_reached_it(rt):
    """The newest share one; of the older ones those reached by this pass are fresher than the rest."""
    tenant = await a_tenant(rt)
    channel, other = await a_channel(rt, tenant, []), await a_channel(rt, tenant, [], number=2)
    ids = [20, 95, 100]
    async with rt.db.transaction(tenant.id) as db:
        assert await compared_at(db, channel.id, ids) == dict.fromkeys(ids)
        await comparisons.keep(db, channel, newest_at=NOW, newest_low=100)
        assert await compared_at(db, channel.id, ids) == {20: None, 95: None, 100: NOW}
        await comparisons.keep(db, channel, older_below=90, older_since=NOW - HOUR)
        assert await compared_at(db, channel.id, ids) == {20: None, 95: NOW - HOUR, 100: NOW}
        ended = {"older_below": 0, "older_since": None, "older_before": NOW - HOUR}
        await comparisons.keep(db, channel, **ended)
        assert await compared_at(db, channel.id, ids) == {
            20: NOW - HOUR,
            95: NOW - HOUR,
            100: NOW,
        }
        assert await compared_at(db, other.id, ids) == dict.fromkeys(ids)


async def test_nothing_changed_is_as_good_as_compared(rt):
    """Only for channels that were compared before, and never back in time."""
    tenant = await a_tenant(rt)
    channel, other = await a_channel(rt, tenant, []), await a_channel(rt, tenant, [], number=2)
    async with rt.db.transaction(tenant.id) as db:
        await comparisons.keep(db, channel, newest_at=NOW, newest_low=1)
        await comparisons.unchanged(db, [channel.id, other.id], NOW + HOUR)
        await comparisons.unchanged(db, [channel.id, other.id], NOW - HOUR)
    async with rt.db.transaction(tenant.id) as db:
        found = await comparisons.of(db, [channel.id, other.id])
    assert {id_: state.newest_at for id_, state in found.items()} == {channel.id: NOW + HOUR}
