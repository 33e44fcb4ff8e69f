"""A person with a phone: what they can do in their Telegram, over the phone page's own API."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx

T = TypeVar("T")


async def until(look: Callable[[], Awaitable[T | None]], what: str, seconds: float = 60) -> T:
    """The first truthy answer of `look`. Fails by naming `what` was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        found = await look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")
        await asyncio.sleep(0.2)


@dataclass
class Phone:
    http: httpx.AsyncClient
    base: str
    person: str

    async def _call(self, method: str, path: str, **body: Any) -> Any:
        answer = await self.http.request(
            method, f"{self.base}/phone-api/{self.person}{path}", json=body or None, timeout=60
        )
        answer.raise_for_status()
        return answer.json()

    async def get(self, path: str) -> Any:
        return await self._call("GET", path)

    async def post(self, path: str, **body: Any) -> Any:
        return await self._call("POST", path, **body)

    async def patch(self, path: str, **body: Any) -> Any:
        return await self._call("PATCH", path, **body)

    async def put(self, path: str, **body: Any) -> Any:
        return await self._call("PUT", path, **body)

    async def delete(self, path: str) -> Any:
        return await self._call("DELETE", path)

    async def messages(self) -> list[dict[str, Any]]:
        """The chat with the bot, oldest first."""
        return (await self.get("/bot/messages"))["messages"]

    async def invite_code(self) -> str:
        """The code in the invitation that waits on this phone."""

        async def look() -> str | None:
            for chat in await self.get("/chats"):
                found = re.search(r"start=inv_([A-Z0-9]{12})", (chat["last"] or {}).get("text", ""))
                if found:
                    return found[1]
            return None

        return await until(look, "an invitation")

    async def says(self, text: str, *, contains: str = "", seconds: float = 60) -> str:
        """Send a message to the bot and wait for the answer (that contains something)."""
        sent = await self.post("/bot/messages", text=text)
        return await self.hears(sent["id"], contains, seconds)

    async def starts(self, payload: str = "", *, contains: str = "", seconds: float = 60) -> str:
        """Press START, as a t.me/bot?start=… link does."""
        sent = await self.post("/bot/start", start_param=payload)
        return await self.hears(sent["id"], contains, seconds)

    async def hears(self, after: int, contains: str = "", seconds: float = 60) -> str:
        async def look() -> str | None:
            texts = [m["text"] for m in await self.messages() if m["id"] > after and not m["out"]]
            return "\n".join(texts) if any(contains in text for text in texts) else None

        return await until(look, f"the bot to say {contains or 'anything'!r}", seconds)

    async def init_data(self, platform: str = "android") -> str:
        """Open the Mini App from the menu button; its launch data is in the address's fragment."""
        opened = await self.post("/bot/web-app", source="menu", platform=platform)
        return parse_qs(urlsplit(opened["url"]).fragment)["tgWebAppData"][0]

    async def scans(self, token: str | None = None) -> dict[str, Any]:
        """Settings → Devices → Link Desktop Device: scan the code now being shown."""

        async def look() -> str | None:
            codes = await self.get("/scanner")
            return codes[-1]["token"] if codes else None

        return await self.post("/scanner", token=token or await until(look, "a login code on a screen"))
