"""Known id ranges: whatever is added in whatever order, what is missing is found exactly."""

from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.corpus import a_channel, a_tenant
from tg_assistant.core.channels import known_ranges
from tg_assistant.core.channels.known_ranges import Range

spans = st.tuples(st.integers(1, 60), st.integers(0, 15)).map(lambda s: Range(s[0], min(60, s[0] + s[1])))


def ids(found: list[Range]) -> list[int]:
    return [id_ for span in found for id_ in range(span.low, span.high + 1)]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(added=st.lists(spans, max_size=12))
async def test_ranges_merge_and_gaps_are_their_complement(rt, added):
    """Against a plain set of ids: the same ids are known, ranges never touch, gaps are all the others."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, [])
    async with rt.db.transaction(tenant.id) as db:
        for span in added:
            await known_ranges.add(db, tenant.id, channel.id, span)
        known = await known_ranges.of(db, channel.id)
    expected = sorted({id_ for span in added for id_ in range(span.low, span.high + 1)})
    assert ids(known) == expected
    assert all(a.high + 1 < b.low for a, b in pairwise(known))
    assert sorted(ids(known_ranges.gaps(known, 60))) == sorted(set(range(1, 61)) - set(expected))


def test_gaps_come_newest_first_and_inner_ones_lie_above_the_oldest_known_id():
    """Backfill fills from the top; below the oldest known post only the depth limit decides."""
    known = [Range(10, 20), Range(31, 40)]
    assert known_ranges.gaps(known, 50) == [Range(41, 50), Range(21, 30), Range(1, 9)]
    assert known_ranges.inner_gaps(known, 50) == [Range(41, 50), Range(21, 30)]
    assert known_ranges.gaps([], 5) == [Range(1, 5)]
    assert known_ranges.inner_gaps([], 5) == []
