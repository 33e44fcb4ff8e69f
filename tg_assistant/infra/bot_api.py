"""The part of the Bot API that other processes need: the bot's username, for links to it."""

import httpx

from tg_assistant.errors import Unavailable
from tg_assistant.settings.groups import TelegramSettings

_TELEGRAM = "https://api.telegram.org"
_known: dict[tuple[str, str], str] = {}  # (server, bot id) → username


async def username(telegram: TelegramSettings) -> str:
    """Return the bot's username without the @, requested once per process. Raises Unavailable."""
    token = telegram.bot_token.get_secret_value()
    server = telegram.bot_api_base or _TELEGRAM
    key = (server, token.partition(":")[0])
    if key not in _known:
        _known[key] = await _ask(server, token)
    return _known[key]


async def _ask(server: str, token: str) -> str:
    try:
        async with httpx.AsyncClient(timeout=5) as client:
            answer = await client.get(f"{server.rstrip('/')}/bot{token}/getMe")
        return str(answer.json()["result"]["username"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        # `from None`, because the cause contains the URL with the token
        raise Unavailable("telegram.bot_unavailable", retry_after=10) from None
