"""Asks Telegram how far each channel's updates have got, to notice soon what was not pushed to us."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from telethon import errors, types
from telethon.tl.functions.messages import GetPeerDialogsRequest

from ingest import history_pages, update_state
from ingest.context import AccountContext
from ingest.watchlist import Watchlist
from tg_assistant.core.channels import comparisons, following

log = structlog.get_logger()
SECONDS = 60.0  # between two questions at most; each takes one request for a hundred channels
_AT_ONCE = 100


async def watch(ctx: AccountContext, watchlist: Watchlist) -> None:
    """Now and until cancelled, request the difference of each channel that Telegram is ahead in.

    An edit or deletion that was pushed into a connection that stumbled would otherwise be noticed only with
    the channel's next update, or after 15 minutes. A channel that Telegram tells nothing new of needs no
    comparison.
    """
    while True:
        watchlist.behind.clear()
        try:
            await ask(ctx, watchlist)
            await watchlist.behind.within(SECONDS)
        except errors.FloodWaitError as error:
            await asyncio.sleep(error.seconds + 1)
        except (errors.UnauthorizedError, errors.AuthKeyError):
            raise
        except errors.RPCError as error:
            log.warning("positions.failed", error=type(error).__name__)
            await asyncio.sleep(SECONDS)


async def ask(ctx: AccountContext, watchlist: Watchlist) -> None:
    """Compare the positions of all channels once. Raises Telegram's errors."""
    async with ctx.transaction() as db:
        hashes = await following.access_hashes(db, ctx.account_id)
    peers = [types.InputPeerChannel(id_, hashes[id_]) for id_ in watchlist.by_id if id_ in hashes]
    at, ours = ctx.rt.clock.now(), update_state.positions(ctx.client)
    theirs: dict[int, int] = {}
    for start in range(0, len(peers), _AT_ONCE):
        theirs |= await _positions(ctx, watchlist, peers[start : start + _AT_ONCE])
    read = {id_: pts for id_, pts in ours.items() if id_ in watchlist.by_id and watchlist.by_id[id_].reads}
    moved = [id_ for id_, pts in read.items() if theirs.get(id_, pts + 1) > pts]
    await update_state.ask_channels(ctx.client, moved)
    await _note(ctx, watchlist, ours, theirs, at)


async def _positions(
    ctx: AccountContext, watchlist: Watchlist, peers: Sequence[types.InputPeerChannel]
) -> dict[int, int]:
    """Telegram's positions by channel. One refused channel spoils the answer for all: it is searched for."""
    wanted: Any = [types.InputDialogPeer(peer) for peer in peers]
    try:
        answer: Any = await ctx.client(GetPeerDialogsRequest(wanted))
    except history_pages.NO_ACCESS:
        if len(peers) == 1:
            watchlist.look_soon(peers[0].channel_id)
            return {}
        half = len(peers) // 2
        first = await _positions(ctx, watchlist, peers[:half])
        return first | await _positions(ctx, watchlist, peers[half:])
    found = (
        (getattr(dialog.peer, "channel_id", None), getattr(dialog, "pts", None)) for dialog in answer.dialogs
    )
    return {id_: pts for id_, pts in found if id_ and pts}


async def _note(
    ctx: AccountContext,
    watchlist: Watchlist,
    ours: Mapping[int, int],
    theirs: Mapping[int, int],
    at: datetime,
) -> None:
    """Store which channels have not changed since they were compared: they are as good as compared now.

    Where our position is unknown, the history has to tell what is new.
    """
    for id_, watched in watchlist.by_id.items():
        watched.unchanged = watched.exact and id_ in ours and ours[id_] == theirs.get(id_)
        if watched.reads and not update_state.known(ctx.client, id_):
            watched.look()
    watchlist.changed.set()
    if same := [watched.channel.id for watched in watchlist.by_id.values() if watched.unchanged]:
        async with ctx.transaction() as db:
            await comparisons.unchanged(db, same, at)
