"""What resolvers of one request share: who asks, one transaction at a time, and reads gathered into one."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

from strawberry.dataloader import DataLoader
from strawberry.types import Info

from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import channels
from tg_assistant.core.channels.channels import Followed
from tg_assistant.core.posts import posts
from tg_assistant.core.posts.posts import ShownPost
from tg_assistant.infra.postgres.db import Session
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import PostVersion


class Context:
    """Resolvers run side by side; `open` lets one of them at a time to the database, so a request holds one
    connection at most. The loaders ask once for all items of a list."""

    def __init__(self, rt: Runtime, actor: Actor) -> None:
        self.rt, self.actor = rt, actor
        self._turn = asyncio.Lock()
        self.channels: DataLoader[UUID, Followed | None] = DataLoader(load_fn=self._channels)
        self.posts: DataLoader[UUID, ShownPost | None] = DataLoader(load_fn=self._posts)
        self.versions: DataLoader[UUID, list[PostVersion]] = DataLoader(load_fn=self._versions)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Session]:
        """A transaction for the actor's tenant; commits on exit."""
        async with self._turn, self.rt.db.transaction(self.actor.tenant_id) as db:
            yield db

    async def _channels(self, ids: list[UUID]) -> list[Followed | None]:
        async with self.open() as db:
            followed = {each.channel.id: each for each in await channels.list_(db, self.actor)}
        return [followed.get(id_) for id_ in ids]

    async def _posts(self, ids: list[UUID]) -> list[ShownPost | None]:
        async with self.open() as db:
            shown = {each.post.id: each for each in await posts.among(db, self.actor, ids)}
        return [shown.get(id_) for id_ in ids]

    async def _versions(self, ids: list[UUID]) -> list[list[PostVersion]]:
        async with self.open() as db:
            found = await posts.versions(db, self.actor, ids)
        return [found.get(id_, []) for id_ in ids]


Asked = Info[Context, None]
