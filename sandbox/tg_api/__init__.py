"""Telegram's RPCs, answered from the world. Importing an area registers its handlers."""

from sandbox.tg_api import account, auth, channels, dialogs, history, updates
from sandbox.tg_api.dispatch import Dispatcher
from sandbox.tg_api.push import Pusher

__all__ = ["Dispatcher", "Pusher", "account", "auth", "channels", "dialogs", "history", "updates"]
