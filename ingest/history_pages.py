"""One page of a channel's history: reading it from Telegram, saving posts and ids, planning the next."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from telethon import errors, types
from telethon.tl.functions.channels import GetMessagesRequest
from telethon.tl.functions.contacts import ResolveUsernameRequest
from telethon.tl.functions.messages import GetHistoryRequest

from ingest import budget, convert
from ingest.context import AccountContext
from tg_assistant.core.accounts import accounts
from tg_assistant.core.channels import backfill, channels, following
from tg_assistant.core.channels.backfill import Wanted
from tg_assistant.core.posts import ingestion
from tg_assistant.core.posts.ingestion import IncomingPost
from tg_assistant.errors import NotFound
from tg_assistant.infra.postgres.db import Session
from tg_assistant.models import Channel

log = structlog.get_logger()
PAGE = 100  # the most messages that Telegram returns at once
# Telegram refuses this account the channel, until its access changes
NO_ACCESS = (
    errors.ChannelPrivateError,
    errors.ChannelInvalidError,
    errors.ChannelPublicGroupNaError,
    errors.ChatAdminRequiredError,
    errors.UserBannedInChannelError,
    errors.UsernameInvalidError,
    errors.UsernameNotOccupiedError,
)


_STRANGE = (
    AttributeError,
    TypeError,
    ValueError,
    LookupError,
)  # raised by code that gets data of an unexpected shape


@dataclass(frozen=True)
class Page:
    """A page of messages; `ids`, the newest first, includes those of messages without content.

    `channel` is the channel's current state: it may have been renamed or made private. `pts` is its position
    in the updates at the time of the answer, 0 if unknown.
    """

    ids: list[int]
    posts: list[IncomingPost]
    channel: types.Channel | None = None
    pts: int = 0


async def read_page(
    ctx: AccountContext, peer: types.InputPeerChannel, *, below: int = 0, limit: int = PAGE
) -> Page:
    """Read up to `limit` (at most 100) messages with ids under `below` (0: the newest).

    Raises Telegram's errors.
    """
    request = GetHistoryRequest(
        peer, offset_id=below, offset_date=None, add_offset=0, limit=limit, max_id=0, min_id=0, hash=0
    )
    answer: Any = await ctx.client(request)
    ids = sorted((message.id for message in answer.messages), reverse=True)
    shown = next((c for c in answer.chats if isinstance(c, types.Channel) and c.id == peer.channel_id), None)
    posts = converted(answer.messages, convert.titles_of(answer))
    return Page(ids, posts, shown, getattr(answer, "pts", 0))


async def read_wanted(ctx: AccountContext, peer: types.InputPeerChannel, hole: Wanted) -> Page:
    """Read the newest page of a gap. Raises Telegram's errors.

    An empty answer is requested again, and of a short one the ids that it lacks are asked for one by one:
    otherwise posts that Telegram did not show for a moment would count as known and be missing.
    """
    below = hole.high + 1 if hole.high else 0
    page = await read_page(ctx, peer, below=below)
    if not page.ids:
        with budget.further():
            page = await read_page(ctx, peer, below=below)
    high = hole.high or max(page.ids, default=0)
    if len(page.ids) >= PAGE or not high:
        return page
    low = page.ids[-1] if page.ids else max(hole.low, high - PAGE + 1)
    lacking = sorted(set(range(low, high + 1)) - set(page.ids), reverse=True)[:PAGE]
    with budget.further():
        asked = await read_by_id(ctx, peer, lacking)
    ids = sorted({*page.ids, *asked.present}, reverse=True)
    return Page(ids, [*page.posts, *asked.posts], page.channel, page.pts)


@dataclass(frozen=True)
class Asked:
    """Messages that were asked for by id; `empty` ids do not exist, by Telegram's own word."""

    present: set[int]
    empty: set[int]
    posts: list[IncomingPost]


async def read_by_id(ctx: AccountContext, peer: types.InputPeerChannel, ids: Sequence[int]) -> Asked:
    """Ask for messages by id, 100 a request. Ids in neither set of the result were not answered.

    Raises Telegram's errors.
    """
    found = Asked(set(), set(), [])
    for start in range(0, len(ids), PAGE):
        wanted: Any = [types.InputMessageID(id_) for id_ in ids[start : start + PAGE]]
        channel = types.InputChannel(peer.channel_id, peer.access_hash)
        answer: Any = await ctx.client(GetMessagesRequest(channel, wanted))
        for message in answer.messages:
            empty = isinstance(message, types.MessageEmpty)
            (found.empty if empty else found.present).add(message.id)
        found.posts.extend(converted(answer.messages, convert.titles_of(answer)))
    return found


def converted(messages: Iterable[types.TypeMessage], titles: dict[int, str]) -> list[IncomingPost]:
    """The posts among `messages`. One that cannot be converted is logged, and saved with only its text."""
    posts = []
    for message in messages:
        try:
            post = convert.post(message, titles)
        except _STRANGE:
            # one malformed message must neither block the channel nor be lost: its id will count as known
            log.exception("message.not_understood", message_id=message.id)
            post = convert.plain(message)
        if post is not None:
            posts.append(post)
    return posts


async def peer_of(ctx: AccountContext, channel: Channel) -> types.InputPeerChannel:
    """The channel's address for this account. An unknown public channel is resolved, and the result stored.

    Raises Telegram's errors; UsernameNotOccupiedError if the name belongs to another channel now; NotFound
    for a private one that is not on the account's list, which does not mean that access is lost.
    """
    async with ctx.transaction() as db:
        access_hash = await following.access_hash(db, ctx.account_id, channel.id)
    if access_hash is None:
        if channel.username is None:
            raise NotFound("channels.not_in_your_list")
        access_hash = await resolved(ctx, channel)
        async with ctx.transaction() as db:
            account = await accounts.linked(db, ctx.account_id)
            await following.grant(db, account, channel.id, access_hash)
    return types.InputPeerChannel(channel.telegram_id, access_hash)


async def resolved(ctx: AccountContext, channel: Channel) -> int:
    """The channel's access hash for this account, by its public name. Raises Telegram's errors."""
    answer: Any = await ctx.client(ResolveUsernameRequest(channel.username or ""))
    for chat in answer.chats:
        if chat.id == channel.telegram_id and getattr(chat, "access_hash", None):
            return chat.access_hash
    raise errors.UsernameNotOccupiedError(request=None)  # the name now belongs to something else


async def save_wanted(db: Session, channel: Channel, hole: Wanted, page: Page) -> int:
    """Save a page that was read for `hole`; returns the number of new posts."""
    span = backfill.covered(hole, page.ids)
    saved = await ingestion.save_page(
        db, channel.id, page.posts, [span] if span else [], via="backfill" if hole.low == 1 else "reconcile"
    )
    if span is None:  # the channel is empty
        await backfill.complete(db, channel)
    return saved.new


async def refused(ctx: AccountContext, db: Session, channel: Channel, asked_at: datetime) -> None:
    """Record that this account lost access, which hides the channel from its person.

    `asked_at` is when Telegram was asked. The caller plans the reading by other followers' accounts.
    """
    await following.grant_missing(db, await accounts.linked(db, ctx.account_id), channel.id)
    await channels.access_lost(db, ctx.account_id, channel.id, asked_at=asked_at)
    log.info("channel.access_lost", channel_id=str(channel.id))


async def check_access(ctx: AccountContext, channel: Channel) -> None:
    """Check that the account may read the channel, saving no posts, and confirm its access.

    Raises Telegram's errors.
    """
    await read_page(ctx, await peer_of(ctx, channel), limit=1)
    async with ctx.transaction() as db:
        await following.confirm(db, ctx.account_id, channel.id)
