"""Telethon's position in each channel's updates: stored and restored, with notice of skipped updates.

A string session does not store it. Telethon drops the edits and deletions of a channel's difference, forgets
a difference that was refused for a while, and skips updates silently after "too long"; `Box` mends these.
Private names of the pinned Telethon's update handling are used in this file only.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from telethon import TelegramClient, errors, types
from telethon._updates.messagebox import NO_UPDATES_TIMEOUT, MessageBox, PtsInfo, State
from telethon._updates.session import Entity, EntityType
from telethon.tl.functions.updates import GetStateRequest

RETRY_SECONDS = 10.0  # until a difference is requested again that failed without a FLOOD_WAIT
Missed = Callable[[int | None], None]  # given a channel's Telegram id, or None for any of the account's


class Box(MessageBox):
    """Telethon's message box, which passes on all of a channel's difference and never gives one up.

    `missed` is called where updates are lost irrecoverably: the history has to be compared.
    """

    __slots__ = ("again", "missed")

    def __init__(self, box: MessageBox, missed: Missed) -> None:
        super().__init__(
            box._log,
            map=box.map,
            date=cast("datetime", box.date),
            seq=box.seq,
            next_deadline=box.next_deadline,
            possible_gaps=box.possible_gaps,
            getting_diff_for=box.getting_diff_for,
        )
        self.missed = missed
        self.again: dict[int, int] = {}  # positions to go back to once the difference under way has come

    def go_back(self, telegram_id: int, position: int, seconds: float) -> None:
        """Count the channel's updates from `position` again, and request the difference after `seconds`."""
        if telegram_id in self.getting_diff_for:
            self.again[telegram_id] = position
            return
        self.possible_gaps.pop(telegram_id, None)
        self.map[telegram_id] = State(pts=position, deadline=0.0)
        self.ask_in(telegram_id, seconds)

    def apply_difference(self, diff: Any, chat_hashes: Any) -> Any:
        if isinstance(diff, types.updates.DifferenceTooLong):
            self.missed(None)
        return super().apply_difference(diff, chat_hashes)

    def apply_channel_difference(self, request: Any, diff: Any, chat_hashes: Any) -> Any:
        """Telethon's updates of the difference, and the ordered ones that it takes for known already.

        It moves the position to the difference's end before it looks at `other_updates`, so that each edit
        and deletion in it seems to be of the past. The new messages come first: one deleted since is not new
        again.
        """
        channel_id = request.channel.channel_id
        if isinstance(diff, types.updates.ChannelDifferenceTooLong):
            self.missed(channel_id)
        told: Any = super().apply_channel_difference(request, diff, chat_hashes)
        updates, users, chats = told
        passed = {id(update) for update in updates}
        for update in getattr(diff, "other_updates", ()):
            info = PtsInfo.from_update(update)
            if info and info.entry == channel_id and id(update) not in passed:
                updates.append(update)
        if (position := self.again.pop(channel_id, None)) is not None:
            self.map[channel_id].pts = position
            self.getting_diff_for.add(channel_id)
        return updates, users, chats

    def apply_pts_info(self, update: Any, *, reset_deadlines: Any) -> Any:
        """As Telethon's, which silently drops "too long" of a channel whose position is unknown."""
        if isinstance(update, types.UpdateChannelTooLong) and update.channel_id not in self.map:
            self.missed(update.channel_id)
        return super().apply_pts_info(update, reset_deadlines=reset_deadlines)

    def get_channel_difference(self, chat_hashes: Any) -> Any:
        """As Telethon's, which silently forgets a channel without an access hash."""
        asked = {entry for entry in self.getting_diff_for if isinstance(entry, int)}
        request = super().get_channel_difference(chat_hashes)
        for channel_id in asked - self.getting_diff_for:
            self.missed(channel_id)
        return request

    def end_channel_difference(self, request: Any, reason: Any, chat_hashes: Any) -> None:
        """Request a refused difference again when its wait has passed; the position stays where it was."""
        channel_id = request.channel.channel_id
        super().end_channel_difference(request, reason, chat_hashes)
        if channel_id in self.map:
            self.ask_in(channel_id, _wait_of(sys.exception()))
        else:  # Telegram no longer shows the channel to this account
            self.missed(channel_id)

    def end_difference(self) -> None:
        asked = [entry for entry in self.getting_diff_for if not isinstance(entry, int)]
        super().end_difference()
        for entry in asked:
            self.ask_in(entry, _wait_of(sys.exception()))

    def ask_in(self, entry: Any, seconds: float) -> None:
        """Request the difference of an account or channel after `seconds`, unless an earlier time is set."""
        self.reset_deadlines({entry}, asyncio.get_running_loop().time() + seconds)

    def reset_deadlines(self, entries: Any, deadline: float) -> None:
        """As Telethon's, which never checks a deadline if it does not know which one is the next."""
        super().reset_deadlines(entries, deadline)
        if self.next_deadline not in self.map and self.map:
            self.next_deadline = min(self.map, key=lambda entry: self.map[entry].deadline)


def _wait_of(error: BaseException | None) -> float:
    """Seconds to wait after this error of a difference; Telethon calls the box while it handles the error."""
    return error.seconds + 1.0 if isinstance(error, errors.FloodWaitError) else RETRY_SECONDS


def watch(client: TelegramClient, missed: Missed) -> None:
    """Replace the client's message box; called again it only replaces `missed`."""
    box = client._message_box
    if isinstance(box, Box):
        box.missed = missed
    else:
        client._message_box = Box(box, missed)


async def restore(client: TelegramClient, saved: Mapping[str, Any], hashes: Mapping[int, int]) -> None:
    """Count the updates of the channels of `hashes` (access hash by id) from the snapshot `saved` on.

    What came before the snapshot has been saved as posts, what came later perhaps not: a later position that
    the box knows is replaced. Requesting the account's state also makes Telegram send updates to this
    connection.
    """
    box, entities = _box(client), client._mb_entity_cache
    if box.is_empty():
        box.set_state(await client(GetStateRequest()))
    channels = saved.get("channels", {})
    for telegram_id, access_hash in hashes.items():
        entities.put(Entity(EntityType.CHANNEL, telegram_id, access_hash))
        if position := channels.get(str(telegram_id)):
            box.go_back(telegram_id, position, NO_UPDATES_TIMEOUT)
    await client.catch_up()


def begin(client: TelegramClient, peer: types.InputPeerChannel, pts: int) -> None:
    """Count the channel's updates from `pts`, unless its position is known: its history was compared then."""
    if pts and peer.channel_id not in client._message_box.map:
        client._mb_entity_cache.put(Entity(EntityType.CHANNEL, peer.channel_id, peer.access_hash))
        client._message_box.try_set_channel_state(peer.channel_id, pts)
        client._message_box.reset_channel_deadline(peer.channel_id, None)


async def rewind(client: TelegramClient, telegram_id: int, position: int) -> None:
    """Request the difference since `position` in a while, because updates after it could not be saved."""
    box = _box(client)
    if telegram_id in box.map:
        box.go_back(telegram_id, min(position, box.map[telegram_id].pts), RETRY_SECONDS)
        await _wake(client)


def _box(client: TelegramClient) -> Box:
    assert isinstance(client._message_box, Box), "watch() comes first"
    return client._message_box


async def _wake(client: TelegramClient) -> None:
    """Make the update loop look at its deadlines now; it sleeps until the next one that it knew of."""
    nothing = types.UpdateShort(types.UpdateConfig(), date=client._message_box.date)
    await client._updates_queue.put(nothing)


async def ask_channels(client: TelegramClient, channels: Iterable[int]) -> None:
    """Request the difference of those `channels` whose position is known."""
    box = client._message_box
    for telegram_id in channels:
        box.try_begin_get_diff(telegram_id, "asked for")
    await _wake(client)


def on_reconnect(client: TelegramClient, behind: Callable[[], None]) -> None:
    """Call `behind` after each reconnect: what was pushed into the broken connection is lost with it.

    Telethon itself would notice after up to 15 minutes.
    """

    async def reconnected() -> None:
        await client._handle_auto_reconnect()
        behind()
        await client.catch_up()

    client._sender._auto_reconnect_callback = reconnected


def known(client: TelegramClient, telegram_id: int) -> bool:
    """Whether the channel's position is known, so that its differences can be requested."""
    return telegram_id in client._message_box.map


def positions(client: TelegramClient) -> dict[int, int]:
    """The position (pts) by channel; those whose difference is being requested are left out."""
    box = client._message_box
    return {
        entry: state.pts
        for entry, state in box.map.items()
        if isinstance(entry, int) and entry not in box.getting_diff_for and entry not in box.possible_gaps
    }


def snapshot(client: TelegramClient) -> dict[str, Any]:
    """The positions as JSON values, for `restore` after a restart; `date` in seconds since 1970."""
    account: dict[str, Any]
    account, channels = client._message_box.session_state()
    return {
        "pts": account["pts"],
        "qts": account["qts"],
        "date": account["date"].timestamp(),
        "seq": account["seq"],
        "channels": {str(id_): position for id_, position in channels.items()},
    }
