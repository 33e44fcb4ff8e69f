"""The GraphQL schema: reading what REST reads, and asking. Each field is one call of core."""

from contextlib import aclosing
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, TypeVar
from uuid import UUID

import strawberry
from graphql import GraphQLError
from strawberry.types import ExecutionContext

from tg_assistant.api.graphql.context import Asked
from tg_assistant.api.graphql.session_types import AppSignIn, Sessions, TelegramAccount
from tg_assistant.api.graphql.types import (
    Answer,
    Channel,
    Connection,
    Edge,
    Hit,
    Hits,
    PageInfo,
    Person,
    Post,
    Question,
)
from tg_assistant.core.access import sessions
from tg_assistant.core.accounts import accounts
from tg_assistant.core.answers import answers, question_log, showing
from tg_assistant.core.answers.answers import Done
from tg_assistant.core.channels import channels
from tg_assistant.core.posts import posts
from tg_assistant.core.retrieval import search
from tg_assistant.core.retrieval.scope import Wanted

# Nullable: a variable that is null means the default, as if it were left out.
First = Annotated[int | None, strawberry.argument(description="at most 100")]
PAGE = 20
SOURCES = 8
MAX_IDS = 1_000
T = TypeVar("T")


@strawberry.enum(description="HYBRID and SEMANTIC: best first. EXACT: newest first, all the words.")
class Mode(Enum):
    HYBRID = "hybrid"
    EXACT = "exact"
    SEMANTIC = "semantic"


@strawberry.input(description="`since` counts, `until` no longer does; without a time zone they are UTC.")
class Within:
    channel_ids: list[UUID] | None = None
    since: datetime | None = None
    until: datetime | None = None

    def wanted(self, limit: int) -> Wanted:
        """As core takes it; more than `MAX_IDS` channels are cut off."""
        ids = self.channel_ids[:MAX_IDS] if self.channel_ids is not None else None
        return Wanted(channel_ids=ids, since=self.since, until=self.until, limit=limit)


@strawberry.type
class Query:
    @strawberry.field
    def me(self, info: Asked) -> Person:
        """Read from SQL when the request came in."""
        return Person.of(info.context.actor)

    @strawberry.field(description="What the caller follows, by title.")
    async def channels(self, info: Asked) -> list[Channel]:
        """Raises NotAllowed without a membership."""
        async with info.context.open() as db:
            return [Channel.of(each) for each in await channels.list_(db, info.context.actor)]

    @strawberry.field
    async def channel(self, info: Asked, id: UUID) -> Channel:
        """Raises NotFound for one the caller does not follow, too."""
        async with info.context.open() as db:
            return Channel.of(await channels.get(db, info.context.actor, id))

    @strawberry.field(description="Newest first; of all channels the caller reads unless some are named.")
    async def posts(
        self,
        info: Asked,
        channel_ids: list[UUID] | None = None,
        first: First = PAGE,
        after: str | None = None,
    ) -> Connection[Post]:
        """`after` is a cursor of `edges`. Raises Invalid for a foreign one."""
        async with info.context.open() as db:
            page = await posts.list_(db, info.context.actor, channel_ids, _or(first, PAGE), after)
        edges = [Edge(node=Post.of(each), cursor=posts.cursor_of(each.post)) for each in page.items]
        return Connection(edges=edges, page_info=_info(edges, page.next_cursor))

    @strawberry.field
    async def post(self, info: Asked, id: UUID) -> Post:
        """With its text as it is now. Raises NotFound for one the caller may not read, too."""
        async with info.context.open() as db:
            return Post.of(await posts.get(db, info.context.actor, id))

    @strawberry.field
    async def search(
        self,
        info: Asked,
        query: str,
        mode: Mode | None = Mode.HYBRID,
        within: Within | None = None,
        first: First = PAGE,
        after: str | None = None,
    ) -> Hits:
        """`by_words_only` says that search by meaning is away. Raises Invalid for an empty query."""
        context, wanted = info.context, (within or Within()).wanted(_or(first, PAGE))
        how = _or(mode, Mode.HYBRID).value
        found = await search.search(context.rt, context.actor, query, mode=how, cursor=after, **wanted)
        edges = [Edge(node=Hit.of(each), cursor=each.cursor) for each in found.items]
        return Hits(edges=edges, page_info=_info(edges, found.next_cursor), by_words_only=found.degraded)

    @strawberry.field(description="The caller's own questions, the newest first.")
    async def questions(
        self, info: Asked, first: First = PAGE, after: str | None = None
    ) -> Connection[Question]:
        """Whatever door they were asked through."""
        async with info.context.open() as db:
            page = await question_log.page(db, info.context.actor, limit=_or(first, PAGE), cursor=after)
        edges = [Edge(node=Question.of(each), cursor=question_log.cursor_of(each)) for each in page.items]
        return Connection(edges=edges, page_info=_info(edges, page.next_cursor))

    @strawberry.field(
        description="Where the caller is signed in (the 100 last seen), and what account is linked."
    )
    async def sessions(self, info: Asked) -> Sessions:
        """Without a membership there can be no account, and none is looked for."""
        actor = info.context.actor
        async with info.context.open() as db:
            app = (await sessions.page(db, actor)).items
            linked = await accounts.list_(db, actor) if actor.tenant_id else []
        return Sessions(
            app=[AppSignIn.of(row, actor.session_id) for row in app],
            telegram=[TelegramAccount.of(row) for row in linked],
        )


@strawberry.type
class Mutation:
    @strawberry.mutation(description="Ask the channels. Counts as one of the plan's questions of the day.")
    async def ask(
        self, info: Asked, question: str, within: Within | None = None, limit: int | None = SOURCES
    ) -> Answer:
        """Waits for the whole answer; REST streams it. Raises Invalid, LimitReached."""
        most = max(1, min(_or(limit, SOURCES), 20))
        context, wanted = info.context, (within or Within()).wanted(most)
        events = answers.ask(context.rt, context.actor, question, **wanted)
        async with aclosing(showing.watched(context.rt, context.actor, events)) as shown:
            async for event in shown:
                if isinstance(event, Done):
                    return Answer.of(event)
        raise AssertionError("answers.ask always ends in Done")


class _Schema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """The route tells and logs errors; a refusal is no failure of ours and a query may hold secrets."""


def _or(given: T | None, default: T) -> T:
    """Zero is given."""
    return default if given is None else given


def _info(edges: list[Edge[Any]], next_cursor: str | None) -> PageInfo:
    return PageInfo(has_next_page=next_cursor is not None, end_cursor=edges[-1].cursor if edges else None)


schema = _Schema(query=Query, mutation=Mutation)
