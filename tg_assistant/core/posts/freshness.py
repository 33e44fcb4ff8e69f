"""How fresh posts are; has Telegram asked about those whose last comparison is too old to quote them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core.accounts import tasks
from tg_assistant.core.actor import Actor, scoped
from tg_assistant.core.channels import channels, comparisons, following
from tg_assistant.core.names import TaskKind
from tg_assistant.errors import AssistantError
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Comparison, Post

NEWEST_PROMISE, OLDER_PROMISE = timedelta(minutes=15), timedelta(days=1)
WAIT_SECONDS = 1.5
MAX_POSTS = 100  # what Telegram answers at once


@dataclass(frozen=True)
class Checked:
    """When each post was last compared with Telegram; `anew` are those for which that was just now.

    `changed`: some of them were edited or deleted, so what was made of them has to be made again.
    """

    at: dict[UUID, datetime]
    anew: frozenset[UUID] = frozenset()
    changed: bool = False


async def check(rt: Runtime, actor: Actor, post_ids: Sequence[UUID]) -> Checked:
    """Have the actor's account ask Telegram for those of the posts that are not as fresh as promised.

    Posts that the actor may not read are left out. Waits at most 1.5 s; without an answer, or without a
    connected account, the times are those of the last comparison.
    """
    actor.require()
    async with rt.db.transaction(actor.tenant) as db:
        posts = await _readable(db, actor, post_ids[:MAX_POSTS])
        states = await comparisons.of(db, {post.channel_id for post in posts})
    at = {post.id: _compared(post, states.get(post.channel_id)) for post in posts}
    now = rt.clock.now()
    stale = [post for post in posts if now - at[post.id] > _promise(post, states.get(post.channel_id))]
    try:
        result = await _ask(rt, actor, stale) if stale else {}
    except AssistantError:  # no account, FLOOD_WAIT, no access any more: nothing new is known
        result = {}
    anew = frozenset(post.id for post in stale if str(post.channel_id) in result.get("checked", ()))
    return Checked(at | dict.fromkeys(anew, rt.clock.now()), anew, bool(result.get("changed")))


async def _readable(db: AsyncSession, actor: Actor, post_ids: Sequence[UUID]) -> list[Post]:
    wanted = scoped(Post, actor).where(col(Post.id).in_(post_ids), col(Post.deleted_at).is_(None))
    posts = (await db.exec(wanted.order_by(col(Post.channel_id), col(Post.message_id)))).all()
    readable = await channels.readable_ids(db, actor, list({post.channel_id for post in posts}))
    return [post for post in posts if post.channel_id in readable]


async def _ask(rt: Runtime, actor: Actor, stale: Sequence[Post]) -> dict[str, Any]:
    """Return the result of the task: `checked` channels, and whether anything has `changed`."""
    wanted = {
        str(channel_id): [post.message_id for post in of_channel]
        for channel_id, of_channel in groupby(stale, key=lambda post: post.channel_id)
    }
    deadline = rt.clock.now() + timedelta(seconds=WAIT_SECONDS)
    async with rt.db.transaction(actor.tenant) as db:
        account = await following.own_account(db, actor)
        args = {"channels": wanted}
        task = await tasks.add(db, account.id, TaskKind.check, args, priority=10, deadline=deadline)
    done = await tasks.wait(rt, actor, task.id, seconds=WAIT_SECONDS)
    return tasks.outcome(done) if done is not None else {}


def _compared(post: Post, state: Comparison | None) -> datetime:
    """When the post was last compared, at the earliest when it was saved."""
    compared = comparisons.moment_of(state, post.message_id) if state else None
    return max(post.saved_at, compared) if compared else post.saved_at


def _promise(post: Post, state: Comparison | None) -> timedelta:
    """How old a comparison may be. A post among the newest is compared more often than an older one."""
    return OLDER_PROMISE if state and post.message_id < state.newest_low else NEWEST_PROMISE
