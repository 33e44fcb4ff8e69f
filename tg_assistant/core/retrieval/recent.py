"""The posts of a span of time, the newest first, copies collapsed: what is new, without a subject."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import channels
from tg_assistant.core.retrieval import copies
from tg_assistant.core.retrieval.passages import Passage, origin_of, place_of
from tg_assistant.core.retrieval.scope import Wanted, scope
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Channel, Post

READ = 600  # newest posts of a span that are read


@dataclass(frozen=True)
class Recent:
    """`passages` are the newest first, copies collapsed, their score 0; `posts` counts all with text."""

    passages: list[Passage]
    posts: int


async def posted(rt: Runtime, actor: Actor, wanted: Wanted) -> Recent:
    """Return the posts within what is wanted that the actor may read."""
    async with rt.db.transaction(actor.tenant_id) as db:
        readable = await channels.readable_ids(db, actor, wanted.get("channel_ids"))
        conditions = [*scope(readable, wanted).conditions(), func.coalesce(Post.said_text, Post.text) != ""]
        found = await _newest(db, conditions)
        count = select(func.count()).select_from(Post).where(*conditions)
        posts = (await db.exec(count)).one() if len(found) == READ else len(found)
    passages = [
        Passage(place_of(post, channel), post.said, 0.0, None, 0.0, origin_of(post, channel))
        for post, channel in found
    ]
    return Recent(await rt.texts.run(copies.collapsed, passages, READ), posts)


async def _newest(db: AsyncSession, conditions: list[ColumnElement[bool]]) -> list[tuple[Post, Channel]]:
    query = select(Post, Channel).join(Channel, col(Channel.id) == col(Post.channel_id)).where(*conditions)
    newest = query.order_by(col(Post.posted_at).desc(), col(Post.id)).limit(READ)
    return [(post, channel) for post, channel in await db.exec(newest)]
