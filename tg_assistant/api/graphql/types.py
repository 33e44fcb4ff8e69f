"""What the schema shows of our nouns. Telegram's ids are strings: GraphQL's numbers have 32 bits."""

from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import strawberry

from tg_assistant.api.graphql import post_words
from tg_assistant.api.graphql.context import Asked
from tg_assistant.api.graphql.post_words import Entity, Part, Version
from tg_assistant.core.actor import Actor
from tg_assistant.core.answers import answers
from tg_assistant.core.channels import channels
from tg_assistant.core.posts import formatting, posts
from tg_assistant.core.retrieval import search as searching
from tg_assistant.models import Question as AskedQuestion

T = TypeVar("T")


@strawberry.type(description="Give `endCursor` as `after` to go on.")
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class Edge(Generic[T]):
    node: T
    cursor: str


@strawberry.type
class Connection(Generic[T]):
    edges: list[Edge[T]]
    page_info: PageInfo


@strawberry.type(description="Who is asking.")
class Person:
    id: UUID
    telegram_id: str
    name: str
    language: str
    tenant_id: UUID | None
    role: str | None
    plan: str

    @classmethod
    def of(cls, actor: Actor) -> "Person":
        """The caller only: nobody else is a Person here."""
        return cls(
            id=actor.user_id,
            telegram_id=str(actor.telegram_id),
            name=actor.name,
            language=actor.language,
            tenant_id=actor.tenant_id,
            role=actor.role,
            plan=actor.plan,
        )


@strawberry.type(description="How far a channel's history is read and searchable.")
class Progress:
    done: int
    total_estimate: int
    indexed: int
    gaps: int
    rate: float = strawberry.field(description="posts per second over the last minute")
    eta_seconds: int | None
    last_error: str | None
    finished: bool


@strawberry.type(description="A channel the caller follows. `telegramId` comes without −100.")
class Channel:
    id: UUID
    telegram_id: str
    title: str
    username: str | None
    private: bool
    paused: bool
    progress: Progress

    @classmethod
    def of(cls, followed: channels.Followed) -> "Channel":
        """A followed channel with how far it is read."""
        channel, shown = followed.channel, Progress.__annotations__
        return cls(
            id=channel.id,
            telegram_id=str(channel.telegram_id),
            title=channel.title,
            username=channel.username,
            private=channel.private,
            paused=followed.subscription.paused,
            progress=Progress(**{name: getattr(followed.progress, name) for name in shown}),
        )


@strawberry.type
class Post:
    id: UUID
    channel_id: UUID
    channel_title: str
    message_id: int
    posted_at: datetime
    edited_at: datetime | None
    text: str
    entities: list[Entity]
    parts: list[Part]
    said: str = strawberry.field(description="what is searched and quoted")
    media: str | None
    forward_title: str | None
    reply_to: int | None
    views: int | None
    forwards: int | None
    url: str
    version: int

    @strawberry.field(description="Earlier texts, the oldest first.")
    async def versions(self, info: Asked) -> list[Version]:
        """The oldest first; loaded for all posts of the answer at once."""
        return [Version.of(each) for each in await info.context.versions.load(self.id)]

    @strawberry.field
    async def channel(self, info: Asked) -> Channel | None:
        """None once the caller follows it no more; loaded for all posts at once."""
        followed = await info.context.channels.load(self.channel_id)
        return Channel.of(followed) if followed else None

    @classmethod
    def of(cls, shown: posts.ShownPost) -> "Post":
        """A post the caller was found to be allowed to read."""
        made = {"entities", "parts", "said", "channel_title", "url"}
        own = shown.post.model_dump(include=set(cls.__annotations__) - made)
        words: dict[str, Any] = {
            "parts": post_words.parts(shown.post),
            "said": formatting.unjoined(shown.post.said),
        }
        of_channel: dict[str, Any] = {"channel_title": shown.channel.title, "url": shown.url}
        return cls(**own, **words, **of_channel, entities=post_words.entities(shown.post))


@strawberry.type(description="A stretch of the post's own text. It is text, never markup.")
class Piece:
    text: str
    match: bool = strawberry.field(description="a word that was searched for")


@strawberry.type(description="Where the same news stands besides: a forward or a copy.")
class Place:
    post_id: UUID
    channel_id: UUID
    channel_title: str
    posted_at: datetime
    url: str


@strawberry.type
class Hit:
    post: Post
    score: float | None = strawberry.field(description="orders the list; null with EXACT, newest first")
    extract: list[Piece] = strawberry.field(description="a part of the text, the words looked for marked")
    also: list[Place]

    @classmethod
    def of(cls, hit: searching.Hit) -> "Hit":
        """A post found, with the part of it that says why."""
        extract = [Piece(text=piece.text, match=piece.match) for piece in hit.extract]
        also = [Place(**vars(place)) for place in hit.also]
        return cls(post=Post.of(hit.shown), score=hit.score, extract=extract, also=also)


@strawberry.type
class Hits(Connection[Hit]):
    by_words_only: bool = strawberry.field(description="meaning could not be searched now")


@strawberry.type(description="A post an answer stands on; `n` is its number in the text.")
class Source:
    n: int
    post_id: UUID
    channel_id: UUID
    channel_title: str
    posted_at: datetime
    url: str
    quote: str
    score: float

    @strawberry.field(description="null once the post is deleted or may no longer be read")
    async def post(self, info: Asked) -> Post | None:
        """None when it was deleted since, or is no longer the caller's to read."""
        shown = await info.context.posts.load(self.post_id)
        return Post.of(shown) if shown else None

    @classmethod
    def of(cls, source: answers.Source) -> "Source":
        """Numbered as the answer's text cites it."""
        return cls(**vars(source))


@strawberry.type(description="One of the caller's own questions with its answer as it was given.")
class Question:
    id: UUID
    question: str
    answer: str | None
    abstained: bool | None
    confidence: float | None
    door: str
    created_at: datetime
    sources: list[Source]

    @classmethod
    def of(cls, asked: AskedQuestion) -> "Question":
        """With its answer, as it was given then."""
        own = asked.model_dump(include=set(cls.__annotations__) - {"sources"})
        return cls(**own, sources=[Source.of(each) for each in answers.sources_of(asked)])


@strawberry.type(description="What `ask` answers. `degraded` names what was away: meaning, model.")
class Answer:
    id: UUID
    answer: str
    abstained: bool
    confidence: float
    degraded: list[str]
    sources: list[Source]

    @classmethod
    def of(cls, done: answers.Done) -> "Answer":
        """Abstained answers have no sources."""
        return cls(
            id=done.question_id,
            answer=done.answer,
            abstained=done.abstained,
            confidence=done.confidence,
            degraded=done.degraded,
            sources=[Source.of(each) for each in done.sources],
        )
