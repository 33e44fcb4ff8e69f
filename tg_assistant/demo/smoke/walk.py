"""The main use case as Anna performs it: on her phone, in the Mini App, and on a second screen's page."""

import re
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import BrowserContext, FrameLocator, Locator, Page, expect

from tg_assistant.demo.environment import Demo

PATIENCE = 60_000  # milliseconds for a step that waits for Telegram
READING = 300_000  # milliseconds for all history to arrive
_INVITATION = re.compile("Приглашение|Invitation")
_WHOLE = re.compile("done|abstained|failed")  # states of an answer that will not change


@dataclass
class Anna:
    """Anna with her browser contexts; each step ends on the screen where the next one starts."""

    demo: Demo
    telegram: BrowserContext
    second_screen: BrowserContext
    person: str = "anna"
    phone: Page = field(init=False)

    async def opens_the_invitation(self) -> None:
        """Tap the link in the invitation, press Start, read the bot's greeting."""
        self.phone = await self.telegram.new_page()
        await self.phone.goto(f"{self.demo.phone_url}/#/{self.person}")
        await self.phone.locator("[data-testid^=chat-channel-]").filter(has_text=_INVITATION).click()
        await self.phone.locator("a[href*='start=inv_']").last.click()
        await self.phone.get_by_test_id("bot-start").click()
        await expect(self.phone.get_by_test_id("message-in").first).to_be_visible(timeout=PATIENCE)

    async def opens_the_app(self) -> None:
        """Open the app from the bot's menu button; the sign-in needs no click."""
        await self.phone.get_by_test_id("menu-button").click()
        await expect(self.app().get_by_test_id("home-next")).to_be_visible(timeout=PATIENCE)

    async def starts_connecting(self) -> str:
        """Start connecting; returns the link for a second screen."""
        await self.app().get_by_test_id("home-next").click()
        await self.app().get_by_test_id("connect-start").click()
        link = self.app().get_by_test_id("connect-link")
        await expect(link).to_contain_text("/tg/connect/", timeout=PATIENCE)
        return (await link.inner_text()).strip()

    async def opens_the_second_screen(self, link: str) -> None:
        """Open the link in a separate browser and press the button, which shows the code."""
        page = await self.second_screen.new_page()
        await page.goto(link)
        await page.get_by_test_id("connect-continue").click()
        await expect(page.get_by_test_id("connect-qr")).to_be_visible(timeout=PATIENCE)

    async def scans(self) -> None:
        """Settings → Devices → Link Desktop Device, on the same phone; then back to the app: connected."""
        page = await self.telegram.new_page()
        await page.goto(f"{self.demo.phone_url}/#/{self.person}/settings/devices/scan")
        await page.get_by_test_id("scan-code-1").click(timeout=PATIENCE)
        await page.get_by_test_id("scan-confirm").click()
        await expect(self.app().get_by_test_id("connect-done")).to_be_visible(timeout=PATIENCE)
        await page.close()

    async def picks_channels(self) -> int:
        """Choose all channels of the account's list; returns their number."""
        await self.app().get_by_test_id("go-channels").click()
        offered = self.app().get_by_test_id("available")
        await expect(offered.first).to_be_visible(timeout=PATIENCE)
        count = await offered.count()
        for number in range(count):
            await offered.nth(number).evaluate("row => row.scrollIntoView({block: 'center'})")
            await offered.nth(number).click()
        await self.press_main_button("add-selected")
        await expect(self.app().get_by_test_id("channel")).to_have_count(count, timeout=PATIENCE)
        return count

    async def watches_them_arrive(self) -> None:
        """Wait until no channel shows a progress bar."""
        bars = self.app().get_by_test_id("channel").locator("[role=progressbar]")
        await expect(bars).to_have_count(0, timeout=READING)

    async def asks_in_the_app(self, question: str) -> dict[str, Any]:
        """Ask, and read the answer once it is complete: its state, text and number of sources."""
        if not await self.app().get_by_test_id("ask-input").is_visible():
            await self.app().get_by_test_id("tab-ask").click()
        answers = self.app().get_by_test_id("answer")
        shown = answers.or_(self.app().get_by_test_id("ask-empty"))
        await expect(shown.first).to_be_visible(timeout=PATIENCE)
        answer = answers.nth(await answers.count())
        await self.app().get_by_test_id("ask-input").fill(question)
        await self.app().get_by_test_id("ask-input").press("Enter")
        await expect(answer).to_have_attribute("data-state", _WHOLE, timeout=PATIENCE)
        return {
            "state": await answer.get_attribute("data-state"),
            "text": (await answer.inner_text()).strip(),
            "sources": await answer.get_by_test_id("source").count(),
        }

    async def asks_in_the_bot(self, question: str) -> dict[str, Any]:
        """Close the app, write to the bot, and read its answer: text and source links."""
        await self.phone.get_by_test_id("webapp-close").click()
        before = await self._heard().count()
        await self.phone.get_by_test_id("composer").fill(question)
        await self.phone.get_by_test_id("send").click()
        await expect(self._heard().nth(before).locator("a[href*='t.me/']").first).to_be_visible(
            timeout=PATIENCE
        )
        answer = self._heard().last
        links = await answer.locator("a[href*='t.me/']").evaluate_all("all => all.map(one => one.href)")
        return {"text": (await answer.inner_text()).strip(), "sources": sorted(set(links))}

    def app(self) -> FrameLocator:
        """The Mini App, in a frame as in Telegram Web."""
        return self.phone.frame_locator("[data-testid=webapp-frame]")

    async def press_main_button(self, testid: str) -> None:
        """Press Telegram's main button below the app if the client has one, otherwise the page's."""
        native = self.phone.get_by_test_id("main-button")
        await (native if await native.is_visible() else self.app().get_by_test_id(testid)).click()

    def _heard(self) -> Locator:
        return self.phone.get_by_test_id("message-in")
