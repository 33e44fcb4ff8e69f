"""How one person sees the product, device, theme and language, and the camera that keeps it."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from PIL import Image
from playwright.async_api import Locator, Page, expect

from tests.e2e.person import DESK, PATIENCE, PHONE, Person
from tests.product import Product

if TYPE_CHECKING:
    from tests.e2e.conftest import Arrivals

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
# On a desktop with the chats around the Mini App; otherwise its window alone: a quarter of the bytes.
WITH_CHATS = {"home"}


@dataclass(frozen=True)
class Look:
    """A device, a theme and a language: how one person sees everything."""

    device: str
    theme: str
    language: str

    def __str__(self) -> str:
        return f"{self.device}-{self.theme}-{self.language}"

    @property
    def browser(self) -> dict[str, object]:
        viewport = PHONE if self.device == "phone" else DESK
        return {
            "viewport": viewport,
            "color_scheme": self.theme,
            "locale": self.language,
            "reduced_motion": "reduce",
        }

    @property
    def platform(self) -> str:
        return "ios" if self.device == "phone" else "tdesktop"


ALL = [
    Look(device, theme, language)
    for device in ("phone", "desktop")
    for theme in ("light", "dark")
    for language in ("ru", "en")
]
SHORT = [Look("phone", "light", "ru"), Look("desktop", "dark", "en")]


@dataclass
class Camera:
    look: Look
    writes: bool

    async def takes(self, screen: str, page: Page, *elements: Locator) -> None:
        """Wait for what the screen is about; with `--screenshots`, keep a small picture of it."""
        for element in elements:
            await expect(element).to_be_visible(timeout=PATIENCE)
        if self.writes:
            await page.wait_for_timeout(350)  # transitions
            FOLDER.mkdir(parents=True, exist_ok=True)
            picture = Image.open(io.BytesIO(await self._shot(screen, page)))
            method = Image.Quantize.FASTOCTREE  # smallest, and keeps the avatars' colours
            small = picture.convert("RGB").quantize(256, method=method, dither=Image.Dither.NONE)
            small.save(FOLDER / f"{screen}-{self.look}.png", optimize=True)

    async def _shot(self, screen: str, page: Page) -> bytes:
        window = page.get_by_test_id("webapp")
        if self.look.device == "desktop" and screen not in WITH_CHATS and await window.count():
            return await window.screenshot(animations="disabled")
        return await page.screenshot(animations="disabled")


async def dressed(product: Product, arrives: "Arrivals", look: Look, name: str) -> Person:
    """A person whose chat, questions and bot speak the look's language alone."""
    phone = product.phone(name)
    await phone.patch("/settings", theme=look.theme, language=look.language)
    with psycopg.connect(product.demo.running_database().owner_url, autocommit=True) as db:
        db.execute("TRUNCATE questions")
    await phone.delete("/bot/messages")
    await phone.starts()
    return await arrives(name, platform=look.platform, **look.browser)
