"""Flags and experiments: they change what the product does, for one group, and count without names."""

from collections import Counter
from uuid import uuid4

import pytest
from sqlmodel import col, select

from tests.corpus import a_channel, a_reader, a_tenant
from tests.people import member, tenant
from tg_assistant.core.answers import answers
from tg_assistant.core.answers.style import SHORT
from tg_assistant.core.messaging import outbox
from tg_assistant.core.retrieval import hybrid, indexing
from tg_assistant.core.rollout import experiments, flags
from tg_assistant.errors import Invalid, NotAllowed, NotFound
from tg_assistant.models import Notification, Role

NEWS = ["Лодочный мост закроют на ремонт до октября.", "В зоопарке родился белый медвежонок."]


async def town_with_admin(rt, telegram_id):
    where = await a_tenant(rt)
    channel = await a_channel(rt, where, NEWS)
    async with rt.db.transaction(where.id) as db:
        admin = await member(db, where, telegram_id, Role.admin)
    return where, channel, admin


async def test_a_flag_is_the_groups_own_and_admins_set_it(rt):
    """The default holds until it is set; other groups keep theirs; unknown names and users are refused."""
    async with rt.db.transaction() as db:
        here, there = await tenant(db, "A"), await tenant(db, "B")
        admin, plain = await member(db, here, 7301, Role.admin), await member(db, here, 7302)
        await flags.set_(db, admin, "search.semantic", False)
        assert not await flags.enabled(db, here.id, flags.SEMANTIC)
        assert await flags.enabled(db, there.id, flags.SEMANTIC)
        state = {one.flag.name: one for one in await flags.list_(db, admin)}
        assert not state["search.semantic"].enabled and state["answers.model"].changed_at is None
        await flags.forget(db, admin, "search.semantic")
        assert await flags.enabled(db, here.id, flags.SEMANTIC)
        for call in (flags.list_(db, plain), flags.set_(db, plain, "answers.model", False)):
            with pytest.raises(NotAllowed):
                await call
        with pytest.raises(NotFound):
            await flags.set_(db, admin, "no.such", True)


async def test_without_search_by_meaning_words_alone_are_found(rt):
    """A paraphrase is found with the flag on and not with it off."""
    where, channel, admin = await town_with_admin(rt, 7303)
    await indexing.index_dirty(rt, where.id)
    reader = await a_reader(rt, where, 7304, [channel.id])
    paraphrase = "a newborn bear cub"
    assert (await hybrid.search(rt, reader, paraphrase)).passages
    async with rt.db.transaction(where.id) as db:
        await flags.set_(db, admin, "search.semantic", False)
    assert not (await hybrid.search(rt, reader, paraphrase)).passages
    assert (await hybrid.search(rt, reader, "медвежонок")).passages


async def test_a_group_may_do_without_the_bots_messages(rt):
    """With the flag off nothing is owed to its people."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        admin, anna = await member(db, friends, 7305, Role.admin), await member(db, friends, 7306)
        await outbox.add(db, anna.user_id, "account.ended", tenant_id=friends.id)
        await flags.set_(db, admin, "bot.notifications", False)
        await outbox.add(db, anna.user_id, "account.ended", tenant_id=friends.id)
        owed = await db.exec(select(Notification).where(col(Notification.user_id) == anna.user_id))
        assert len(owed.all()) == 1


def test_assignment_is_stable_and_fair():
    """The same person always gets the same variant; shares are met; growing a share moves nobody."""
    people = [uuid4() for _ in range(4_000)]
    half = {who: experiments.assigned(experiments.LENGTH, who, 50) for who in people}
    counted = Counter(half.values())
    assert 1_800 < counted[None] < 2_200
    assert abs(counted["usual"] - counted["short"]) < 200
    whole = {who: experiments.assigned(experiments.LENGTH, who, 100) for who in people}
    assert None not in whole.values()
    assert all(whole[who] == variant for who, variant in half.items() if variant is not None)


async def test_an_experiment_changes_answers_and_counts_what_comes_of_it(rt, monkeypatch):
    """One variant gets shorter answers; both are counted, and so is asking again; a stop ends it."""
    where, channel, admin = await town_with_admin(rt, 7307)
    reader = await a_reader(rt, where, 7308, [channel.id])
    await indexing.index_dirty(rt, where.id)
    monkeypatch.setattr(experiments, "assigned", lambda trial, user_id, share: "short")
    async with rt.db.transaction(where.id) as db:
        await experiments.set_(db, admin, "answers.length", running=True, share=50)

    async def ask(question):
        done = [event async for event in answers.ask(rt, reader, question)][-1]
        assert len(done.sources) <= SHORT
        return done

    bridge = "До какого месяца закроют Лодочный мост?"
    assert not (await ask(bridge)).abstained
    await ask(bridge)
    async with rt.db.transaction(where.id) as db:
        state = next(one for one in await experiments.list_(db, admin))
        assert state.results["short"] == experiments.Sums(exposures=2, outcomes=1)
        assert state.results["usual"] == experiments.Sums() and state.share == 50
        await experiments.set_(db, admin, "answers.length", running=False)
    await ask(bridge)
    async with rt.db.transaction(where.id) as db:
        stopped = next(one for one in await experiments.list_(db, admin))
        assert stopped.started_at is None and stopped.results["short"].exposures == 2
        again = await experiments.set_(db, admin, "answers.length", running=True, share=100)
        assert again.results["short"] == experiments.Sums()


async def test_only_admins_run_declared_experiments(rt):
    """Users, unknown names and odd shares are refused."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        admin, plain = await member(db, friends, 7309, Role.admin), await member(db, friends, 7310)
        with pytest.raises(NotAllowed):
            await experiments.set_(db, plain, "answers.length", running=True)
        with pytest.raises(NotFound):
            await experiments.set_(db, admin, "no.such", running=True)
        with pytest.raises(Invalid):
            await experiments.set_(db, admin, "answers.length", running=True, share=0)
