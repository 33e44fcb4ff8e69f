"""The REST door of the smoke run, signed in with launch data from the phone."""

import asyncio
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tg_assistant.demo.environment import Demo


class Rest:
    """A REST client for one person. All calls raise httpx.HTTPStatusError."""

    def __init__(self, demo: Demo, http: httpx.AsyncClient, person: str = "anna") -> None:
        self._demo, self._http, self._person = demo, http, person
        self._bearer: dict[str, str] = {}

    async def sign_in(self) -> None:
        """Open the Mini App's address on the phone and exchange its launch data."""
        opened = await self.phone("POST", "/bot/web-app", source="menu")
        init_data = parse_qs(urlsplit(opened["url"]).fragment)["tgWebAppData"][0]
        token = await self.call("POST", "/api/auth/telegram-webapp", init_data=init_data)
        self._bearer = {"Authorization": f"Bearer {token['access_token']}"}

    async def ask(self, question: str) -> dict[str, Any]:
        """Ask a question; returns the answer with its sources."""
        return (await self.call("POST", "/api/rag/query", query=question))["result"]

    async def searchable(self, seconds: float) -> dict[str, int]:
        """Wait until every post read is searchable; returns the counts. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while True:
            channels = [each["progress"] for each in (await self.call("GET", "/api/channels"))["items"]]
            counts = {
                "channels": len(channels),
                "posts": sum(each["done"] for each in channels),
                "indexed": sum(each["indexed"] for each in channels),
            }
            if all(each["finished"] and each["indexed"] >= each["done"] for each in channels):
                return counts
            if time.monotonic() > deadline:
                raise TimeoutError(f"not everything became searchable: {counts}")
            await asyncio.sleep(0.5)

    async def phone(self, method: str, path: str, **body: Any) -> Any:
        """Call the phone page's own API."""
        return await self._send(method, f"{self._demo.phone_url}/phone-api/{self._person}{path}", body)

    async def call(self, method: str, path: str, **body: Any) -> Any:
        """Call the product's API."""
        return await self._send(method, f"{self._demo.web_url}{path}", body)

    async def _send(self, method: str, url: str, body: dict[str, Any]) -> Any:
        answer = await self._http.request(method, url, json=body or None, headers=self._bearer, timeout=60)
        answer.raise_for_status()
        return answer.json()
