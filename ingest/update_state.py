"""Telethon's place in each channel's updates: kept beside the session, and where it skipped some.

A string session forgets it, and after "too long" Telethon moves on without a word. All private names of the
pinned Telethon that we touch are in this file.
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
    """Ask for what happened in the channels of `hashes` (access hash by id) since `saved` was taken.

    Asking for the account's state also makes Telegram send updates to this connection.
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
    """Ask for the difference of the account and of those `channels` whose place is known."""
    box = client._message_box
    box.getting_diff_for.update(id_ for id_ in channels if id_ in box.map)
    await client.catch_up()  # wakes the update loop


def on_reconnect(
    client: TelegramClient, channels: Callable[[], Iterable[int]], missed: Callable[[int | None], None]
) -> None:
    """After each reconnect ask what was missed; Telethon itself waits for up to 15 minutes.

    It drops edits and deletions of the time between, so `missed` has every channel looked at, too.
    """

    async def reconnected() -> None:
        missed(None)
        with suppress(ConnectionError, errors.RPCError):
            await ask(client, channels())

    client._sender._auto_reconnect_callback = reconnected


def snapshot(client: TelegramClient) -> dict[str, Any]:
    """What `restore` needs after a restart."""
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
    """Call `missed` with the channel's id (None: any of them) when Telethon skips updates for good."""
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
    """The message box with two of its methods replaced; it has slots, so it cannot be patched."""

    def __init__(self, box: Any, account: Any, channel: Any) -> None:
        self._box = box
        self.apply_difference, self.apply_channel_difference = account, channel

    def __getattr__(self, name: str) -> Any:
        return getattr(self._box, name)
