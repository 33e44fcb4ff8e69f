"""The way from a stranger to somebody who asks, over the doors a person uses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.phone import Phone, until
from tests.product import Product


@dataclass
class Traveller:
    """A person, their phone and their REST access token."""

    phone: Phone
    http: httpx.AsyncClient
    base: str
    bearer: dict[str, str]

    async def rest(self, method: str, path: str, expect: int | None = None, **body: Any) -> Any:
        """Call the API; fails unless it answers `expect` (default: any success)."""
        answer = await self.http.request(
            method, self.base + path, json=body or None, headers=self.bearer, timeout=60
        )
        ok = answer.status_code == expect if expect else answer.is_success
        assert ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def ask(self, question: str) -> dict[str, Any]:
        return (await self.rest("POST", "/api/rag/query", query=question))["result"]


async def joins(product: Product, person: str) -> Traveller:
    """Open the invitation, press START, open the Mini App: a signed-in member."""
    phone = product.phone(person)
    await phone.starts(f"inv_{await phone.invite_code()}")
    return await signs_in(product, phone)


async def signs_in(product: Product, phone: Phone) -> Traveller:
    """Exchange fresh launch data for an access token."""
    answer = await product.http.post(
        f"{product.demo.web_url}/api/auth/telegram-webapp", json={"init_data": await phone.init_data()}
    )
    answer.raise_for_status()
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return Traveller(phone, product.http, product.demo.web_url, bearer)


@asynccontextmanager
async def second_screen(connect_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """An ordinary browser of its own: looks at the link, then spends it."""
    async with httpx.AsyncClient(trust_env=False, follow_redirects=True, timeout=60) as browser:
        assert (await browser.get(connect_url)).status_code == 200
        assert (await browser.post(connect_url, data={"go": "1"})).status_code == 200
        yield browser


async def connects(traveller: Traveller, *, password: str | None = None) -> str:
    """Link the account: start, second screen, scan, maybe a password; returns the final status."""
    started = await traveller.rest("POST", "/api/tg/qr/start", client_meta={"device": "Chrome, Linux"})
    status = f"/api/tg/qr/status/{started['qr_session_id']}"
    async with second_screen(started["connect_url"]) as browser:
        live = f"{traveller.base}/tg/connect/live/state"

        async def shown() -> bool:
            return bool((await browser.get(live)).json()["qr"])

        await until(shown, "the code on the second screen")
        await traveller.phone.scans()
        if password is not None:
            await _gives_password(traveller, browser, started["qr_session_id"], password)

        async def final() -> str | None:
            found = (await traveller.rest("GET", status))["status"]
            return found if found in ("authorized", "failed", "expired", "cancelled") else None

        return await until(final, "the login to end", 60)


async def _gives_password(
    traveller: Traveller, browser: httpx.AsyncClient, login_id: str, password: str
) -> None:
    async def asked() -> bool:
        state = (await browser.get(f"{traveller.base}/tg/connect/live/state")).json()
        return state["status"] == "password_required"

    await until(asked, "the password to be asked for")
    sent = await browser.post(f"{traveller.base}/tg/qr/password/{login_id}", json={"password": password})
    assert sent.status_code == 202, sent.text


async def follows(traveller: Traveller, *titles: str) -> list[dict[str, Any]]:
    """Follow channels of the account's own list by title; waits until all of them are searchable."""
    listed = (await traveller.rest("GET", "/api/channels/available"))["items"]
    wanted = [each for each in listed if not titles or each["title"] in titles]
    for each in wanted:
        await traveller.rest("POST", "/api/channels", telegram_id=each["telegram_id"])
    return await until(lambda: indexed(traveller, len(wanted)), "all posts to be searchable", 180)


async def indexed(traveller: Traveller, count: int) -> list[dict[str, Any]] | None:
    """The followed channels once all are read and searchable."""
    found = (await traveller.rest("GET", "/api/channels"))["items"]
    ready = [
        c for c in found if c["progress"]["finished"] and c["progress"]["indexed"] >= c["progress"]["done"]
    ]
    return found if len(ready) == len(found) == count else None
