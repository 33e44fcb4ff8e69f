"""Two people in one browser: in two tabs, and one after the other in the same tab."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import Arrivals, Browsers, belongs
from tests.e2e.person import PATIENCE, Person
from tests.product import Product
from tests.stories.journey import Traveller

STORED = """Object.fromEntries([localStorage, sessionStorage].flatMap((storage) =>
  Array.from({length: storage.length}, (_, i) => [storage.key(i), storage.getItem(storage.key(i))])))"""
HERS = "ЛумскТранс"
QUESTION = "Сколько стоит месячный проездной?"


@pytest.fixture
async def anna(product: Product, settled: Callable[[str], Awaitable[Traveller]]) -> Traveller:
    """Anna has channels and has asked something; Max is a member of the same tenant."""
    await belongs(product, "max")
    traveller = await settled("anna")
    assert (await traveller.ask(QUESTION))["sources"]
    return traveller


async def _sees_nothing_of_hers(max_: Person) -> None:
    for tab in ("channels", "ask", "sessions"):
        await max_.turns_to(tab)
        await expect(max_.at("skeleton")).to_have_count(0)
        words = await max_.app().locator("main").inner_text()
        assert HERS not in words and QUESTION not in words


async def _stored(somebody: Person) -> dict[str, str]:
    frame = await somebody.frame()
    return await frame.evaluate(STORED)


async def test_two_tabs(product: Product, arrives: Arrivals, anna: Traveller) -> None:
    """Anna and Max side by side: each tab stays its own person's, also after the other has signed in."""
    hers = await arrives("anna")
    his = Person(product.demo, hers.telegram, hers.telegram, "max", phone_api=product.phone("max"))
    await his.takes_the_phone()
    await hers.enters("channels")
    await expect(hers.at("channel").filter(has_text=HERS)).to_be_visible(timeout=PATIENCE)
    await his.enters()
    await _sees_nothing_of_hers(his)
    await hers.turns_to("ask")
    await expect(hers.at("question").filter(has_text=QUESTION).first).to_be_visible(timeout=PATIENCE)


async def test_switching_accounts_in_one_tab(product: Product, arrives: Arrivals, anna: Traveller) -> None:
    """The tab's next person finds nothing of the last one, neither on the screen nor in the storage."""
    somebody = await arrives("anna")
    await somebody.enters("ask")
    await expect(somebody.at("question").filter(has_text=QUESTION).first).to_be_visible(timeout=PATIENCE)
    before = await _stored(somebody)
    somebody.person = "max"
    await somebody.phone.goto(f"{product.demo.phone_url}/#/max/bot")
    await somebody.phone.reload()
    await somebody.enters()
    await _sees_nothing_of_hers(somebody)
    after = await _stored(somebody)
    secrets = [value for key, value in before.items() if key.startswith("tga.session.") or key == "token"]
    assert secrets and not set(secrets) & set(after.values())


async def test_a_strangers_socket_token_shows_nothing(
    product: Product, arrives: Arrivals, browsers: Browsers, anna: Traveller
) -> None:
    """Who copies Anna's socket token into another browser gets none of her screen: it proves nothing."""
    hers = await arrives("anna")
    await hers.enters("channels")
    await expect(hers.at("channel").first).to_be_visible(timeout=PATIENCE)
    token = (await _stored(hers))["token"]
    thief = await (await browsers()).new_page()
    await thief.add_init_script(f"sessionStorage.setItem('token', {token!r})")
    await hers.phone.close()
    await thief.goto(f"{product.demo.web_url}/tg/app/channels/")
    await expect(thief.get_by_test_id("outside")).to_be_visible(timeout=PATIENCE)
    assert HERS not in await thief.content()
