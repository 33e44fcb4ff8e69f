"""Telethon's position in each channel's updates: stored and restored, with notice of skipped updates.

A string session does not store it, and after "too long" Telethon skips updates silently. Private names of the
pinned Telethon's update handling are used in this file only.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from telethon import TelegramClient, errors, types
from telethon._updates.messagebox import State
from telethon._updates.session import Entity, EntityType
from telethon.tl.functions.updates import GetStateRequest


async def restore(client: TelegramClient, saved: Mapping[str, Any], hashes: Mapping[int, int]) -> None:
    """Request the updates since the snapshot `saved`, in the channels of `hashes` (access hash by id).

    Requesting the account's state also makes Telegram send updates to this connection.
    """
    box, entities = client._message_box, client._mb_entity_cache
    if box.is_empty():
        box.set_state(await client(GetStateRequest()))
    channels = saved.get("channels", {})
    for telegram_id, access_hash in hashes.items():
        entities.put(Entity(EntityType.CHANNEL, telegram_id, access_hash))
        position = channels.get(str(telegram_id))
        if position and telegram_id not in box.map:
            box.map[telegram_id] = State(pts=position, deadline=asyncio.get_running_loop().time())
    await ask(client, hashes)


async def ask(client: TelegramClient, channels: Iterable[int]) -> None:
    """Request the difference of the account and of those `channels` whose position is known."""
    box = client._message_box
    box.getting_diff_for.update(id_ for id_ in channels if id_ in box.map)
    await client.catch_up()  # wakes the update loop


def on_reconnect(
    client: TelegramClient, channels: Callable[[], Iterable[int]], missed: Callable[[int | None], None]
) -> None:
    """After each reconnect request missed updates; Telethon itself would wait for up to 15 minutes.

    Telethon drops edits and deletions of that time, so `missed` is called, too, with None for all channels.
    """

    async def reconnected() -> None:
        missed(None)
        with suppress(ConnectionError, errors.RPCError):
            await ask(client, channels())

    client._sender._auto_reconnect_callback = reconnected


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


def on_too_long(client: TelegramClient, missed: Callable[[int | None], None]) -> None:
    """Call `missed` with the channel's id (None: any of them) when Telethon skips updates irrecoverably."""
    box = client._message_box
    apply, apply_channel = box.apply_difference, box.apply_channel_difference
    too_long = types.updates.DifferenceTooLong, types.updates.ChannelDifferenceTooLong

    def account(diff: Any, entities: Any) -> Any:
        if isinstance(diff, too_long):
            missed(None)
        return apply(diff, entities)

    def channel(request: Any, diff: Any, entities: Any) -> Any:
        if isinstance(diff, too_long):
            missed(request.channel.channel_id)
        return apply_channel(request, diff, entities)

    client._message_box = _Watching(box, account, channel)  # type: ignore[assignment]


class _Watching:
    """A proxy of the message box that replaces two methods; the box has slots, so it cannot be patched."""

    def __init__(self, box: Any, account: Any, channel: Any) -> None:
        self._box = box
        self.apply_difference, self.apply_channel_difference = account, channel

    def __getattr__(self, name: str) -> Any:
        return getattr(self._box, name)
