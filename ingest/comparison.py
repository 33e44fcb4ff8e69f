"""Comparison of saved posts with Telegram's history: saves new and edited ones, marks deleted ones.

A post that a page of history lacks is asked for by id, and many at once are deleted only after a second look
(`missing`): an empty or short answer of Telegram's, or one cut off half-way, deletes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from ingest import budget, convert, history_pages, update_state
from ingest.context import AccountContext
from ingest.history_pages import Page
from ingest.missing import MANY, Missing
from tg_assistant.core.channels import backfill, comparisons, following
from tg_assistant.core.channels.known_ranges import Range
from tg_assistant.core.posts import ingestion
from tg_assistant.infra.postgres.db import Session
from tg_assistant.models import Channel

log = structlog.get_logger()
ASK_AT_MOST = 500  # posts that a page lacks are asked for by id


@dataclass(frozen=True)
class Compared:
    """A compared page. `low` is the id below which to continue, 0 if there are no older posts.

    `suspicious`: many posts were missing, so the rest of the channel should be compared soon.
    """

    low: int
    suspicious: bool = False


async def compare(ctx: AccountContext, channel: Channel, missing: Missing, *, below: int = 0) -> Compared:
    """Compare a page of Telegram's history, ids under `below` (0: the newest), with the saved posts.

    Repeated calls cover the channel. Raises Telegram's errors; nothing has been changed then.
    """
    peer = await history_pages.peer_of(ctx, channel)
    seen_at = ctx.rt.clock.now()
    page = await history_pages.read_page(ctx, peer, below=below)
    # posts that live updates save from now on have ids above `top`
    top = below - 1 if below else channel.top_message_id
    async with ctx.transaction() as db:
        low = await _low(db, channel, page, below)
        visible = await ingestion.visible_ids(db, channel.id, Range(low, top))
    lacking = sorted(visible - set(page.ids), reverse=True)
    if len(lacking) > ASK_AT_MOST:
        lacking = lacking[:ASK_AT_MOST]
        low = lacking[-1]
    with budget.further():
        asked = await history_pages.read_by_id(ctx, peer, lacking)
    missing.seen([*page.ids, *asked.present])
    before = len(missing.since)
    gone = sorted(asked.empty.intersection(lacking))
    certain = missing.judge(gone, compared=len(visible), nothing_shown=not page.ids)
    async with ctx.transaction() as db:
        current = await backfill.followed(db, channel.id)
        if current is None:
            return Compared(0)
        await following.confirm(db, ctx.account_id, channel.id)
        if page.channel is not None:
            following.describe(current, convert.name_of(page.channel), convert.public_name(page.channel))
        posts = [post for post in [*page.posts, *asked.posts] if post.message_id >= low]
        known = _known(page, low, below)
        await ingestion.save_page(db, channel.id, posts, known, via="reconcile", seen_at=seen_at)
        if certain:
            await ingestion.mark_deleted(db, channel.id, certain)
        if before == 0 and missing.since:
            log.warning("channel.posts_missing", channel=str(channel.id), posts=len(gone))
            await comparisons.record_missing(db, current, posts=len(gone), compared=len(visible))
        await backfill.plan(db, current)
    update_state.begin(ctx.client, peer, page.pts)
    return Compared(low, suspicious=len(missing.since) > before)


async def check(ctx: AccountContext, channel: Channel, message_ids: Sequence[int]) -> bool:
    """Compare single posts; return whether one was edited or deleted. Raises Telegram's errors."""
    peer = await history_pages.peer_of(ctx, channel)
    seen_at = ctx.rt.clock.now()
    asked = await history_pages.read_by_id(ctx, peer, message_ids)
    gone = sorted(asked.empty.intersection(message_ids))[:MANY]
    async with ctx.transaction() as db:
        saved = await ingestion.save_page(db, channel.id, asked.posts, [], via="reconcile", seen_at=seen_at)
        deleted = await ingestion.mark_deleted(db, channel.id, gone) if gone else 0
    return bool(saved.changed or deleted)


async def _low(db: Session, channel: Channel, page: Page, below: int) -> int:
    """The lowest id that the page is about. What is older than all known ids is left to the backfill."""
    if page.ids:
        return max(page.ids[-1], await backfill.oldest(db, channel.id))
    return await ingestion.lowest_of_newest(db, channel.id, below, history_pages.PAGE)


def _known(page: Page, low: int, below: int) -> list[Range]:
    """The ids that the page makes known: a short one may lack posts, so it tells nothing of ids between."""
    if len(page.ids) >= history_pages.PAGE:
        return [Range(low, below - 1 if below else page.ids[0])]
    return [Range(id_, id_) for id_ in page.ids if id_ >= low]


async def confirm(ctx: AccountContext, channel: Channel, missing: Missing) -> None:
    """Take the second look at missing posts whose time has come. Raises Telegram's errors."""
    peer = await history_pages.peer_of(ctx, channel)
    seen_at = ctx.rt.clock.now()
    due = missing.due()
    asked = await history_pages.read_by_id(ctx, peer, due)
    async with ctx.transaction() as db:
        current = await backfill.followed(db, channel.id)
        if current is not None:
            await ingestion.save_page(db, channel.id, asked.posts, [], via="reconcile", seen_at=seen_at)
            if gone := sorted(asked.empty.intersection(due)):
                log.warning("channel.posts_deleted", channel=str(channel.id), posts=len(gone))
                await ingestion.mark_deleted(db, channel.id, gone)
                await comparisons.record_deleted(db, current, posts=len(gone))
    missing.seen(due)
