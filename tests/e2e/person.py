"""A person with a browser: their Telegram in a tab, the Mini App in a frame of another site inside it."""

from dataclasses import dataclass, field
from typing import Any

import psycopg
from playwright.async_api import Frame, Locator, expect

from tests.phone import Phone, until
from tg_assistant.demo.smoke import walk
from tg_assistant.demo.smoke.walk import Anna

PATIENCE = 180_000  # milliseconds; only what never comes takes that long, however busy the machine
walk.PATIENCE = PATIENCE
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}


@dataclass
class Person(Anna):
    """The smoke run's walker, and what else people do. `phone_api` is the same phone without a browser."""

    phone_api: Phone = field(kw_only=True)

    async def takes_the_phone(self, path: str = "/bot", *, platform: str = "") -> "Person":
        """Open Telegram in a new tab of this person's browser. `platform`: android, ios, tdesktop, weba."""
        self.phone = await self.telegram.new_page()
        if platform:
            await self.phone.goto(f"{self.demo.phone_url}/#/{self.person}")
            key = f"phone.{self.person}.platform"
            await self.phone.evaluate("([key, name]) => localStorage.setItem(key, name)", [key, platform])
        await self.phone.goto(f"{self.demo.phone_url}/#/{self.person}{path}")
        await self.phone.reload()  # a changed fragment alone would keep the page
        return self

    async def enters(self, tab: str = "") -> "Person":
        """Open the Mini App and wait until it is signed in; `tab`: ask, channels, sessions."""
        await self.phone.get_by_test_id("menu-button").click()
        await expect(self.at("tab-ask")).to_be_visible(timeout=PATIENCE)
        if tab:
            await self.turns_to(tab)
        return self

    async def turns_to(self, tab: str) -> None:
        await self.at(f"tab-{tab}").click()
        try:
            await self.frame_at(f"/tg/app/{tab}/", 5)
        except AssertionError:  # a tap that met a redraw is lost, and people tap again
            await self.at(f"tab-{tab}").click()
            await self.frame_at(f"/tg/app/{tab}/")

    async def sees_the_conversation(self) -> int:
        """Wait for all that was asked before: a tab just turned to is empty at first. How much that is."""
        with psycopg.connect(self.demo.running_database().admin_url) as db:
            me = (await self.phone_api.get("/me"))["id"]
            mine = "SELECT count(*) FROM questions JOIN users ON users.id = user_id WHERE telegram_id = %s"
            row = db.execute(mine, [me]).fetchone()
        asked = min(row[0] if row else 0, 20)  # the newest twenty are shown

        async def shown() -> bool:
            return await self.at("question").count() >= asked

        await until(shown, f"{asked} questions on the screen", PATIENCE / 1000)
        return asked

    async def asks_in_the_app(self, question: str) -> dict[str, Any]:
        """The walker's way, which finds the answer by the number of those above it."""
        if not await self.at("ask-input").is_visible():
            await self.turns_to("ask")
        await self.sees_the_conversation()
        return await super().asks_in_the_app(question)

    def at(self, test_id: str) -> Locator:
        """An element of the Mini App."""
        return self.app().get_by_test_id(test_id)

    def new_attempt(self) -> Locator:
        """The button that starts connecting, also where an earlier attempt is still running or has failed."""
        return self.at("connect-start").or_(self.at("connect-retry"))

    async def frame(self) -> Frame:
        """The Mini App's frame itself, to look at what its scripts see."""
        element = await self.phone.get_by_test_id("webapp-frame").element_handle()
        frame = await element.content_frame() if element else None
        assert frame
        return frame

    async def frame_at(self, path: str, seconds: float = 30) -> Frame:
        """The frame once its address has this path."""

        async def look() -> Frame | None:
            frame = await self.frame()
            return frame if path in frame.url else None

        return await until(look, f"the Mini App to be at {path}", seconds)

    async def answers(self) -> list[str]:
        return await self.at("answer").all_inner_texts()
