"""A post that retrieval found, and where it was published."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tg_assistant.core.posts import posts
from tg_assistant.models import Channel, Post


@dataclass(frozen=True)
class Place:
    """Where a post was published."""

    post_id: UUID
    channel_id: UUID
    channel_title: str
    posted_at: datetime
    url: str


@dataclass(frozen=True)
class Passage:
    """A post found. `cosine` is None without a vector; `lexical` is BM25 as a share of the maximum.

    `origin` is the Telegram channel id and message id of the original; `also` are the places of forwards and
    copies.
    """

    place: Place
    text: str
    score: float
    cosine: float | None
    lexical: float
    origin: tuple[int, int]
    also: tuple[Place, ...] = ()


def place_of(post: Post, channel: Channel) -> Place:
    """Return where a post was published."""
    url = posts.permalink(channel, post.message_id)
    return Place(post.id, channel.id, channel.title, post.posted_at, url)


def origin_of(post: Post, channel: Channel) -> tuple[int, int]:
    """Return the Telegram ids of the original's channel and message; the post's own unless forwarded."""
    return post.forward_channel or channel.telegram_id, post.forward_message or post.message_id
