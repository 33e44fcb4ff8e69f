"""kill −9 of any process at an awkward moment loses nothing, once it is back."""

import asyncio
import random

import pytest

from tests.faults.invariants import differences
from tests.phone import until
from tests.stories import journey

# a channel that posts by itself would move between the two looks
TICKER = "Lumna Buoy 7"
PROCESSES = ("ingest", "web", "bot", "chroma", "sandbox", "postgres")


@pytest.fixture(scope="module")
async def anna(product):
    """Anna is connected and has just chosen all her channels: the backfill is under way."""
    traveller = await journey.joins(product, "anna")
    assert await journey.connects(traveller) == "authorized"
    listed = (await traveller.rest("GET", "/api/channels/available"))["items"]
    for each in listed:
        if each["title"] != TICKER:
            await traveller.rest("POST", "/api/channels", telegram_id=each["telegram_id"])
    return traveller


@pytest.mark.parametrize("process", PROCESSES)
async def test_a_killed_process_loses_nothing(product, anna, process):
    """Posts written, edited and deleted around the kill are all here afterwards, and in the index."""
    mine = next(
        c for c in await anna.phone.get("/channels") if c["owned"] and c["title"].startswith("Садовая")
    )
    place = f"/channels/{mine['id']}/posts"
    edited = await anna.phone.post(place, text=f"Перед сбоем {process}: черновик объявления номер один.")
    deleted = await anna.phone.post(place, text=f"Перед сбоем {process}: это будет удалено.")
    killing = asyncio.create_task(product.kill(process))
    if process != "sandbox":
        await anna.phone.post(place, text=f"Во время сбоя {process}: вода будет с шести утра.")
    await killing
    await anna.phone.patch(f"{place}/{edited['id']}", text=f"После сбоя {process}: чистовое объявление.")
    await anna.phone.delete(f"{place}/{deleted['id']}")
    joined = [c for c in await anna.phone.get("/channels") if c["kind"] == "channel"]
    titles = [c["title"] for c in joined if c["title"] != TICKER]
    last = {}

    async def whole():
        last.clear()
        last.update(await differences(product, anna.phone, titles))
        return not last

    try:
        await until(whole, "every post to be here and indexed", 200)
    except AssertionError as error:
        raise AssertionError(f"{error}: {last}") from None


@pytest.mark.slow
async def test_thirty_kills_in_a_row_lose_nothing(product, anna):
    """Any process, at any moment, one after the other; the short form is the test above."""
    chance = random.Random(30)
    mine = next(
        c for c in await anna.phone.get("/channels") if c["owned"] and c["title"].startswith("Садовая")
    )
    for turn in range(30):
        await anna.phone.post(f"/channels/{mine['id']}/posts", text=f"Перед {turn}-м сбоем подряд.")
        await asyncio.sleep(chance.random() * 2)
        await product.kill(chance.choice([name for name in PROCESSES if name != "sandbox"]))
    last = {"never": "looked"}

    async def whole():
        last.clear()
        last.update(await differences(product, anna.phone, [mine["title"]]))
        return not last

    await until(whole, "every post to be here and indexed", 200)


async def test_what_is_said_to_a_dead_bot_is_answered(product, anna):
    """A question sent while the bot is dead is answered when it lives again."""
    process = asyncio.create_task(product.kill("bot"))
    heard = await anna.phone.says("/help", seconds=60)
    await process
    assert "/privacy" in heard


async def test_the_session_survives_all_of_it(product, anna):
    """After every kill there is still one device on the phone and one connected account here."""
    sessions = await anna.rest("GET", "/api/users/me/sessions")
    assert [account["status"] for account in sessions["telegram"]] == ["connected"]
    assert len(await anna.phone.get("/devices")) == 1
